//! The rate limit, in front of every public route.

use axum::{
    extract::{Request, State as Extract},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chassis::Problem;
use chassis::telemetry::names::{label, metric};
use http::StatusCode;
use metrics::counter;
use shop_api::problem::code;

use crate::{State, caller, limiter::Decision};

/// Lets a request pass or turns it away.
pub(super) async fn check(
    Extract(state): Extract<State>,
    request: Request,
    next: Next,
) -> Response {
    match state.limiter.take(caller::name(request.headers())) {
        Decision::Allowed => {
            count("allowed");
            next.run(request).await
        }
        Decision::Limited(wait) => {
            count("limited");
            // In whole seconds, and never too early.
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            let title = "The client makes too many requests";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, title)
                .retry_after_s(seconds)
                .into_response()
        }
    }
}

fn count(decision: &'static str) {
    counter!(metric::RATE_LIMITER_DECISIONS, label::DECISION => decision).increment(1);
}
