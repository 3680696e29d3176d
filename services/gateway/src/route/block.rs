//! Rejects blocked clients, before everything else.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chassis::Problem;
use http::StatusCode;
use shop_api::problem::code;

use crate::{Gateway, caller};

/// Passes a request on unless its client is blocked.
pub(super) async fn check(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    if gateway.blocked.contains(caller::name(request.headers())) {
        let title = "This client is blocked";
        return Problem::new(StatusCode::FORBIDDEN, code::CLIENT_BLOCKED, title).into_response();
    }
    next.run(request).await
}
