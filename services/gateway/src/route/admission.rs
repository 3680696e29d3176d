//! Rejects blocked clients and those over their rate, before everything else.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chassis::Problem;
use chassis::telemetry::names::{label, metric};
use http::StatusCode;
use metrics::counter;
use shop_api::problem::code;

use crate::{Gateway, caller, limiter::Decision};

/// Passes a request on or rejects it.
pub(super) async fn check(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    let client = caller::name(request.headers());
    if gateway.blocked.contains(client) {
        let title = "This client is blocked";
        return Problem::new(StatusCode::FORBIDDEN, code::CLIENT_BLOCKED, title).into_response();
    }
    match gateway.limiter.take(client) {
        Decision::Allowed => {
            count("allowed");
            next.run(request).await
        }
        Decision::Limited(wait) => {
            count("limited");
            // Rounded up to whole seconds.
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            let title = "Too many requests from this client";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, title)
                .retry_after_s(seconds)
                .into_response()
        }
    }
}

fn count(decision: &'static str) {
    counter!(metric::RATE_LIMITER_DECISIONS, label::DECISION => decision).increment(1);
}
