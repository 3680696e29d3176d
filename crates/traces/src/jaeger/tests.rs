//! The query APIs over real OTLP input: shapes, parameters, errors.

use axum::body::{Body, to_bytes};
use http::Request;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

use crate::store::Limits;
use crate::{Traces, ui};

/// A caller and a callee, with everything that has a form of its own in Jaeger's model. Starts at 1,700,000,000 s.
const OTLP: &str = r#"{"resourceSpans":[
{"resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"gateway"}},
    {"key":"process.pid","value":{"intValue":"7"}}]},
 "scopeSpans":[{"scope":{"name":"lib","version":"2"},"spans":[
  {"traceId":"0000000000000000000000000000abcd","spanId":"0000000000000001","name":"GET /","kind":2,"flags":1,
   "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000250000000",
   "traceState":"v=1","status":{"code":2,"message":"boom"},
   "attributes":[
    {"key":"big","value":{"intValue":"9007199254740993"}},
    {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}},
    {"key":"ratio","value":{"doubleValue":0.5}},
    {"key":"raw","value":{"bytesValue":"AAAwOQ=="}},
    {"key":"yes","value":{"boolValue":true}}],
   "events":[{"timeUnixNano":"1700000000100000000","name":"exception",
    "attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}],
   "links":[{"traceId":"00000000000000010000000000000002","spanId":"0000000000000003"}]}]}]},
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]},
 "scopeSpans":[{"scope":{},"spans":[
  {"traceId":"0000000000000000000000000000abcd","spanId":"0000000000000002","parentSpanId":"0000000000000001",
   "name":"pay","kind":3,"startTimeUnixNano":"1700000000010000000","endTimeUnixNano":"1700000000020000000"}]}]}]}"#;

fn backend() -> Traces {
    let traces = Traces::new(Limits::default(), ui::Config::default(), None);
    let request: ExportTraceServiceRequest = serde_json::from_str(OTLP).expect("valid OTLP");
    assert_eq!(traces.store().ingest(&request.resource_spans).spans, 2);
    traces
}

async fn get(traces: &Traces, path: &str) -> (u16, Json) {
    send(traces, Request::get(path).body(Body::empty())).await
}

async fn send(traces: &Traces, request: http::Result<Request<Body>>) -> (u16, Json) {
    let request = request.expect("a valid request");
    let response = traces.jaeger_router().oneshot(request).await;
    let response = response.expect("no error");
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = to_bytes(response.into_body(), 64 << 20).await;
    let body = serde_json::from_slice(&body.expect("a body"));
    (status, body.expect("JSON"))
}

fn envelope(data: &Json, total: usize) -> Json {
    json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": null})
}

fn refusal(code: u16, message: &str) -> Json {
    json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [{"code": code, "msg": message}]})
}

#[tokio::test]
async fn lists_have_jaegers_shape() {
    let traces = backend();
    // Data alone stands for the older API's envelope around it, with a total where it counts.
    let cases = r#"
v3/services => {"services": ["checkout", "gateway"]}
v3/operations?service=gateway => {"operations": [{"name": "GET /", "spanKind": "server"}]}
v3/operations?service=gateway&span_kind=client => {"operations": []}
services => ["checkout", "gateway"]
services/checkout/operations => ["pay"]
operations?service=checkout&spanKind=client => [{"name": "pay", "spanKind": "client"}]
operations?service=checkout&spanKind=server => []
dependencies?endTs=1700000001000&lookback=60000 => [{"parent": "gateway", "child": "checkout", "callCount": 1}]
dependencies?endTs=1700000001000&lookback=1 => []
dependencies?endTs=1700000001000&service=nobody => []
"#;
    for case in cases.trim().lines() {
        let (path, expected) = case.split_once(" => ").expect("a case");
        let expected: Json = serde_json::from_str(expected).expect("JSON");
        let expected = match expected.as_array().map(Vec::len) {
            Some(_) if path.starts_with("dependencies") => envelope(&expected, 0),
            Some(total) => envelope(&expected, total),
            None => expected,
        };
        let found = get(&traces, &format!("/api/{path}")).await;
        assert_eq!(found, (200, expected), "{path}");
    }
}

#[tokio::test]
async fn a_trace_has_jaegers_own_shape() {
    let tag =
        |key: &str, kind: &str, value: Json| json!({"key": key, "type": kind, "value": value});
    let text = |key: &str, value: &str| tag(key, "string", json!(value));
    let root = json!({
        "traceID": "000000000000abcd", "spanID": "0000000000000001", "operationName": "GET /",
        "references": [{"refType": "FOLLOWS_FROM", "traceID": "00000000000000010000000000000002", "spanID": "0000000000000003"}],
        "startTime": 1_700_000_000_000_000u64, "duration": 250_000,
        "tags": [
            text("otel.scope.name", "lib"), text("otel.scope.version", "2"),
            tag("big", "int64", json!("9007199254740993")), text("list", r#"["a",1]"#),
            tag("ratio", "float64", json!(0.5)), tag("raw", "binary", json!("AAAwOQ==")),
            tag("yes", "bool", json!(true)), text("span.kind", "server"),
            text("otel.status_code", "ERROR"), tag("error", "bool", json!(true)),
            text("otel.status_description", "boom"), text("w3c.tracestate", "v=1"),
        ],
        "logs": [{
            "timestamp": 1_700_000_000_100_000u64,
            "fields": [text("event", "exception"), text("exception.type", "E")],
        }],
        "processID": "p1", "warnings": null,
    });
    let child = json!({
        "traceID": "000000000000abcd", "spanID": "0000000000000002", "operationName": "pay",
        "references": [{"refType": "CHILD_OF", "traceID": "000000000000abcd", "spanID": "0000000000000001"}],
        "startTime": 1_700_000_000_010_000u64, "duration": 10_000,
        "tags": [text("span.kind", "client")], "logs": [], "processID": "p2", "warnings": null,
    });
    let processes = json!({
        "p1": {"serviceName": "gateway", "tags": [tag("process.pid", "int64", json!(7))]},
        "p2": {"serviceName": "checkout", "tags": []},
    });
    let trace = json!({
        "traceID": "000000000000abcd", "spans": [root, child], "processes": processes, "warnings": null,
    });
    let traces = backend();
    for path in [
        "/api/traces/abcd",
        "/api/traces/0000000000000000000000000000ABCD",
        "/api/traces?traceID=abcd",
    ] {
        assert_eq!(
            get(&traces, path).await,
            (200, envelope(&json!([trace]), 0)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_trace_in_v3_is_the_otlp_that_came_in() {
    let mut expected: Json = serde_json::from_str(OTLP).expect("JSON");
    for resource in expected["resourceSpans"].as_array_mut().expect("a list") {
        let span = &mut resource["scopeSpans"][0]["spans"][0];
        if span["status"].is_null() {
            span["status"] = json!({});
        }
    }
    let traces = backend();
    let search = "/api/v3/traces?query.start_time_min=2023-11-14T22:13:20Z&query.start_time_max=2023-11-14T22:13:21Z";
    for path in [
        "/api/v3/traces/abcd",
        "/api/v3/traces/0000000000000000000000000000abcd?raw_traces=true",
        search,
    ] {
        assert_eq!(
            get(&traces, path).await,
            (200, json!({"result": expected})),
            "{path}"
        );
    }
}

#[tokio::test]
async fn searches_understand_both_dialects() {
    let traces = backend();
    let times =
        "query.startTimeMin=2023-11-14T22:13:00Z&query.startTimeMax=2023-11-14T22:14:00%2B00:00";
    let cases = format!(
        "
found /api/traces?service=gateway&operation=GET%20/&limit=20&lookback=custom&start=1700000000000000&end=1700000000000001
none /api/traces?service=gateway&start=1700000000000001&end=1700000009000000
found /api/traces?service=checkout&minDuration=10ms&maxDuration=10ms
none /api/traces?service=checkout&minDuration=10.001ms
found /api/traces?tags=%7B%22error%22:%22true%22,%22yes%22:%22true%22%7D
found /api/traces?tag=otel.status_code:ERROR&tag=span.kind:server
found /api/traces?tag=exception.type:E&tag=event:exception
none /api/traces?tag=error:true&service=checkout
none /api/traces?lookback=1h
found /api/v3/traces?{times}&query.service_name=gateway&query.operation_name=GET%20/
found /api/v3/traces?{times}&query.attributes=%7B%22big%22:%229007199254740993%22%7D
found /api/v3/traces?{times}&query.duration_min=250ms&query.duration_max=1m&query.num_traces=5
none /api/v3/traces?{times}&query.durationMin=251ms
"
    );
    for case in cases.trim().lines() {
        let (expected, path) = case.split_once(' ').expect("a case");
        let (status, body) = get(&traces, path).await;
        let is_found = match body.get("data") {
            Some(data) => !data.as_array().expect("a list").is_empty(),
            None => status == 200,
        };
        assert_eq!(is_found, expected == "found", "{path} gave {status} {body}");
    }
}

/// Checks `STATUS PATH => MESSAGE`, one a line; `shape` puts a status and a message into the API's format.
async fn check_errors(cases: &str, shape: impl Fn(u16, &str) -> Json) {
    let traces = backend();
    for case in cases.trim().lines() {
        let (asked, message) = case.split_once(" => ").expect("a case");
        let (status, path) = asked.split_once(' ').expect("a status and a path");
        let status = status.parse().expect("a status");
        let found = get(&traces, &format!("/api/{path}")).await;
        assert_eq!(found, (status, shape(status, message)), "{path}");
    }
}

#[tokio::test]
async fn errors_have_the_format_of_the_stable_api() {
    let range = "v3/traces?query.start_time_min=2023-11-14T22:13:20Z&query.start_time_max=2024-11-14T22:13:21Z";
    let cases = format!(
        "
404 v3/traces/1 => No traces found
400 v3/traces/xyz => malformed parameter trace_id: cannot parse `xyz`
400 v3/traces => query.startTimeMin and query.startTimeMax are required
400 {range}&query.duration_min=fast => malformed parameter query.duration_min: cannot parse `fast`
400 {range}&query.attributes=[] => malformed parameter query.attributes: cannot parse `[]`
400 {range}&query.search_depth=0 => malformed parameter query.search_depth: cannot parse `0`
404 {range}&query.service_name=none => No traces found
"
    );
    check_errors(
        &cases,
        |status, message| json!({"error": {"httpCode": status, "message": message}}),
    )
    .await;
}

#[tokio::test]
async fn errors_have_the_format_of_the_older_api() {
    let cases = "
404 traces/1 => trace not found
400 traces/xyz => malformed parameter traceID: cannot parse `xyz`
400 operations => parameter 'service' is required
400 traces?tag=novalue => malformed 'tag' parameter, expecting key:value, received: novalue
400 traces?minDuration=2s&maxDuration=1s => 'maxDuration' should be greater than 'minDuration'
404 unknown => there is no `/api/unknown` here
";
    check_errors(cases, refusal).await;
}

#[tokio::test]
async fn traces_named_one_by_one_come_with_what_is_missing() {
    let (status, body) = get(&backend(), "/api/traces?traceID=abcd&traceID=77").await;
    let ids: Vec<&Json> = body["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|trace| &trace["traceID"])
        .collect();
    let errors = json!([{"msg": "trace not found", "traceID": "0000000000000077"}]);
    assert_eq!(
        (status, ids, &body["errors"]),
        (200, vec![&json!("000000000000abcd")], &errors)
    );
}

#[tokio::test]
async fn a_dropped_otlp_file_is_transformed_without_being_stored() {
    let traces = Traces::new(Limits::default(), ui::Config::default(), None);
    let request = Request::post("/api/transform").body(Body::from(OTLP));
    let (_, body) = send(&traces, request).await;
    assert_eq!(body["data"][0]["spans"].as_array().map(Vec::len), Some(2));
    assert_eq!(traces.stats().spans, 0);
}
