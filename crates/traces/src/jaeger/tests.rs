//! The query APIs over real OTLP input: shapes, parameters, errors.

use axum::body::{Body, to_bytes};
use http::Request;
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
    let receipt = traces.receiver.accept_json(OTLP.as_bytes());
    assert_eq!(receipt.expect("valid OTLP").spans, 2);
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

/// Service, span, parent, kind, start and end in milliseconds, the host; and the warnings that Jaeger gives.
const ODD: &str = "\
gateway 1 0 2 1000+100 h1
gateway 2 1 3 1010+50 h1
checkout 3 2 2 970+40 h2 => clock skew adjustment disabled; not applying calculated delta of 45ms
checkout 4 3 3 980+10 h2 => clock skew adjustment disabled; not applying calculated delta of 45ms
checkout 5 2 2 1050+80 h2
checkout 6 2 2 1000+80 h2 => clock skew adjustment disabled; not applying calculated delta of 10ms
gateway 7 1 1 900+500 h1
worker 8 99 5 1000+1 - => parent span ID=0000000000000099 is not in the trace; skipping clock skew adjustment
worker 9 1 1 1040+-7 h1 => Negative duration detected, sanitizing end timestamp. Original end timestamp: 1970-01-01 00:00:01.033 +0000 UTC, adjusted to: 1970-01-01 00:00:01.040000001 +0000 UTC
worker 9 1 1 1050+1 h1 => duplicate span IDs; skipping clock skew adjustment
";

#[tokio::test]
async fn spans_have_the_warnings_that_jaeger_gives() {
    let traces = Traces::new(Limits::default(), ui::Config::default(), None);
    let mut expected = Vec::new();
    for line in ODD.lines() {
        let (fields, warning) = line.split_once(" => ").unwrap_or((line, ""));
        let [service, span, parent, kind, times, host] = fields.split(' ').collect::<Vec<_>>()[..]
        else {
            panic!("not six fields: {line}");
        };
        let (start, length) = times.split_once('+').expect("start+length");
        let (start, length): (i64, i64) = (start.parse().expect("ms"), length.parse().expect("ms"));
        let ns = |ms: i64| (ms * 1_000_000).to_string();
        let parent = match parent {
            "0" => String::new(),
            parent => format!("{parent:0>16}"),
        };
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let host = (host != "-").then(|| text("host.name", host));
        let resource: Vec<Json> = [text("service.name", service)]
            .into_iter()
            .chain(host)
            .collect();
        let span = json!({
            "traceId": format!("{:0>32}", 7), "spanId": format!("{span:0>16}"), "parentSpanId": parent,
            "name": line, "kind": kind,
            "startTimeUnixNano": ns(start), "endTimeUnixNano": ns(start + length),
        });
        let request = json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"spans": [span]}]}]});
        traces
            .receiver
            .accept_json(request.to_string().as_bytes())
            .expect("a request");
        let warnings = match warning {
            "" => Json::Null,
            warning => json!([warning]),
        };
        expected.push((line.to_owned(), warnings));
    }
    let (_, body) = get(&traces, "/api/traces/7").await;
    let spans = body["data"][0]["spans"].as_array().expect("a list").iter();
    let mut found: Vec<(String, Json)> = spans
        .map(|span| {
            let tags = span["tags"].to_string();
            assert!(!tags.contains("warnings"), "{tags}");
            (
                span["operationName"].as_str().expect("a name").to_owned(),
                span["warnings"].clone(),
            )
        })
        .collect();
    found.sort_by(|left, right| left.0.cmp(&right.0));
    expected.sort_by(|left, right| left.0.cmp(&right.0));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[tokio::test]
async fn a_search_that_is_cut_says_so() {
    let traces = Traces::new(Limits::default(), ui::Config::default(), None);
    let request = crate::shop::request(0, 2_010, 1_700_000_000_000_000_000);
    traces.store().ingest(&request.resource_spans);
    let text = "only the newest 2000 traces are shown; there may be more: narrow the search";
    for (limit, expected) in [
        ("2500", json!([{"msg": text, "traceID": ""}])),
        ("2000", json!([{"msg": text, "traceID": ""}])),
        ("10", Json::Null),
    ] {
        let (_, body) = get(
            &traces,
            &format!("/api/traces?service=gateway&limit={limit}"),
        )
        .await;
        assert_eq!(body["errors"], expected, "{limit}");
    }
    let times =
        "query.start_time_min=2023-11-14T22:13:00Z&query.start_time_max=2023-12-14T22:14:00Z";
    for (limit, is_cut) in [("2500", true), ("10", false)] {
        let path = format!("/api/v3/traces?{times}&query.search_depth={limit}");
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = traces
            .jaeger_router()
            .oneshot(request)
            .await
            .expect("no error");
        let warning = response
            .headers()
            .get("warning")
            .map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(
            warning,
            is_cut.then(|| format!("299 - \"{text}\"")),
            "{limit}"
        );
    }
}

#[tokio::test]
async fn the_deepest_attributes_can_be_read_by_common_readers() {
    let deepest = (0..crate::decode::MAX_NESTING).fold(
        json!({"intValue": "1"}),
        |value, _| json!({"kvlistValue": {"values": [{"key": "k", "value": value}]}}),
    );
    let attributes = json!([{"key": "deep", "value": deepest}]);
    let span = json!({
        "traceId": format!("{:0>32}", 8), "spanId": format!("{:0>16}", 1), "name": "deep",
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "events": [{"name": "e", "attributes": attributes}],
    });
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let traces = Traces::new(Limits::default(), ui::Config::default(), None);
    let receipt = traces.receiver.accept_json(request.to_string().as_bytes());
    assert_eq!(receipt.expect("a request").spans, 1);
    // Both answers are read with the limit that readers of JSON have.
    for path in ["/api/v3/traces/8", "/api/traces/8"] {
        let (status, body) = get(&traces, path).await;
        assert!(
            status == 200 && body.to_string().contains("deep"),
            "{path}: {body}"
        );
    }
}
