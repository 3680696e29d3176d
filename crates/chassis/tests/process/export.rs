//! The export of spans, also to backends that fail: requests are not affected.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    mini::{Mini, Start, until},
    sink::{Sink, attributes},
};

const EXPORTED: &str = "otel_spans_exported_total";
const FAILED: &str = "otel_spans_dropped_total{reason=\"export_failed\"}";
const FULL: &str = "otel_spans_dropped_total{reason=\"queue_full\"}";

/// A later step overwrites an earlier one: if the caller's headers come last, the trace context is lost.
#[test]
fn a_trace_ends_at_a_call_whose_trace_header_is_overwritten() {
    for (steps, origin) in [
        (["given", "trace", "request"], "caller"),
        (["trace", "given", "request"], "here"),
    ] {
        let sink = Sink::start();
        let backend = || Start::with_backend(&format!("http://{}", sink.grpc), "grpc");
        let last = backend().change(json!({ "instance": "mini-2" })).run();
        let first = backend()
            .change(json!({
                "upstreams": { "next": [last.addr("listen")] },
                "process": { "calls": { "head": steps } },
            }))
            .run();
        assert_eq!(first.get("/chain/sku-1").status(), 200);
        let series = format!("http_server_traces_total{{origin=\"{origin}\"}}");
        assert_eq!(last.metric(&series), Some(1.0), "{steps:?}");
        until("all spans are there", || sink.spans().len() == 3);
        let spans = sink.spans();
        let one = |kind: i32, instance: &str| {
            let found = spans.iter().find(|(resource, span)| {
                span.kind == kind && resource["service.instance.id"] == instance
            });
            &found.expect("the span of that kind").1
        };
        let (call, server) = (one(3, "mini-1"), one(2, "mini-2"));
        let is_joined = call.trace_id == server.trace_id;
        assert_eq!(is_joined, origin == "caller", "{steps:?}");
        let id = |of: &_| attributes(of)["request.id"].clone();
        let root = one(2, "mini-1");
        assert_eq!(id(&root.attributes), id(&server.attributes), "{steps:?}");
    }
}

#[test]
fn a_trace_over_two_processes_is_complete_and_connected() {
    let sink = Sink::start();
    let grpc = format!("http://{}", sink.grpc);
    let http = format!("http://{}", sink.http);
    // Each protocol exports one half of the trace.
    let last = Start::with_backend(&http, "http/protobuf")
        .change(json!({ "instance": "mini-2", "settings": {"database": true} }))
        .run();
    let upstreams = json!({ "next": [last.addr("listen")] });
    let first = Start::with_backend(&grpc, "grpc")
        .change(json!({ "upstreams": upstreams }))
        .run();
    let url = format!("http://{}/chain/sku-1?session=secret", first.addr("listen"));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let answer = first.http.get(url).header("traceparent", parent).send();
    assert_eq!(answer.expect("an answer").status(), 200);
    let of_trace = || {
        let mut spans = sink.spans();
        spans.retain(|(_, span)| hex(&span.trace_id) == trace);
        spans
    };
    until("the trace is complete", || of_trace().len() == 4);
    let spans = of_trace();
    let by_name = |name: &str, instance: &str| {
        let found = spans.iter().find(|(resource, span)| {
            span.name == name && resource["service.instance.id"] == instance
        });
        found.unwrap_or_else(|| panic!("no `{name}` of {instance} in {spans:?}"))
    };
    let (_, root) = by_name("GET /chain/{sku}", "mini-1");
    let (_, call) = by_name("GET", "mini-1");
    let (resource, server) = by_name("GET /chain/{sku}", "mini-2");
    let (_, query) = by_name("SELECT price", "mini-2");
    assert_eq!(hex(&root.parent_span_id), "b7ad6b7169203331");
    assert_eq!(call.parent_span_id, root.span_id);
    assert_eq!(server.parent_span_id, call.span_id);
    assert_eq!(query.parent_span_id, server.span_id);
    assert_eq!(
        [root.kind, call.kind, server.kind, query.kind],
        [2, 3, 2, 3]
    );
    assert_eq!(resource["service.version"], "2026.11.3");
    assert_eq!(resource["service.namespace"], "shop");
    let call = attributes(&call.attributes);
    assert_eq!(call["http.response.status_code"], "200 (number)");
    assert_eq!(
        call["server.port"],
        format!("{} (number)", last.addr("listen").port())
    );
    assert!(call["url.full"].ends_with("/chain/sku-1"), "{call:?}");
    let root = attributes(&root.attributes);
    assert_eq!(root["http.route"], "/chain/{sku}");
    assert!(!format!("{spans:?}").contains("session=secret"));
    let query = attributes(&query.attributes);
    assert_eq!(query["db.system.name"], "sqlite");
    assert_eq!(
        query["db.query.text"],
        "SELECT amount FROM price WHERE sku = ?1"
    );
}

#[test]
fn log_lines_have_trace_and_span_ids() {
    let sink = Sink::start();
    let mini = Start::with_backend(&format!("http://{}", sink.grpc), "grpc").run();
    assert_eq!(mini.get("/panic").status(), 500);
    until("the panic is logged and its span arrives", || {
        mini.logs().iter().any(|l| l["level"] == "error") && !sink.spans().is_empty()
    });
    let lines = mini.logs();
    let line = lines.iter().find(|l| l["level"] == "error").expect("there");
    let (_, span) = &sink.spans()[0];
    assert_eq!(line["trace_id"], hex(&span.trace_id));
    assert_eq!(line["span_id"], hex(&span.span_id));
    let status = span.status.as_ref().expect("a status");
    assert_eq!(status.code, 2, "an error");
}

#[test]
fn a_backend_that_refuses_spans_costs_one_warning_and_no_requests() {
    let unused = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let endpoint = format!("http://{}", unused.expect("a free port"));
    for protocol in ["grpc", "http/protobuf"] {
        let mini = Start::with_backend(&endpoint, protocol).run();
        send_requests(&mini);
        until("lost spans are counted", || {
            mini.metric(FAILED) >= Some(200.0)
        });
        send_requests(&mini);
        until("all are counted", || mini.metric(FAILED) >= Some(400.0));
        assert_eq!(mini.metric(EXPORTED), Some(0.0));
        assert_eq!(warnings(&mini), 1, "{protocol}");
    }
}

#[test]
fn a_silent_backend_costs_no_requests() {
    // Accepts connections into its backlog and reads nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("bound"));
    for protocol in ["grpc", "http/protobuf"] {
        let mut start = Start::with_backend(&endpoint, protocol);
        start
            .environment
            .push(("OTEL_BSP_MAX_QUEUE_SIZE", "50".to_owned()));
        let mut mini = start.run();
        let took = send_requests(&mini);
        assert!(took < Duration::from_secs(5), "{protocol}: {took:?}");
        until("the full queue is counted", || {
            mini.metric(FULL) >= Some(1.0)
        });
        mini.terminate();
        let began = Instant::now();
        assert!(mini.wait().success());
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(10),
            "the shutdown is not delayed: {took:?}"
        );
    }
}

/// Sends 200 requests, all successful.
fn send_requests(mini: &Mini) -> Duration {
    let began = Instant::now();
    for _ in 0..200 {
        assert_eq!(mini.get("/hello").status(), 200);
    }
    began.elapsed()
}

fn warnings(mini: &Mini) -> usize {
    mini.logs().iter().filter(|l| l["level"] == "warn").count()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_invalid_endpoint_disables_traces_but_not_the_service() {
    for (endpoint, protocol) in [("http://[", "grpc"), ("http://[", "http/protobuf")] {
        let mini = Start::with_backend(endpoint, protocol).run();
        assert_eq!(mini.get("/hello").status(), 200);
        until("the error is logged", || {
            mini.logs().iter().any(|line| {
                let message = line["message"].as_str().unwrap_or_default();
                message.contains("http://[")
            })
        });
    }
}
