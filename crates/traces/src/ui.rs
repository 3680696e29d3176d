//! The real Jaeger UI, from a crate that carries its built assets; only the assets are used.
//!
//! The page is served from here for every address that the UI itself routes, with its configuration line filled
//! in. Assets come from the crate's own router, everything below `/api` from `jaeger`. What is broken in the assets is
//! repaired on the way: see `repair`, and the script that the page loads first.

mod repair;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

/// What the UI shows beside traces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Links in the menu bar, such as to the graph page.
    pub links: Vec<MenuLink>,
    /// Links on tags, logs, processes or whole traces.
    pub link_patterns: Vec<LinkPattern>,
    /// The end of an ended run, Unix milliseconds: for its pages this is the present.
    pub end_ms: Option<i64>,
}

/// One link in the menu bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MenuLink {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub url: String,
}

/// Turns values of a key into links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPattern {
    /// Where the key is looked for.
    #[serde(rename = "type")]
    pub place: Place,
    /// The key of a tag, log field or process tag; unused for traces.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Address with `#{key}` in place of values.
    pub url: String,
    /// What the link says, with `#{key}` in place of values.
    pub text: String,
}

/// Where a link pattern applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Tags of spans.
    Tags,
    /// Tags of processes.
    Process,
    /// Log fields.
    Logs,
    /// The header of a trace.
    Traces,
}

/// More than any asset has.
const MAX_ASSET: usize = 32 << 20;
/// The line of the page that a server fills in.
const CONFIG_LINE: &str = "const JAEGER_CONFIG = DEFAULT_CONFIG;";

#[derive(Debug, Clone)]
struct Pages {
    assets: Router,
    config: Arc<Json>,
    /// The page with its configuration, made at the first request.
    index: Arc<OnceCell<Html<String>>>,
    /// The UI's program as it is served, made at the first request.
    program: Arc<OnceCell<Bytes>>,
    end_ms: Option<i64>,
}

/// What the page may load: only from here. Its configuration is a script within it, its styles too, and it lays graphs
/// out in workers that it makes itself.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; \
    object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'";

/// What the page loads before the UI.
const FIRST_SCRIPT: &str = include_str!("ui/first.js");
/// Where it is.
const FIRST_PATH: &str = "/static/first.js";

/// Puts the UI behind `api`, which answers everything below `/api`.
pub fn router(api: Router, config: &Config) -> Router {
    let state = otlp_embedded::State::new(otlp_embedded::Config {
        max_length: 1,
        max_memory_usage: 1,
    });
    let pages = Pages {
        assets: otlp_embedded::ui_app(state, "/"),
        config: Arc::new(page_config(config)),
        index: Arc::default(),
        program: Arc::default(),
        end_ms: config.end_ms,
    };
    api.fallback_service(axum::routing::any(serve).with_state(pages))
}

async fn serve(State(pages): State<Pages>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path();
    if path == FIRST_PATH {
        return pages.first_script();
    }
    if path.starts_with("/static/") {
        return pages.asset(path).await;
    }
    if path == "/favicon.ico" || path == "/robots.txt" {
        return StatusCode::NOT_FOUND.into_response();
    }
    match pages.index.get_or_try_init(|| pages.index()).await {
        Ok(page) => {
            let headers = [
                (header::CACHE_CONTROL, "no-store"),
                (header::CONTENT_SECURITY_POLICY, POLICY),
            ];
            (headers, page.clone()).into_response()
        }
        Err(message) => (StatusCode::INTERNAL_SERVER_ERROR, message).into_response(),
    }
}

impl Pages {
    async fn fetch(&self, path: &str) -> Response {
        let request = Request::builder().uri(path).body(Body::empty());
        let request = request.expect("the path was part of a valid request");
        let response = self.assets.clone().oneshot(request).await;
        response.unwrap_or_else(|never| match never {})
    }

    /// An asset; its name changes with its content, so browsers may keep it.
    async fn asset(&self, path: &str) -> Response {
        let mut response = self.fetch(path).await;
        if response.status().is_success() && repair::is_program(path) {
            let body = std::mem::take(response.body_mut());
            let program = self.program.get_or_try_init(|| async {
                let program = body::to_bytes(body, MAX_ASSET).await?;
                Ok::<_, axum::Error>(repair::program(&program))
            });
            match program.await {
                Ok(program) => {
                    response.headers_mut().remove(header::CONTENT_LENGTH);
                    *response.body_mut() = Body::from(program.clone());
                }
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
            // Its name says nothing about the repairs.
            let ask_again = HeaderValue::from_static("no-cache");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, ask_again);
        } else if response.status().is_success() {
            let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, forever);
        }
        response
    }

    async fn index(&self) -> Result<Html<String>, String> {
        let response = self.fetch("/index.html").await;
        let bytes = body::to_bytes(response.into_body(), 1 << 20).await;
        let bytes = bytes.map_err(|error| error.to_string())?;
        let page = String::from_utf8_lossy(&bytes);
        // `<` could end the script element.
        let config = self.config.to_string().replace('<', "\\u003c");
        let page = page.replacen(CONFIG_LINE, &format!("const JAEGER_CONFIG = {config};"), 1);
        let first = format!("<script src=\".{FIRST_PATH}\"></script>\n    <script>");
        Ok(Html(page.replacen("<script>", &first, 1)))
    }

    /// The script with what the time is here.
    fn first_script(&self) -> Response {
        let now_ms = self.end_ms.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
        });
        let script = FIRST_SCRIPT.replacen("NOW_MS", &now_ms.to_string(), 1);
        let headers = [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (headers, script).into_response()
    }
}

/// The UI's configuration: our links, and off what has nothing behind it.
fn page_config(config: &Config) -> Json {
    let link =
        |link: &MenuLink| json!({"label": link.text, "url": link.url, "anchorTarget": "_self"});
    json!({
        "menu": config.links.iter().map(link).collect::<Vec<_>>(),
        "linkPatterns": config.link_patterns,
        "archiveEnabled": false,
        "dependencies": {"menuEnabled": true},
        "deepDependencies": {"menuEnabled": false},
        "monitor": {"menuEnabled": true},
        "qualityMetrics": {"menuEnabled": false},
        "tracking": {"gaID": null, "trackErrors": false},
        "search": {"maxLookback": {"label": "2 Days", "value": "2d"}, "maxLimit": 1500},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str) -> (StatusCode, String, String) {
        let link = MenuLink {
            text: "Graph</script>".into(),
            url: "http://127.0.0.1:9090".into(),
        };
        let config = Config {
            links: vec![link],
            ..Config::default()
        };
        let request = Request::get(path).body(Body::empty());
        let app = router(Router::new(), &config);
        let response = app.oneshot(request.expect("a valid request")).await;
        let (head, body) = response.expect("no error").into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.map_or("", |kind| kind.to_str().expect("text"));
        let body = body::to_bytes(body, 16 << 20).await.expect("a body");
        let text = String::from_utf8_lossy(&body).into_owned();
        (head.status, kind.to_owned(), text)
    }

    #[tokio::test]
    async fn every_address_of_the_ui_gets_the_configured_page() {
        let paths = "/ /index.html /search?service=a /trace/1 /trace/1...2 /dependencies /compare";
        for path in paths.split(' ') {
            let (status, kind, page) = get(path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(kind, "text/html; charset=utf-8", "{path}");
            assert!(page.contains(r#""label":"Graph\u003c/script>""#), "{path}");
            assert!(!page.contains(CONFIG_LINE), "{path}");
        }
    }

    #[tokio::test]
    async fn the_page_may_load_from_here_only() {
        let app = router(Router::new(), &Config::default());
        for path in ["/", "/search", "/trace/1"] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let response = app.clone().oneshot(request).await.expect("no error");
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str();
            let policy = policy.expect("text");
            assert!(
                policy.starts_with("default-src 'self';") && !policy.contains("http"),
                "{policy}"
            );
        }
    }

    #[tokio::test]
    async fn the_page_finds_its_assets() {
        let (_, _, page) = get("/").await;
        let assets: Vec<&str> = page
            .split(['"', '\''])
            .filter(|text| text.starts_with("./static/"))
            .collect();
        assert!(assets.len() >= 3, "{assets:?}");
        for asset in assets {
            let (status, kind, _) = get(asset.trim_start_matches('.')).await;
            assert_eq!(status, StatusCode::OK, "{asset}");
            assert!(!kind.contains("html"), "{asset}: {kind}");
        }
        assert_eq!(get("/static/none.js").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_program_is_served_repaired_and_after_our_script() {
        let (_, _, page) = get("/search").await;
        let place = |text: &str| {
            page.find(text)
                .unwrap_or_else(|| panic!("{text} in {page}"))
        };
        let program = page
            .split('"')
            .find(|text| text.starts_with("./static/index-") && text.ends_with(".js"));
        let program = program.expect("the program's address");
        assert!(place("./static/first.js") < place(program));
        let (_, _, text) = get(program.trim_start_matches('.')).await;
        for (broken, mended) in repair::REPAIRS {
            assert_eq!(text.matches(mended).count(), 1, "{mended}");
            assert!(
                !text.contains(broken) || mended.contains(broken),
                "{broken}"
            );
        }
        let (_, kind, first) = get(FIRST_PATH).await;
        assert!(kind.starts_with("text/javascript"), "{kind}");
        assert!(
            first.contains("const now = 17") || first.contains("const now = 18"),
            "{first}"
        );
    }
}
