//! Clients that are turned away, in front of everything else.

use axum::{
    extract::{Request, State as Extract},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chassis::Problem;
use http::StatusCode;
use shop_api::problem::code;

use crate::{State, caller};

/// Lets a request pass unless its client is blocked.
pub(super) async fn check(
    Extract(state): Extract<State>,
    request: Request,
    next: Next,
) -> Response {
    if state.blocked.has(caller::name(request.headers())) {
        let title = "The client may not use the shop";
        return Problem::new(StatusCode::FORBIDDEN, code::CLIENT_BLOCKED, title).into_response();
    }
    next.run(request).await
}
