//! Spans that both collectors get: what instrumentation makes, well and badly, and each kind of value that OTLP has.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::super::fixture::START_MS;

/// Traces are numbered from 1; each starts a minute after the one before.
pub(super) const TRACES: u8 = 16;

pub(super) fn trace_id(trace: u8) -> Vec<u8> {
    let mut id = vec![0xf1; 16];
    id[15] = trace;
    id
}

/// A request to a line, or more where the next lines begin with a space: service, then trace, span, parent (0 is none),
/// kind, start and duration in microseconds; name, attributes, and what else is special.
const SPANS: &str = "\
# Traces of several services: whole ones, and ones that lack a part.
gateway|1 1 0 2 0 180000|POST /v1/orders|texts|
 gateway|1 2 1 3 1000 150000|POST|values|
checkout|1 3 2 2 2000 140000|POST /orders||events
 checkout|1 4 3 3 3000 20000|INSERT orders|numbers|failed
 checkout|1 5 3 4 30000 1000|publish outbox||
worker|1 6 5 5 100000 70000|consume outbox|texts|links
# No parent ever comes.
checkout|2 1 9 2 0 1000|orphan|texts|
# Two roots.
gateway|3 1 0 2 0 5000|GET /v1/products|texts|
 gateway|3 2 0 2 9000 5500|GET /v1/products|texts|
søk ✓|4 1 0 2 0 10|GET /größe/{n}|unicode|failed
# Every length and clock: here the child's is behind, and it lasts longer than its parent.
gateway|5 1 0 3 0 50000|skewed||
inventory|5 2 1 2 -400000 90000|skewed||
inventory|6 1 0 1 0 0|instant||
inventory|7 1 0 1 0 7200000000|two hours|texts|
inventory|8 1 0 2 0 700|GET /same|texts|
checkout|8 2 1 3 0 600|GET /same|texts|
# Every kind.
kinds|9 1 0 0 0 100|none||
 kinds|9 2 1 1 1 100|internal||
 kinds|9 3 2 2 2 100|server||
 kinds|9 4 3 3 3 100|client||
 kinds|9 5 4 4 4 100|producer||
 kinds|9 6 5 5 5 100|consumer||
kinds|10 1 0 2 0 2000|any kind||
 kinds|10 2 1 3 10 1500|any kind||
 kinds|10 3 2 0 20 1000|any kind||
gateway|11 1 0 2 0 10000|traced|values|state
# What exporters send and should not, or seldom. No service has a name here, and one an empty name.
|12 1 0 1 0 5|nameless|texts|no resource
gateway|12 2 1 1 0 5||texts|
gateway|13 1 0 2 0 1000000|well|texts|ok
schemas|17 1 0 2 0 10|of a schema||schemas
# The very same span twice, as a retry sends it.
gateway|14 1 0 2 0 2500|twice|texts|
gateway|14 1 0 2 0 2500|twice|texts|
# A client and a server that share an id, as Zipkin's instrumentation does.
sharing|18 1 0 3 0 9000|shared||
sharing|18 1 0 2 500 8000|shared||
# The parent is the span itself.
gateway|16 1 1 2 0 3000|its own parent||
";

/// All spans, in several requests, as exporters of several services would send them.
pub(super) fn requests() -> Vec<Request> {
    let mut whole: Vec<ResourceSpans> = Vec::new();
    for line in SPANS.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.trim_start().split('|').collect();
        let [service, numbers, name, attributes, special] = cells[..] else {
            panic!("not five cells: {line}");
        };
        let span = span(numbers, name, attributes);
        let span = match special {
            "events" => with_events(span),
            "links" => with_links(span),
            "state" => with_state(span),
            "failed" => with_status(span, 2, "database is locked"),
            "ok" => with_status(span, 1, ""),
            _ => span,
        };
        match whole.last_mut() {
            Some(last) if line.starts_with(' ') => last.scope_spans[0].spans.push(span),
            _ => whole.push(match special {
                "no resource" => ResourceSpans {
                    resource: None,
                    ..of(service, vec![span])
                },
                "schemas" => with_schemas(of(service, vec![span])),
                _ => of(service, vec![span]),
            }),
        }
    }
    let request = |resource_spans| Request {
        resource_spans: vec![resource_spans],
    };
    whole.into_iter().map(request).collect()
}

fn of(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let name = text("service.name", service);
    let instance = text("service.instance.id", &format!("{service}-1"));
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![name, instance, text("deployment.environment.name", "drill")],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: format!("{service}::layer"),
                version: "0.3.1".to_owned(),
                attributes: vec![text("scope.kind", "test")],
                dropped_attributes_count: 0,
            }),
            spans,
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    }
}

fn with_schemas(mut resource: ResourceSpans) -> ResourceSpans {
    resource.schema_url = "https://opentelemetry.io/schemas/1.31.0".to_owned();
    resource.scope_spans[0].schema_url = "https://opentelemetry.io/schemas/1.30.0".to_owned();
    resource
}

fn span(numbers: &str, name: &str, attributes: &str) -> Span {
    let numbers = numbers.split(' ').map(|number| number.parse::<i64>());
    let numbers: Vec<i64> = numbers.map(|number| number.expect("a number")).collect();
    let [trace, id, parent, kind, start_us, duration_us] = numbers[..] else {
        panic!("not six numbers: {numbers:?}");
    };
    let [trace, id, parent] = [trace, id, parent].map(|id| u8::try_from(id).expect("small"));
    let start_ns = (START_MS + i64::from(trace) * 60_000) * 1_000_000 + start_us * 1_000;
    let start_ns = start_ns.unsigned_abs();
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(id),
        parent_span_id: if parent == 0 {
            Vec::new()
        } else {
            span_id(parent)
        },
        name: name.to_owned(),
        kind: kind as i32,
        start_time_unix_nano: start_ns,
        end_time_unix_nano: start_ns + duration_us.unsigned_abs() * 1_000,
        attributes: match attributes {
            "texts" => texts(),
            "unicode" => unicode(),
            "numbers" => numbers_of_each_kind(),
            "values" => values(),
            _ => Vec::new(),
        },
        ..Span::default()
    }
}

fn span_id(id: u8) -> Vec<u8> {
    vec![0xa0, 0, 0, 0, 0, 0, 0, id]
}

fn with_events(mut span: Span) -> Span {
    let at = |offset_ns: u64, name: &str, attributes| Event {
        time_unix_nano: span.start_time_unix_nano + offset_ns,
        name: name.to_owned(),
        attributes,
        dropped_attributes_count: 0,
    };
    span.events = vec![
        at(0, "begun", Vec::new()),
        at(
            1_234_567,
            "exception",
            vec![
                text("exception.type", "Timeout"),
                text(
                    "exception.message",
                    "payment took too long\nand was given up",
                ),
            ],
        ),
        at(5, "", values()),
    ];
    span
}

fn with_links(mut span: Span) -> Span {
    let to = |trace: u8, id: u8, attributes| Link {
        trace_id: trace_id(trace),
        span_id: span_id(id),
        attributes,
        ..Link::default()
    };
    span.links = vec![
        to(1, 5, Vec::new()),
        to(3, 2, vec![text("link.kind", "batch")]),
    ];
    span
}

fn with_state(mut span: Span) -> Span {
    span.trace_state = "vendor=1,other=two".to_owned();
    span.flags = 0x101;
    span.dropped_attributes_count = 2;
    span.dropped_events_count = 3;
    span.dropped_links_count = 4;
    span
}

fn with_status(mut span: Span, code: i32, message: &str) -> Span {
    span.status = Some(Status {
        code,
        message: message.to_owned(),
    });
    span
}

fn texts() -> Vec<KeyValue> {
    vec![
        text("http.route", "/v1/orders"),
        text("http.request.method", "POST"),
        text("empty", ""),
        text("quoted", "a \"b\" \\ c"),
    ]
}

fn unicode() -> Vec<KeyValue> {
    vec![text("straße", "naïve ✓ 日本"), text("tab", "a\tb")]
}

fn numbers_of_each_kind() -> Vec<KeyValue> {
    vec![
        pair("db.rows", Value::IntValue(3)),
        pair("negative", Value::IntValue(-7)),
        pair("large", Value::IntValue(i64::MAX)),
        pair("half", Value::DoubleValue(0.5)),
        pair("whole", Value::DoubleValue(4.0)),
        pair("tiny", Value::DoubleValue(1e-300)),
    ]
}

fn values() -> Vec<KeyValue> {
    let item = |value| AnyValue { value: Some(value) };
    let list = vec![
        item(Value::StringValue("x".to_owned())),
        item(Value::IntValue(2)),
        item(Value::BoolValue(true)),
    ];
    vec![
        pair("yes", Value::BoolValue(true)),
        pair("no", Value::BoolValue(false)),
        pair("http.response.status_code", Value::IntValue(201)),
        pair("bytes", Value::BytesValue(vec![0, 255, 16])),
        pair("list", Value::ArrayValue(ArrayValue { values: list })),
        pair(
            "map",
            Value::KvlistValue(KeyValueList {
                values: vec![text("inner", "y")],
            }),
        ),
    ]
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
