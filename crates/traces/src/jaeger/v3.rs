//! The stable API: `/api/v3`. Traces are OTLP/JSON in the wrapper of Jaeger's gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, json};

use super::param::{Params, duration_ns, json_tags, malformed, rfc3339_ns};
use super::{Answer, Api, MOST_TRACES, cut_text, json, room_for_more, view, write_json};
use crate::span::{TraceId, kind_word, parse_trace_id};
use crate::store::Query;

const DEFAULT_LIMIT: usize = 100;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(search))
        .route("/api/v3/traces/{id}", get(trace))
}

async fn services(State(api): State<Api>) -> Response {
    respond(Ok(json!({"services": api.store.services()})
        .to_string()
        .into()))
}

async fn operations(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.as_deref());
    let service = params.text(&["service"]).unwrap_or_default();
    let kind = params.text(&["spanKind", "span_kind"]);
    let found = api.store.operations(&service);
    let listed: Vec<_> = found
        .iter()
        .filter(|(_, own)| kind.as_deref().is_none_or(|kind| kind_word(*own) == kind))
        .map(|(name, kind)| {
            let mut operation = Map::new();
            // As in every JSON of a protobuf message, what is empty is left out.
            for (key, text) in [("name", name.as_str()), ("spanKind", kind_word(*kind))] {
                if !text.is_empty() {
                    operation.insert(key.to_owned(), text.into());
                }
            }
            operation
        })
        .collect();
    respond(Ok(json!({"operations": listed}).to_string().into()))
}

async fn search(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let query = match parse(&Params::parse(query.as_deref())) {
        Ok(query) => query,
        Err(message) => return respond(Err((StatusCode::BAD_REQUEST, message))),
    };
    let was_cut = Arc::new(AtomicUsize::new(0));
    let cut = Arc::clone(&was_cut);
    let work = move |store: &super::Store| {
        let mut out = Wrapper::default();
        let mut count = 0;
        store.search(&query, |trace| {
            out.add(&trace);
            count += 1;
            room_for_more(&out.0)
        });
        let is_full = query.limit == MOST_TRACES && count == query.limit;
        let is_cut = is_full || room_for_more(&out.0).is_break();
        cut.store(usize::from(is_cut) * count, Ordering::Relaxed);
        out.finish()
    };
    let mut response = respond(api.answer(work).await);
    let count = was_cut.load(Ordering::Relaxed);
    if count > 0 {
        // The answer itself has no place for it.
        let text = format!("299 - \"{}\"", cut_text(count));
        let text = HeaderValue::try_from(text).expect("a number and ASCII");
        response.headers_mut().insert(header::WARNING, text);
    }
    response
}

async fn trace(
    State(api): State<Api>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let params = Params::parse(query.as_deref());
    let id = match check_trace_params(&id, &params) {
        Ok(id) => id,
        Err(message) => return respond(Err((StatusCode::BAD_REQUEST, message))),
    };
    let work = move |store: &super::Store| {
        let mut out = Wrapper::default();
        store.trace(&id).iter().for_each(|trace| out.add(trace));
        out.finish()
    };
    respond(api.answer(work).await)
}

/// The time hints and `raw_traces` are checked and change nothing: the store needs no hint and alters no trace.
fn check_trace_params(id: &str, params: &Params) -> Result<TraceId, String> {
    params.parsed(&["startTime", "start_time"], rfc3339_ns)?;
    params.parsed(&["endTime", "end_time"], rfc3339_ns)?;
    params.parsed(&["rawTraces", "raw_traces"], boolean)?;
    parse_trace_id(id).ok_or_else(|| malformed("trace_id", id))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn parse(params: &Params) -> Result<Query, String> {
    let start_min_ns =
        params.parsed(&["query.startTimeMin", "query.start_time_min"], rfc3339_ns)?;
    let start_max_ns =
        params.parsed(&["query.startTimeMax", "query.start_time_max"], rfc3339_ns)?;
    match (start_min_ns, start_max_ns) {
        (Some(min), Some(max)) if min < max => {}
        (Some(_), Some(_)) => {
            return Err("query.startTimeMin must be before query.startTimeMax".to_owned());
        }
        _ => return Err("query.startTimeMin and query.startTimeMax are required".to_owned()),
    }
    let positive = |text: &str| text.parse::<usize>().ok().filter(|limit| *limit > 0);
    let limit = params.parsed(
        &[
            "query.searchDepth",
            "query.search_depth",
            "query.num_traces",
        ],
        positive,
    )?;
    params.parsed(&["query.rawTraces", "query.raw_traces"], boolean)?;
    if params.first(&["query.filter"]).is_some() {
        return Err("parameter query.filter is not supported here".to_owned());
    }
    Ok(Query {
        service: params.text(&["query.serviceName", "query.service_name"]),
        operation: params.text(&["query.operationName", "query.operation_name"]),
        tags: params
            .parsed(&["query.attributes"], json_tags)?
            .unwrap_or_default(),
        start_min_ns,
        start_max_ns,
        duration_min_ns: params
            .parsed(&["query.durationMin", "query.duration_min"], duration_ns)?,
        duration_max_ns: params
            .parsed(&["query.durationMax", "query.duration_max"], duration_ns)?
            // Jaeger takes nothing for no bound.
            .filter(|most| *most > 0),
        limit: limit.unwrap_or(DEFAULT_LIMIT).min(MOST_TRACES),
    })
}

/// Writes `{"result":{"resourceSpans":[…]}}` trace by trace, so that only one is decoded at a time.
#[derive(Default)]
struct Wrapper(Vec<u8>);

impl Wrapper {
    fn add(&mut self, trace: &crate::span::Trace) {
        for resource in view::resource_spans(trace) {
            self.0.extend_from_slice(if self.0.is_empty() {
                br#"{"result":{"resourceSpans":["#
            } else {
                b","
            });
            write_json(&mut self.0, &resource);
        }
    }

    fn finish(mut self) -> Answer {
        if self.0.is_empty() {
            return Err((StatusCode::NOT_FOUND, "No traces found".to_owned()));
        }
        self.0.extend_from_slice(b"]}}");
        Ok(self.0)
    }
}

fn respond(answer: Answer) -> Response {
    match answer {
        Ok(body) => json(StatusCode::OK, body),
        Err((status, message)) => {
            let error = json!({"error": {"httpCode": status.as_u16(), "message": message}});
            json(status, error.to_string())
        }
    }
}
