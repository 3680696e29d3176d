//! The Host header check of a listener for this machine alone.
//!
//! A loopback listener alone does not keep a web page out: its author points a name of theirs at 127.0.0.1
//! and the browser connects. Such a request still carries that name in `Host`, so only names that mean this machine
//! are let through.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

/// Puts the check in front of every route of `router`, its fallback included, if it listens on loopback. On any other address
/// callers use names that are not known here, such as a container's, so every name is let through.
pub fn guard(router: Router, listen: SocketAddr) -> Router {
    if listen.ip().is_loopback() {
        router.layer(middleware::from_fn(refuse_foreign))
    } else {
        router
    }
}

async fn refuse_foreign(request: Request, next: Next) -> Response {
    if !request.method().is_safe() && is_of_foreign_page(&request) {
        let message = "a page of another host may read here, but not send";
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    // HTTP/2 puts the authority into the target and needs no header.
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request
            .headers()
            .get(header::HOST)
            .and_then(|value| value.to_str().ok()),
    };
    if authority.is_some_and(is_loopback) {
        return next.run(request).await;
    }
    let message = "the Host header does not name this machine's loopback address";
    (StatusCode::FORBIDDEN, message).into_response()
}

/// Whether a browser sends this for a page that this machine did not serve. Other clients send no `Origin`.
fn is_of_foreign_page(request: &Request) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return false;
    };
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    !authority.is_some_and(is_loopback)
}

/// Whether an authority (`host` or `host:port`) means this machine. Any port will do: a forwarded one is still this
/// machine.
pub fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let is_known = host == "127.0.0.1" || host == "[::1]" || host.eq_ignore_ascii_case("localhost");
    // What follows the host must be a port: the parser takes `127.0.0.1:1.evil.example` as well.
    let port = authority.as_str().strip_prefix(host);
    let is_port = |port: &str| match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
        None => false,
    };
    is_known && port.is_some_and(|port| port.is_empty() || is_port(port))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn only_loopback_names_pass() {
        let cases = [
            ("127.0.0.1:16686", true),
            ("localhost", true),
            ("LOCALHOST:9", true),
            ("[::1]:16686", true),
            ("evil.example:16686", false),
            ("127.0.0.1.evil.example:16686", false),
            ("127.0.0.1:16686.evil.example", false),
            ("localhost:1:2", false),
            ("localhost:", false),
            ("localhost:99999", false),
            ("localhost:+1", false),
            ("localhost@evil.example", false),
            ("evil@127.0.0.1", false),
            ("", false),
        ];
        for (host, expected) in cases {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }

    #[tokio::test]
    async fn foreign_hosts_get_nothing() {
        let routes = || Router::new().route("/", get(|| async {}));
        let cases = [
            ("127.0.0.1:1", "/", "localhost:16686", StatusCode::OK),
            ("127.0.0.1:1", "/", "rebound.example", StatusCode::FORBIDDEN),
            ("[::1]:1", "/", "rebound.example", StatusCode::FORBIDDEN),
            // The fallback is behind the check too.
            (
                "127.0.0.1:1",
                "/x",
                "rebound.example",
                StatusCode::FORBIDDEN,
            ),
            ("127.0.0.1:1", "/x", "127.0.0.1:4318", StatusCode::NOT_FOUND),
            // As a service in another container calls it.
            ("0.0.0.0:1", "/", "172.18.0.2:1", StatusCode::OK),
            ("172.18.0.2:1", "/", "drill:1", StatusCode::OK),
        ];
        for (listen, path, host, expected) in cases {
            let app = guard(routes(), listen.parse().unwrap());
            let request = Request::get(path).header("host", host).body(Body::empty());
            let response = app.oneshot(request.unwrap()).await.unwrap();
            assert_eq!(response.status(), expected, "{path} for {host} on {listen}");
        }
    }

    #[tokio::test]
    async fn pages_of_other_hosts_may_read_and_not_send() {
        let routes = Router::new().route("/", get(|| async {}).post(|| async {}));
        let app = guard(routes, ([127, 0, 0, 1], 1).into());
        let cases = [
            ("GET", Some("https://evil.example"), StatusCode::OK),
            ("POST", Some("https://evil.example"), StatusCode::FORBIDDEN),
            ("POST", Some("null"), StatusCode::FORBIDDEN),
            (
                "POST",
                Some("http://127.0.0.1.evil.example"),
                StatusCode::FORBIDDEN,
            ),
            ("POST", Some("http://localhost:3000"), StatusCode::OK),
            ("POST", None, StatusCode::OK),
        ];
        for (method, origin, expected) in cases {
            let request = Request::builder()
                .method(method)
                .uri("/")
                .header("host", "localhost");
            let request = match origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            };
            let response = app
                .clone()
                .oneshot(request.body(Body::empty()).unwrap())
                .await;
            assert_eq!(response.unwrap().status(), expected, "{method} {origin:?}");
        }
    }
}
