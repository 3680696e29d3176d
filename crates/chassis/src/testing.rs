//! Calls to a service's routes without a process, for the tests of the services.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Process, layer};

/// Wraps `router` in the chassis's layers: request id, deadline, span, metrics, problems.
pub fn layered(router: Router) -> Router {
    layer::around(router, &Process::default())
}

/// Sends a request with a JSON body, or without one where `body` is null, and reads the response. A body that is not
/// JSON reads as null.
pub async fn send(
    router: &Router,
    request: http::request::Builder,
    body: Value,
) -> (StatusCode, HeaderMap, Value) {
    let body = match body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    let request: Request = request
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body)
        .expect("the test's request is valid");
    let response = router.clone().oneshot(request).await;
    let (parts, body) = response.expect("a router never fails").into_parts();
    let bytes = body.collect().await.expect("the body is in memory");
    let body = serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default();
    (parts.status, parts.headers, body)
}
