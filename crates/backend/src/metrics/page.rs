//! The pages: `/graph`, `/alerts`, `/targets`, `/rules`. One document, our own script, nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};
use serde_json::json;

use crate::config::Link;

/// Only what comes from this listener may run, style or be called.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SHELL: &str = include_str!("page/index.html");

/// Path below `/assets/`, media type, content.
const ASSETS: [(&str, &str, &str); 9] = [
    ("main.js", JAVASCRIPT, include_str!("page/main.js")),
    ("api.js", JAVASCRIPT, include_str!("page/api.js")),
    ("chart.js", JAVASCRIPT, include_str!("page/chart.js")),
    ("complete.js", JAVASCRIPT, include_str!("page/complete.js")),
    ("graph.js", JAVASCRIPT, include_str!("page/graph.js")),
    ("lists.js", JAVASCRIPT, include_str!("page/lists.js")),
    ("time.js", JAVASCRIPT, include_str!("page/time.js")),
    ("unit.js", JAVASCRIPT, include_str!("page/unit.js")),
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("page/style.css"),
    ),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The pages; `links` stand in the header of each. `end_ms` is the end of a replayed run, Unix milliseconds.
pub fn router(links: &[Link], run: &str, end_ms: Option<i64>) -> Router {
    let end_s = end_ms.map(|end_ms| end_ms / 1_000);
    let settings: Arc<str> = json!({ "run": run, "links": safe(links), "end": end_s })
        .to_string()
        .into();
    let mut router = Router::new()
        .route("/", get(|| async { Redirect::temporary("/graph") }))
        .route(
            "/classic/graph",
            get(|| async { Redirect::temporary("/graph") }),
        )
        .route(
            "/favicon.ico",
            get(|| async { asset("image/svg+xml", FAVICON) }),
        )
        .route(
            "/assets/settings.json",
            get(move || async move { asset("application/json", String::from(&*settings)) }),
        );
    for page in ["/graph", "/query", "/alerts", "/targets", "/rules"] {
        router = router.route(
            page,
            get(|| async { asset("text/html; charset=utf-8", SHELL) }),
        );
    }
    for (name, media_type, content) in ASSETS {
        let path = format!("/assets/{name}");
        router = router.route(
            &path,
            get(move || async move { asset(media_type, content) }),
        );
    }
    router
}

const FAVICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#d9480f"/><path d="M2 11l3-4 3 2 5-6" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

/// A link that would run a script instead of leading somewhere is left out.
fn safe(links: &[Link]) -> Vec<&Link> {
    let leads = |link: &&Link| {
        ["http://", "https://", "/"]
            .iter()
            .any(|start| link.url.starts_with(start))
    };
    links.iter().filter(leads).collect()
}

fn asset(media_type: &'static str, content: impl IntoResponse) -> Response {
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
        // A new release of the drill must not run with the script of an old one.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, content).into_response()
}
