//! A Jaeger, a Prometheus and a run folder in which one thing changed at a known time.
//!
//! Both speak the documented forms; nothing here knows the clients that ask.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router, routing::get};
use grader::evidence::{Jaeger, Limits, Prometheus, Sources};
use grader::{Frame, Window, Windows};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

pub(crate) const STARTED: OffsetDateTime = datetime!(2026-11-23 10:00:00 UTC);
pub(crate) const CHANGE: OffsetDateTime = datetime!(2026-11-23 10:05:00 UTC);
pub(crate) const PAGE: OffsetDateTime = datetime!(2026-11-23 10:07:00 UTC);
pub(crate) const ENDED: OffsetDateTime = datetime!(2026-11-23 10:12:00 UTC);

pub(crate) const BEFORE: &str = "000000000000000000000000000000b1";
pub(crate) const SLOW: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const USUAL: &str = "000000000000000000000000000000a2";
pub(crate) const ELSEWHEN: &str = "000000000000000000000000000000c3";

pub(crate) fn frame() -> Frame {
    let windows = Windows {
        baseline: Window {
            from: STARTED,
            to: CHANGE,
        },
        incident: Window {
            from: CHANGE,
            to: ENDED,
        },
        acted: None,
    };
    Frame {
        started: STARTED,
        page: Some(PAGE),
        ended: ENDED,
        windows: Some(windows),
    }
}

/// The stub, its clients, and the folder that must live as long as they do.
pub(crate) struct World {
    pub(crate) sources: Sources,
    pub(crate) addr: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) async fn world() -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a port");
    let addr = listener.local_addr().expect("it is bound");
    let folder = tempfile::tempdir().expect("there is room");
    tokio::spawn(async move { axum::serve(listener, router()).await });
    let base = format!("http://{addr}");
    let limits = Limits {
        timeout: Duration::from_millis(400),
        max_bytes: 64 << 10,
    };
    let sources = Sources {
        jaeger: Jaeger::new(&base, limits).expect("an address"),
        prometheus: Prometheus::new(&base, limits).expect("an address"),
        ..Sources::new(&base, &base, folder.path()).expect("an address")
    };
    World {
        sources,
        addr,
        folder,
    }
}

fn router() -> Router {
    Router::new()
        .route(
            "/api/v3/services",
            get(|| async { Json(json!({"services": ["gateway", "checkout", "inventory"]})) }),
        )
        .route(
            "/api/v3/operations",
            get(|| async {
                Json(json!({"operations": [{"name": "POST /v1/orders", "spanKind": "server"}]}))
            }),
        )
        .route("/api/v3/traces", get(find))
        .route("/api/v3/traces/{id}", get(trace))
        .route("/api/v1/query", get(query))
        .route("/api/v1/query_range", get(query))
        .route("/api/v1/alerts", get(alerts))
        .with_state(())
}

async fn alerts() -> Json<Value> {
    Json(json!({"status": "success", "data": {"alerts": [{
        "labels": {"alertname": "OrdersSlow", "severity": "page"}, "annotations": {"summary": "Orders are slow"},
        "state": "firing", "activeAt": "2026-11-23T10:07:00Z", "value": "2.4e+00"}]}}))
}

/// One trace of two spans: the order, and the query that takes most of it.
fn resource_spans(id: &str, start: OffsetDateTime, ms: i64) -> Value {
    let ns =
        |offset: i64| (start.unix_timestamp_nanos() + i128::from(offset) * 1_000_000).to_string();
    let resource = |service: &str, version: &str| {
        json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.version", "value": {"stringValue": version}},
        {"key": "process.pid", "value": {"intValue": "4711"}}]})
    };
    json!([
        {"resource": resource("gateway", "2026.11.1"), "scopeSpans": [{"scope": {"name": "gateway"}, "spans": [
            {"traceId": id, "spanId": "00f067aa0ba902b7", "parentSpanId": "", "name": "POST /v1/orders", "kind": 2,
             "startTimeUnixNano": ns(0), "endTimeUnixNano": ns(ms),
             "attributes": [{"key": "http.response.status_code", "value": {"intValue": "201"}}], "status": {}}]}]},
        {"resource": resource("inventory", "2026.11.8"), "scopeSpans": [{"spans": [
            {"traceId": id, "spanId": "00f067aa0ba902b8", "parentSpanId": "00f067aa0ba902b7", "name": "SELECT price",
             "kind": "SPAN_KIND_CLIENT", "startTimeUnixNano": ns(1), "endTimeUnixNano": ns(ms - 1), "attributes": [
                {"key": "db.query.text", "value": {"stringValue": "SELECT … WHERE sku = ?"}}], "status": {"code": 0}}]}]}
    ])
}

async fn trace(Path(id): Path<String>) -> Response {
    let minute = time::Duration::MINUTE;
    let spans = match id.as_str() {
        SLOW => resource_spans(&id, PAGE + minute, 900),
        USUAL => resource_spans(&id, PAGE + minute, 21),
        BEFORE => resource_spans(&id, STARTED + minute, 900),
        ELSEWHEN => resource_spans(&id, STARTED - minute * 600, 900),
        _ => {
            return (
                StatusCode::NOT_FOUND,
                Json(json!({"error": {"httpCode": 404, "message": "No traces found"}})),
            )
                .into_response();
        }
    };
    Json(json!({"result": {"resourceSpans": spans}})).into_response()
}

type Params = Query<std::collections::BTreeMap<String, String>>;

/// As many of 450 traces, one each 100 ms, as were asked for, the newest up to the end of the window.
fn find_busy(params: &std::collections::BTreeMap<String, String>) -> Response {
    let to = OffsetDateTime::parse(&params["query.startTimeMax"], &Rfc3339).expect("a time");
    let depth: usize = params["query.searchDepth"].parse().expect("a number");
    let starts = (0..450).map(|i| (i, STARTED + time::Duration::milliseconds(100 * i)));
    let newest = starts.rev().filter(|(_, start)| *start <= to).take(depth);
    let lines: String = newest
        .map(|(i, start)| {
            let at = start.unix_timestamp_nanos().to_string();
            let span = json!({"traceId": format!("{:032x}", i + 1), "spanId": "00f067aa0ba902b7", "name": "GET",
                "startTimeUnixNano": at, "endTimeUnixNano": at});
            let spans = json!([{"scopeSpans": [{"spans": [span]}]}]);
            format!("{}\n", json!({"result": {"resourceSpans": spans}}))
        })
        .collect();
    lines.into_response()
}

/// A stream of results, as newer releases answer.
async fn find(Query(params): Params) -> Response {
    if params
        .get("query.serviceName")
        .is_some_and(|name| name == "busy")
    {
        return find_busy(&params);
    }
    let is_right = params
        .get("query.serviceName")
        .is_some_and(|name| name == "gateway")
        && params.get("query.service_name") == params.get("query.serviceName")
        && params.contains_key("query.startTimeMin")
        && params.contains_key("query.start_time_max");
    if !is_right {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": {"httpCode": 400, "message": "malformed parameter"}})),
        )
            .into_response();
    }
    let lines: String = (0..20)
        .map(|i| {
            let start = STARTED + time::Duration::seconds(10 * i);
            let spans = resource_spans(&format!("{:032x}", i + 1), start, 20 + i % 5);
            format!("{}\n", json!({"result": {"resourceSpans": spans}}))
        })
        .collect();
    lines.into_response()
}

async fn query(State(()): State<()>, Query(params): Params) -> Response {
    let expr = params.get("query").map(String::as_str).unwrap_or_default();
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<f64>().ok());
    let refuse = |status: StatusCode, kind: &str, error: &str| {
        (
            status,
            Json(json!({"status": "error", "errorType": kind, "error": error})),
        )
            .into_response()
    };
    match expr {
        "for_ever" => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return StatusCode::OK.into_response();
        }
        "broken(" => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "bad_data",
                "parse error: unclosed left parenthesis",
            );
        }
        "server_timeout" => {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "timeout",
                "query timed out in expression evaluation",
            );
        }
        "elsewhere" => return Redirect::temporary("http://127.0.0.1:1/secret").into_response(),
        "huge" => return "x".repeat(1 << 20).into_response(),
        "nonsense" => return "<html>".into_response(),
        _ => {}
    }
    if let (Some(start), Some(end), Some(step)) = (number("start"), number("end"), number("step")) {
        let times =
            std::iter::successors(Some(start), |at| Some(at + step)).take_while(|at| *at <= end);
        let values: Vec<Value> = times
            .filter_map(|at| Some(json!([at, format!("{}", value(expr, at)?)])))
            .collect();
        let result = if expr == "many" {
            let one =
                |index: i32| json!({"metric": {"n": index.to_string()}, "values": [[start, "1"]]});
            (0..60).map(one).collect()
        } else if values.is_empty() {
            json!([])
        } else {
            json!([{"metric": metric(expr), "values": values}])
        };
        return Json(
            json!({"status": "success", "data": {"resultType": "matrix", "result": result}}),
        )
        .into_response();
    }
    let at = number("time").unwrap_or_default();
    let result = match value(expr, at) {
        Some(value) => json!([{"metric": {}, "value": [at, format!("{value}")]}]),
        None => json!([]),
    };
    Json(json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
        .into_response()
}

/// Asked by place, everything is inventory's.
fn metric(expr: &str) -> Value {
    match expr.contains(" by (service, target) ") {
        true => json!({"service": "inventory"}),
        false if expr.contains('(') => json!({}),
        false => json!({"__name__": expr}),
    }
}

/// What each expression is worth at a time, seconds since 1970.
fn value(expr: &str, at_s: f64) -> Option<f64> {
    let by_place = expr
        .strip_prefix("max by (service, target) (")
        .and_then(|rest| rest.strip_suffix(')'));
    let expr = by_place.unwrap_or(expr);
    let change = CHANGE.unix_timestamp() as f64;
    let after = at_s > change;
    match expr {
        "p99" => Some(if after {
            0.48
        } else {
            0.04 + 0.002 * (at_s % 3.0)
        }),
        "flat" => Some(0.04),
        // One instance was replaced there, and a scrape missed.
        "gap" => ((at_s - PAGE.unix_timestamp() as f64).abs() > 1.5).then_some(0.0),
        rate if rate.contains("rate(served_total") => Some(50.0),
        known if known.starts_with("count(last_over_time(served_total[") => Some(1.0),
        "served_total" => Some(50.0 * (at_s - change + 900.0)),
        "errors" => after.then_some(3.0),
        "indicator" => Some(if at_s > PAGE.unix_timestamp() as f64 + 180.0 {
            0.05
        } else {
            0.48
        }),
        builds if builds.contains("build_info") => builds.contains("2026.11.8").then_some(1.0),
        _ => None,
    }
}
