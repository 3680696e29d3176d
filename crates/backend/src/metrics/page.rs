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
const ASSETS: [(&str, &str, &str); 11] = [
    ("main.js", JAVASCRIPT, include_str!("page/main.js")),
    ("api.js", JAVASCRIPT, include_str!("page/api.js")),
    ("chart.js", JAVASCRIPT, include_str!("page/chart.js")),
    ("complete.js", JAVASCRIPT, include_str!("page/complete.js")),
    ("exemplar.js", JAVASCRIPT, include_str!("page/exemplar.js")),
    ("graph.js", JAVASCRIPT, include_str!("page/graph.js")),
    ("lists.js", JAVASCRIPT, include_str!("page/lists.js")),
    ("marks.js", JAVASCRIPT, include_str!("page/marks.js")),
    ("time.js", JAVASCRIPT, include_str!("page/time.js")),
    ("unit.js", JAVASCRIPT, include_str!("page/unit.js")),
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("page/style.css"),
    ),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The pages; `links` stand in the header of each, and exemplars lead to `traces`, Jaeger's address with a slash at its
/// end. `end_ms` is the end of a replayed run, Unix milliseconds.
pub fn router(links: &[Link], traces: &str, run: &str, end_ms: Option<i64>) -> Router {
    let end_s = end_ms.map(|end_ms| end_ms / 1_000);
    let settings = json!({ "run": run, "links": safe(links), "traces": traces, "end": end_s });
    let settings: Arc<str> = settings.to_string().into();
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use http::{Request, StatusCode};
    use tower::ServiceExt;

    async fn get(path: &str) -> (StatusCode, http::HeaderMap, String) {
        let link = |text: &str, url: &str| Link {
            text: text.to_owned(),
            url: url.to_owned(),
        };
        let links = [
            link("Drill", "http://127.0.0.1:1/"),
            link("Trap", "javascript:alert(1)"),
        ];
        let request = Request::get(path).body(Body::empty()).unwrap();
        let router = router(&links, "http://127.0.0.1:2/", "run-1", Some(5_000));
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }

    #[tokio::test]
    async fn every_page_loads_only_what_this_listener_has() {
        for page in ["/graph", "/alerts", "/targets", "/rules"] {
            let (status, headers, text) = get(page).await;
            assert_eq!(status, StatusCode::OK);
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
            assert!(!policy.contains("unsafe"));
            let from_elsewhere = [
                "src=\"http",
                "href=\"http",
                "<script>",
                "<style",
                "style=\"",
            ];
            assert!(
                !from_elsewhere.iter().any(|mark| text.contains(mark)),
                "{page}"
            );
        }
        for (name, media_type, _) in ASSETS {
            let (status, headers, _) = get(&format!("/assets/{name}")).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers["content-type"], media_type);
        }
    }

    #[tokio::test]
    async fn the_root_leads_to_the_graph_and_links_run_no_script() {
        let (status, headers, _) = get("/").await;
        assert_eq!(
            (status, &headers["location"]),
            (StatusCode::TEMPORARY_REDIRECT, &"/graph".parse().unwrap())
        );
        let (_, _, settings) = get("/assets/settings.json").await;
        let expected = r#"{"end":5,"links":[{"text":"Drill","url":"http://127.0.0.1:1/"}],"run":"run-1","traces":"http://127.0.0.1:2/"}"#;
        assert_eq!(settings, expected);
    }
}
