//! The Host header check of a listener for this machine alone.
//!
//! A loopback listener alone does not keep a web page out: its author points a name of theirs at 127.0.0.1
//! and the browser connects. Such a request still carries that name in `Host`, so only names that mean this machine
//! are let through.

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

/// Puts the check in front of every route of `router`, its fallback included.
pub fn guard(router: Router) -> Router {
    router.layer(middleware::from_fn(refuse_foreign))
}

async fn refuse_foreign(request: Request, next: Next) -> Response {
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

/// Whether an authority (`host` or `host:port`) means this machine. Any port will do: a forwarded one is still this
/// machine.
fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let is_known = host == "127.0.0.1" || host == "[::1]" || host.eq_ignore_ascii_case("localhost");
    is_known && !authority.as_str().contains('@')
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
        let app = guard(Router::new().route("/", get(|| async {})));
        let cases = [
            ("/", "localhost:16686", StatusCode::OK),
            ("/", "rebound.example", StatusCode::FORBIDDEN),
            // The fallback is behind the check too.
            ("/static/x", "rebound.example", StatusCode::FORBIDDEN),
            ("/static/x", "127.0.0.1:4318", StatusCode::NOT_FOUND),
        ];
        for (path, host, expected) in cases {
            let request = Request::get(path).header("host", host).body(Body::empty());
            let response = app.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(response.status(), expected, "{path} for {host}");
        }
    }
}
