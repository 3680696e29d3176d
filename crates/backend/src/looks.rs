//! What the responder asks over the two query APIs, written down beside the journals: the debrief shows from it how
//! the incident was worked.
//!
//! Programs of a drill name themselves in `User-Agent` and are left out: they ask for no person, or write their own
//! record. The record bounds the file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use parking_lot::Mutex;
use record::{By, Look, LookKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::warn;

/// The `User-Agent` of the programs of a drill.
const DRILL_AGENT: &str = "firedrill";
/// Longest form that is read, in bytes.
const MAX_FORM: usize = 1 << 20;
/// A page that repeats a question counts as one look.
const AGAIN: Duration = Duration::from_secs(30);
/// Questions that are remembered for this.
const REMEMBERED: usize = 256;

/// Where questions are written down. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Looks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: record::Looks,
    recent: Mutex<HashMap<(LookKind, String), Instant>>,
}

impl Looks {
    /// Into a run's folder; nothing is written yet.
    pub(crate) fn open(folder: &Path) -> Self {
        Self(Arc::new(Inner {
            file: record::Looks::open(folder),
            recent: Mutex::default(),
        }))
    }

    /// Writes down what `router` is asked.
    pub(crate) fn watch(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), look))
    }

    fn is_again(&self, look: &Look) -> bool {
        let mut recent = self.0.recent.lock();
        recent.retain(|_, at| at.elapsed() < AGAIN);
        let key = (look.kind, look.what.clone());
        let is_known = recent.contains_key(&key);
        if recent.len() < REMEMBERED {
            recent.insert(key, Instant::now());
        }
        is_known
    }
}

async fn look(State(looks): State<Looks>, request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT);
    let is_drill = agent.is_some_and(|agent| agent == DRILL_AGENT);
    if is_drill || !asks(request.uri().path()) {
        return next.run(request).await;
    }
    let (request, form) = match opened(request).await {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let question = question(request.uri().path(), &form);
    let response = next.run(request).await;
    let is_answered = response.status().is_success();
    if let Some(look) = question.filter(|look| is_answered && !looks.is_again(look)) {
        // Not waited for: the answer is what was asked for.
        tokio::task::spawn_blocking(move || {
            if let Err(error) = looks.0.file.note(&look) {
                warn!("failed to record a query: {error}");
            }
        });
    }
    response
}

/// Whether a request to this path is a question about evidence.
fn asks(path: &str) -> bool {
    matches!(path, "/api/v1/query" | "/api/v1/query_range")
        || ["/api/traces", "/api/v3/traces"]
            .iter()
            .any(|start| path.starts_with(start))
}

type Pairs = Vec<(String, String)>;

/// The request as it was, and its parameters, those in the body first.
async fn opened(request: Request) -> Result<(Request, Pairs), Response> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs: Pairs = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let has_body = request.method() == Method::POST;
    if !has_body {
        return Ok((request, pairs));
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_FORM)
        .await
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()).into_response())?;
    pairs.splice(..0, form_urlencoded::parse(&body).into_owned());
    Ok((Request::from_parts(head, Body::from(body)), pairs))
}

/// What a question looks at; nothing if it is none that is worth writing down.
fn question(path: &str, form: &[(String, String)]) -> Option<Look> {
    let get = |name: &str| form.iter().find(|(known, _)| known == name);
    let get = |name: &str| get(name).map(|(_, value)| value.as_str());
    let asked = |kind, what: &str| Look {
        at: OffsetDateTime::now_utc(),
        by: By::Browser,
        kind,
        what: what.trim().to_owned(),
        from: None,
        time: None,
    };
    if path.starts_with("/api/v1/") {
        let time = get("time").or_else(|| get("end")).and_then(moment);
        return Some(Look {
            from: get("start").and_then(moment),
            time,
            ..asked(LookKind::Promql, get("query")?)
        });
    }
    let id = ["/api/traces/", "/api/v3/traces/"]
        .iter()
        .find_map(|start| path.strip_prefix(start));
    if let Some(id) = id.or_else(|| get("traceID")) {
        let is_id = !id.is_empty() && id.len() <= 32 && id.chars().all(|c| c.is_ascii_hexdigit());
        return is_id.then(|| asked(LookKind::Trace, id));
    }
    let words: Vec<&str> = ["service", "query.service_name", "operation"]
        .into_iter()
        .chain(["query.operation_name", "tags", "minDuration", "maxDuration"])
        .filter_map(get)
        .collect();
    Some(asked(LookKind::Traces, &words.join(" ")))
}

/// A time as Prometheus takes it, seconds or RFC 3339.
fn moment(text: &str) -> Option<OffsetDateTime> {
    match text.parse::<f64>() {
        Ok(seconds) => OffsetDateTime::from_unix_timestamp_nanos((seconds * 1e9) as i128).ok(),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339).ok(),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tower::ServiceExt as _;

    use super::*;

    fn written(folder: &Path) -> Vec<Look> {
        // A line that is being written is read the next time.
        record::LOOKS.readable(folder).expect("looks")
    }

    fn app(folder: &Path) -> Router {
        let echo = |body: String| async move { body };
        let refuse = || async { StatusCode::NOT_FOUND };
        let router = Router::new()
            .route("/api/v1/query", get(|| async {}).post(echo))
            .route("/api/v1/query_range", get(|| async {}))
            .route("/api/v1/labels", post(|| async {}))
            .route("/api/traces", get(|| async {}))
            .route("/api/traces/{id}", get(|| async {}))
            .route("/api/v3/traces/{id}", get(refuse));
        Looks::open(folder).watch(router)
    }

    async fn send(app: &Router, method: &str, uri: &str, agent: &str, body: &str) -> String {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, agent)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .expect("a valid request");
        let response = app.clone().oneshot(request).await.expect("no error");
        let bytes = to_bytes(response.into_body(), 1 << 20).await;
        String::from_utf8_lossy(&bytes.expect("a body")).into_owned()
    }

    #[tokio::test]
    async fn questions_of_a_browser_are_written_down_once_and_those_of_the_drill_are_not() {
        let folder = tempfile::tempdir().expect("there is room");
        let app = app(folder.path());
        let asked = "
GET firedrill /api/v1/query?query=drill
GET Mozilla /api/v1/query?query=up%7B%7D&time=1795442400
GET Mozilla /api/v1/query?query=up%7B%7D&time=1795442401
GET Mozilla /api/v1/query_range?query=r&start=1795442400&end=1795442460&step=1
POST Mozilla /api/v1/labels
GET Mozilla /api/traces?service=gateway&operation=POST+%2Fv1%2Forders&limit=20
GET Mozilla /api/traces/4bf92f3577b34da6a3ce929d0e0e4736
GET Mozilla /api/traces/..%2f..%2fetc
GET Mozilla /api/v3/traces/4bf92f
";
        for line in asked.trim().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            send(&app, words[0], words[2], words[1], "").await;
        }
        let body = "query=errors%20%3E%203";
        let echoed = send(&app, "POST", "/api/v1/query", "Grafana", body).await;
        assert_eq!(echoed, body, "the handler still gets the body");
        let deadline = Instant::now() + Duration::from_secs(10);
        while written(folder.path()).len() < 5 && Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        let text = |at: Option<OffsetDateTime>| at.map(text::format::rfc3339);
        let mut found: Vec<String> = written(folder.path())
            .iter()
            .map(|look| {
                assert_eq!(look.by, By::Browser);
                let (from, to) = (text(look.from), text(look.time));
                format!("{:?} {:?} {from:?} {to:?}", look.kind, look.what)
            })
            .collect();
        found.sort();
        let expected = [
            r#"Promql "errors > 3" None None"#,
            r#"Promql "r" Some("2026-11-23T14:00:00.000Z") Some("2026-11-23T14:01:00.000Z")"#,
            r#"Promql "up{}" None Some("2026-11-23T14:00:00.000Z")"#,
            r#"Trace "4bf92f3577b34da6a3ce929d0e0e4736" None None"#,
            r#"Traces "gateway POST /v1/orders" None None"#,
        ];
        assert_eq!(found, expected);
    }
}
