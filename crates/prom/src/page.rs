//! The pages: `/graph`, `/alerts`, `/targets`, `/rules`. One document and its scripts, nothing from other hosts.

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::json;
use web::{Link, Page, answer};

const PAGE: Page<'_> = Page {
    title: "Metrics",
    home: "/graph",
    script: "main.js",
    style: None,
    fallback: "This page needs JavaScript. The API under /api/v1 does not.",
};

/// The paths at which the document is served; its script shows what belongs there.
const PAGES: [&str; 5] = ["/graph", "/query", "/alerts", "/targets", "/rules"];

/// The scripts of these pages alone.
const SCRIPTS: [(&str, &str); 5] = [
    ("main.js", include_str!("page/main.js")),
    ("complete.js", include_str!("page/complete.js")),
    ("graph.js", include_str!("page/graph.js")),
    ("lists.js", include_str!("page/lists.js")),
    ("pointer.js", include_str!("page/pointer.js")),
];

/// The pages; `links` stand in the header of each, and exemplars lead to `traces`, Jaeger's address with a slash at its
/// end. `end_ms` is the end of a replayed run, Unix milliseconds.
pub fn router(links: &[Link], traces: &str, run: &str, end_ms: Option<i64>) -> Router {
    let end_s = end_ms.map(|end_ms| end_ms / 1_000);
    let settings = json!({ "run": run, "links": web::safe(links), "traces": traces, "end": end_s });
    let settings: Arc<str> = settings.to_string().into();
    let mut router = web::assets().route(
        "/assets/settings.json",
        get(move || async move { answer("application/json", String::from(&*settings)) }),
    );
    for path in ["/", "/classic/graph"] {
        router = router.route(path, get(|| async { Redirect::temporary("/graph") }));
    }
    for path in PAGES {
        router = router.route(path, get(|| async { PAGE.answer(&navigation()) }));
    }
    for (name, content) in SCRIPTS {
        router = web::script(router, name, content);
    }
    router
}

fn navigation() -> Markup {
    html! {
        a href="/graph" { "Graph" }
        a href="/alerts" { "Alerts " span #firing.count hidden {} }
        a href="/rules" { "Rules" }
        a href="/targets" { "Targets" }
    }
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
        for page in PAGES {
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
        for (name, _) in SCRIPTS {
            let (status, headers, _) = get(&format!("/assets/{name}")).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers["content-type"], web::JAVASCRIPT);
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
