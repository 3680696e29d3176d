//! The older API, `/api`, as the bundled UI calls it. Times are microseconds unless a name says otherwise.

use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::param::{Params, duration_ns, json_tags, malformed, micros_ns, millis_ns};
use super::{Answer, Api, MOST_TRACES, cut_text, json, room_for_more, view, write_json};
use crate::decode;
use crate::otlp::MAX_REQUEST_BYTES;
use crate::span::{Trace, TraceId, kind_word, parse_trace_id};
use crate::store::{Limits, Query, Store};

const DEFAULT_LIMIT: usize = 100;
const DAY_NS: u64 = 86_400_000_000_000;
const NOT_FOUND: &str = "trace not found";

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/services", get(services))
        .route(
            "/api/services/{service}/operations",
            get(service_operations),
        )
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(trace))
        .route("/api/dependencies", get(dependencies))
        .route("/api/quality-metrics", get(quality))
        .route("/api/transform", post(transform))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
}

async fn services(State(api): State<Api>) -> Response {
    let services = api.store.services();
    let total = services.len();
    data(&json!(services), total)
}

async fn service_operations(State(api): State<Api>, Path(service): Path<String>) -> Response {
    let mut names: Vec<String> = api
        .store
        .operations(&service)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    let total = names.len();
    data(&json!(names), total)
}

async fn operations(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.as_deref());
    let Some(service) = params.text(&["service"]) else {
        return refuse(StatusCode::BAD_REQUEST, "parameter 'service' is required");
    };
    let kind = params.text(&["spanKind"]);
    let listed: Vec<_> = api
        .store
        .operations(&service)
        .iter()
        .filter(|(_, own)| kind.as_deref().is_none_or(|kind| kind_word(*own) == kind))
        .map(|(name, kind)| json!({"name": name, "spanKind": kind_word(*kind)}))
        .collect();
    let total = listed.len();
    data(&json!(listed), total)
}

async fn search(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.as_deref());
    let wanted = match trace_ids(&params) {
        Ok(ids) if ids.is_empty() => parse(&params).map(TraceRequest::Matching),
        other => other.map(TraceRequest::Named),
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, &message),
    };
    respond(
        api.answer(move |store| Ok(wanted.collect(store).finish()))
            .await,
    )
}

enum TraceRequest {
    Named(Vec<TraceId>),
    Matching(Query),
}

impl TraceRequest {
    fn collect(&self, store: &Store) -> Traces {
        let mut out = Traces::default();
        match self {
            Self::Matching(query) => {
                store.search(query, |trace| {
                    out.add(&trace);
                    room_for_more(&out.out)
                });
                out.note_cut(query.limit);
            }
            Self::Named(ids) => {
                for id in ids {
                    let trace = match room_for_more(&out.out) {
                        ControlFlow::Continue(()) => store.trace(id),
                        ControlFlow::Break(()) => None,
                    };
                    match trace {
                        Some(trace) => out.add(&trace),
                        None => out.missing.push(*id),
                    }
                }
            }
        }
        out
    }
}

async fn trace(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let Some(parsed) = parse_trace_id(&id) else {
        return refuse(StatusCode::BAD_REQUEST, &malformed("traceID", &id));
    };
    let work = move |store: &Store| {
        let trace = store
            .trace(&parsed)
            .ok_or((StatusCode::NOT_FOUND, NOT_FOUND.to_owned()))?;
        let mut out = Traces::default();
        out.add(&trace);
        Ok(out.finish())
    };
    respond(api.answer(work).await)
}

fn trace_ids(params: &Params) -> Result<Vec<TraceId>, String> {
    let parse = |id| parse_trace_id(id).ok_or_else(|| malformed("traceID", id));
    let ids: Vec<TraceId> = params.all("traceID").map(parse).collect::<Result<_, _>>()?;
    if ids.len() > MOST_TRACES {
        return Err(format!(
            "at most {MOST_TRACES} traces can be asked for at once"
        ));
    }
    Ok(ids)
}

fn parse(params: &Params) -> Result<Query, String> {
    let end = params.parsed(&["end"], micros_ns)?;
    let start = match params.parsed(&["start"], micros_ns)? {
        Some(start) => Some(start),
        // The UI sends `custom` beside a start of its own.
        None => {
            let lookback = params
                .first(&["lookback"])
                .and_then(|(_, text)| duration_ns(text));
            lookback.map(|lookback| end.unwrap_or_else(now_ns).saturating_sub(lookback))
        }
    };
    let query = Query {
        service: params.text(&["service"]),
        operation: params.text(&["operation"]),
        tags: tags(params)?,
        start_min_ns: start,
        start_max_ns: end,
        duration_min_ns: params.parsed(&["minDuration"], duration_ns)?,
        // Jaeger takes nothing for no bound.
        duration_max_ns: params
            .parsed(&["maxDuration"], duration_ns)?
            .filter(|most| *most > 0),
        limit: limit(params)?,
    };
    match (query.duration_min_ns, query.duration_max_ns) {
        (Some(min), Some(max)) if max < min => {
            Err("'maxDuration' should be greater than 'minDuration'".to_owned())
        }
        _ => Ok(query),
    }
}

fn limit(params: &Params) -> Result<usize, String> {
    let positive = |text: &str| text.parse::<usize>().ok().filter(|limit| *limit > 0);
    let limit = params.parsed(&["limit"], positive)?;
    Ok(limit.unwrap_or(DEFAULT_LIMIT).min(MOST_TRACES))
}

fn tags(params: &Params) -> Result<Vec<(String, String)>, String> {
    let mut tags = Vec::new();
    for tag in params.all("tag") {
        let (key, value) = tag.split_once(':').ok_or_else(|| {
            format!("malformed 'tag' parameter, expecting key:value, received: {tag}")
        })?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    for text in params.all("tags").filter(|text| !text.is_empty()) {
        let parsed = json_tags(text)
            .ok_or_else(|| format!("malformed 'tags' parameter, cannot unmarshal JSON: {text}"))?;
        tags.extend(parsed);
    }
    Ok(tags)
}

fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

async fn dependencies(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.as_deref());
    let range = params.parsed(&["endTs"], millis_ns).and_then(|end| {
        let lookback = params.parsed(&["lookback"], millis_ns)?.unwrap_or(DAY_NS);
        let end = end.unwrap_or_else(now_ns);
        Ok((end.saturating_sub(lookback), end))
    });
    let (start, end) = match range {
        Ok(range) => range,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, &message),
    };
    let service = params.text(&["service"]);
    let work = move |store: &Store| {
        let mut links = store.dependencies(start, end);
        if let Some(service) = service {
            links.retain(|link| link.parent == service || link.child == service);
        }
        Ok(envelope(&json!(links), 0).into_bytes())
    };
    respond(api.answer(work).await)
}

/// Nothing rates the spans' quality here; the page that would show it is not in the menu.
async fn quality() -> Response {
    let body = json!({
        "traceQualityDocumentationLink": "",
        "bannerText": {"value": "span quality is not rated here"},
        "scores": [],
        "metrics": [],
        "clients": [],
    });
    json(StatusCode::OK, body.to_string())
}

/// Turns an OTLP/JSON file that a user drops on the UI into Jaeger's form.
async fn transform(State(api): State<Api>, body: Bytes) -> Response {
    let request = match decode::json(&body) {
        Ok(decoded) => decoded.request,
        Err(error) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                &format!("cannot unmarshal OTLP: {error}"),
            );
        }
    };
    let work = move |_: &Store| {
        let store = Store::new(Limits::default());
        store.ingest(&request.resource_spans);
        let all = Query {
            limit: usize::MAX,
            ..Query::default()
        };
        Ok(TraceRequest::Matching(all).collect(&store).finish())
    };
    respond(api.answer(work).await)
}

/// Writes the envelope trace by trace, so that only one is decoded at a time.
#[derive(Default)]
struct Traces {
    out: Vec<u8>,
    count: usize,
    missing: Vec<TraceId>,
    cut: Option<String>,
}

impl Traces {
    fn add(&mut self, trace: &Trace) {
        self.out.extend_from_slice(if self.out.is_empty() {
            br#"{"data":["#
        } else {
            b","
        });
        write_json(&mut self.out, &view::legacy_trace(trace));
        self.count += 1;
    }

    /// Says if an answer has no room for more: by the most traces that one may have, or by its bytes.
    fn note_cut(&mut self, limit: usize) {
        let is_full = limit == MOST_TRACES && self.count == limit;
        if is_full || room_for_more(&self.out).is_break() {
            self.cut = Some(cut_text(self.count));
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.out.is_empty() {
            self.out.extend_from_slice(br#"{"data":["#);
        }
        let missing = |id: &TraceId| json!({"msg": NOT_FOUND, "traceID": view::legacy_id(id)});
        let cut = self
            .cut
            .iter()
            .map(|text| json!({"msg": text, "traceID": ""}));
        let errors: Vec<_> = self.missing.iter().map(missing).chain(cut).collect();
        let errors = if errors.is_empty() {
            json!(null)
        } else {
            json!(errors)
        };
        let rest = format!(r#"],"total":0,"limit":0,"offset":0,"errors":{errors}}}"#);
        self.out.extend_from_slice(rest.as_bytes());
        self.out
    }
}

fn envelope(value: &serde_json::Value, total: usize) -> String {
    json!({"data": value, "total": total, "limit": 0, "offset": 0, "errors": null}).to_string()
}

fn data(value: &serde_json::Value, total: usize) -> Response {
    json(StatusCode::OK, envelope(value, total))
}

fn respond(answer: Answer) -> Response {
    match answer {
        Ok(body) => json(StatusCode::OK, body),
        Err((status, message)) => refuse(status, &message),
    }
}

/// An error in this API's format.
pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    let errors = json!([{"code": status.as_u16(), "msg": message}]);
    let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors});
    json(status, body.to_string())
}
