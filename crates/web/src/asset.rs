//! Scripts, style and icon of the pages, and the headers with which every page and asset is answered.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};

/// Only what comes from this listener may run, style or be called.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The media type of a script.
pub const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Name below `/assets/`, content.
const SCRIPTS: [(&str, &str); 7] = [
    ("api.js", include_str!("asset/api.js")),
    ("chart.js", include_str!("asset/chart.js")),
    ("color.js", include_str!("asset/color.js")),
    ("exemplar.js", include_str!("asset/exemplar.js")),
    ("marks.js", include_str!("asset/marks.js")),
    ("time.js", include_str!("asset/time.js")),
    ("unit.js", include_str!("asset/unit.js")),
];

const STYLE: &str = include_str!("asset/style.css");

const FAVICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#d9480f"/><path d="M2 11l3-4 3 2 5-6" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

/// The routes of everything that pages share.
pub fn assets() -> Router {
    let router = Router::new()
        .route(
            "/favicon.ico",
            get(|| async { answer("image/svg+xml", FAVICON) }),
        )
        .route(
            "/assets/style.css",
            get(|| async { answer("text/css; charset=utf-8", STYLE) }),
        );
    SCRIPTS.into_iter().fold(router, |router, (name, content)| {
        script(router, name, content)
    })
}

/// Adds a script below `/assets/`, beside those that pages share.
pub fn script(router: Router, name: &str, content: &'static str) -> Router {
    let serve = move || async move { answer(JAVASCRIPT, content) };
    router.route(&format!("/assets/{name}"), get(serve))
}

/// An answer that a browser may neither take for another type nor keep over a release.
pub fn answer(media_type: &'static str, content: impl IntoResponse) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
        // A new release of the program must not run with the script of an old one.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, content).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn every_asset_is_served_with_its_type_and_the_policy() {
        let scripts = SCRIPTS.map(|(name, _)| (format!("/assets/{name}"), JAVASCRIPT));
        let others = [
            ("/assets/style.css".to_owned(), "text/css; charset=utf-8"),
            ("/favicon.ico".to_owned(), "image/svg+xml"),
        ];
        for (path, media_type) in scripts.into_iter().chain(others) {
            let request = Request::get(&path).body(Body::empty()).unwrap();
            let response = assets().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()["content-type"], media_type, "{path}");
            let policy = response.headers()["content-security-policy"].to_str();
            assert!(policy.unwrap().starts_with("default-src 'none'"), "{path}");
        }
    }
}
