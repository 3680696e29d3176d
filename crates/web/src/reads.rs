//! What clients of a query API expect around every answer: compression when they ask for it, and the headers by which
//! a page of another origin may read it.

use axum::Router;
use axum::http::{Method, header};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};

/// Puts both around `router`. Who may ask at all is decided before it, by `ingress::guard`.
pub fn readable(router: Router) -> Router {
    // The headers and methods that Prometheus allows.
    let headers = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::ORIGIN,
    ];
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_headers(headers)
        .expose_headers([header::DATE]);
    router.layer(CompressionLayer::new()).layer(cors)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::response::Response;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(method: &str, headers: &[(&str, &str)]) -> Response {
        let app = readable(Router::new().route("/", get(|| async { "7".repeat(9_000) })));
        let request = Request::builder().method(method).uri("/");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let request = request.body(Body::empty()).expect("a valid request");
        app.oneshot(request).await.expect("no error")
    }

    #[tokio::test]
    async fn answers_are_compressed_if_the_client_takes_it() {
        for (accepted, expected) in [
            ("", None),
            ("gzip", Some("gzip")),
            ("br, gzip;q=0.5", Some("gzip")),
            ("zstd", None),
        ] {
            let response = ask("GET", &[("accept-encoding", accepted)]).await;
            let encoding = response.headers().get("content-encoding");
            let encoding = encoding.map(|value| value.to_str().expect("text").to_owned());
            assert_eq!(encoding.as_deref(), expected, "{accepted}");
            let body = to_bytes(response.into_body(), 1 << 20)
                .await
                .expect("a body");
            assert_eq!(body.len() < 1_000, expected.is_some(), "{accepted}");
        }
    }

    #[tokio::test]
    async fn pages_of_other_origins_may_read() {
        let origin = ("origin", "https://grafana.example");
        let response = ask("GET", &[origin]).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["access-control-expose-headers"], "date");
        let response = ask(
            "OPTIONS",
            &[origin, ("access-control-request-method", "POST")],
        )
        .await;
        assert_eq!(response.status(), 200);
        let methods = response.headers()["access-control-allow-methods"].to_str();
        assert_eq!(methods.expect("text"), "GET,POST,OPTIONS");
    }
}
