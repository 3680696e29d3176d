//! Access control of the admin port.
//!
//! A web page that the user has open can send requests to loopback, but it cannot set the Host header
//! and does not know the token.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use ingress::{bearer, is_same_token};

use shop_api::problem::code;

use super::AdminState;
use crate::problem::{self, Problem};

/// Completes problems, and rejects requests with a foreign Host header. The header is only checked on
/// loopback: on other addresses the network decides on names, and the token protects the port.
pub(super) async fn host(
    State(state): State<Arc<AdminState>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let response = if is_own_host(request.headers(), state.addr) {
        next.run(request).await
    } else {
        Problem::new(
            StatusCode::FORBIDDEN,
            code::UNKNOWN_HOST,
            "Unexpected Host header",
        )
        .into_response()
    };
    problem::complete(response, &path, "").await
}

/// Rejects requests without the token.
pub(super) async fn token(
    State(state): State<Arc<AdminState>>,
    request: Request,
    next: Next,
) -> Response {
    let given = bearer(request.headers());
    if given.is_some_and(|given| is_same_token(given, state.token.expose().as_bytes())) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::UNAUTHORIZED,
        code::TOKEN_REQUIRED,
        "A valid bearer token is required",
    )
    .into_response()
}

fn is_own_host(headers: &HeaderMap, addr: SocketAddr) -> bool {
    if !addr.ip().is_loopback() {
        return true;
    }
    let port = addr.port();
    let host = headers.get(header::HOST).map(|value| value.as_bytes());
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host == Some(format!("{name}:{port}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn on_loopback_only_the_own_host_passes() {
        let check = |addr: &str, host: Option<&str>, expected: bool| {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                let value = HeaderValue::try_from(host).expect("a header of the test");
                headers.insert(header::HOST, value);
            }
            let addr: SocketAddr = addr.parse().expect("an address of the test");
            assert_eq!(is_own_host(&headers, addr), expected, "{addr} {host:?}");
        };
        check("127.0.0.1:9", Some("127.0.0.1:9"), true);
        check("127.0.0.1:9", Some("localhost:9"), true);
        check("[::1]:9", Some("[::1]:9"), true);
        check("127.0.0.1:9", Some("127.0.0.1:8"), false);
        check("127.0.0.1:9", Some("127.0.0.1"), false);
        check("127.0.0.1:9", Some("evil.example:9"), false);
        check("127.0.0.1:9", None, false);
        check("0.0.0.0:9", Some("checkout:9"), true);
    }
}
