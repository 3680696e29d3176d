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

/// All spans, in several requests, as exporters of several services would send them.
pub(super) fn requests() -> Vec<Request> {
    let whole = [trees(), spans(), oddities()].concat();
    let request = |resource_spans| Request {
        resource_spans: vec![resource_spans],
    };
    whole.into_iter().map(request).collect()
}

/// Traces of several services: whole ones, and ones that lack a part.
fn trees() -> Vec<ResourceSpans> {
    vec![
        of(
            "gateway",
            vec![
                span(1, 1, 0, "POST /v1/orders", 2, 0, 180_000, texts()),
                span(1, 2, 1, "POST", 3, 1_000, 150_000, values()),
            ],
        ),
        of(
            "checkout",
            vec![
                with_events(span(1, 3, 2, "POST /orders", 2, 2_000, 140_000, Vec::new())),
                failed(span(1, 4, 3, "INSERT orders", 3, 3_000, 20_000, numbers())),
                span(1, 5, 3, "publish outbox", 4, 30_000, 1_000, Vec::new()),
            ],
        ),
        of(
            "worker",
            vec![with_links(span(
                1,
                6,
                5,
                "consume outbox",
                5,
                100_000,
                70_000,
                texts(),
            ))],
        ),
        // No parent ever comes.
        of(
            "checkout",
            vec![span(2, 1, 9, "orphan", 2, 0, 1_000, texts())],
        ),
        // Two roots.
        of(
            "gateway",
            vec![
                span(3, 1, 0, "GET /v1/products", 2, 0, 5_000, texts()),
                span(3, 2, 0, "GET /v1/products", 2, 9_000, 5_500, texts()),
            ],
        ),
        of(
            "søk ✓",
            vec![failed(span(4, 1, 0, "GET /größe/{n}", 2, 0, 10, unicode()))],
        ),
    ]
}

/// Spans of every kind, length and clock.
fn spans() -> Vec<ResourceSpans> {
    vec![
        // The child's clock is behind, and it lasts longer than its parent.
        of(
            "gateway",
            vec![span(5, 1, 0, "skewed", 3, 0, 50_000, Vec::new())],
        ),
        of(
            "inventory",
            vec![span(5, 2, 1, "skewed", 2, -400_000, 90_000, Vec::new())],
        ),
        of(
            "inventory",
            vec![span(6, 1, 0, "instant", 1, 0, 0, Vec::new())],
        ),
        of(
            "inventory",
            vec![span(7, 1, 0, "two hours", 1, 0, 7_200_000_000, texts())],
        ),
        of(
            "inventory",
            vec![span(8, 1, 0, "GET /same", 2, 0, 700, texts())],
        ),
        of(
            "checkout",
            vec![span(8, 2, 1, "GET /same", 3, 0, 600, texts())],
        ),
        of(
            "kinds",
            (0..6)
                .map(|kind| {
                    let name = [
                        "none", "internal", "server", "client", "producer", "consumer",
                    ][kind as usize];
                    span(
                        9,
                        kind as u8 + 1,
                        kind as u8,
                        name,
                        kind,
                        i64::from(kind),
                        100,
                        Vec::new(),
                    )
                })
                .collect(),
        ),
        of(
            "kinds",
            vec![
                span(10, 1, 0, "any kind", 2, 0, 2_000, Vec::new()),
                span(10, 2, 1, "any kind", 3, 10, 1_500, Vec::new()),
                span(10, 3, 2, "any kind", 0, 20, 1_000, Vec::new()),
            ],
        ),
        of(
            "gateway",
            vec![with_state(span(11, 1, 0, "traced", 2, 0, 10_000, values()))],
        ),
    ]
}

/// What exporters send and should not, or seldom.
fn oddities() -> Vec<ResourceSpans> {
    vec![
        // No service has a name here, and one an empty name.
        ResourceSpans {
            resource: None,
            ..of("", vec![span(12, 1, 0, "nameless", 1, 0, 5, texts())])
        },
        of("gateway", vec![span(12, 2, 1, "", 1, 0, 5, texts())]),
        of(
            "gateway",
            vec![ok(span(13, 1, 0, "well", 2, 0, 1_000_000, texts()))],
        ),
        with_schemas(of(
            "schemas",
            vec![span(17, 1, 0, "of a schema", 2, 0, 10, Vec::new())],
        )),
        // The very same span twice, as a retry sends it.
        of(
            "gateway",
            vec![span(14, 1, 0, "twice", 2, 0, 2_500, texts())],
        ),
        of(
            "gateway",
            vec![span(14, 1, 0, "twice", 2, 0, 2_500, texts())],
        ),
        // A client and a server that share an id, as Zipkin's instrumentation does.
        of(
            "sharing",
            vec![span(18, 1, 0, "shared", 3, 0, 9_000, Vec::new())],
        ),
        of(
            "sharing",
            vec![span(18, 1, 0, "shared", 2, 500, 8_000, Vec::new())],
        ),
        // The parent is the span itself.
        of(
            "gateway",
            vec![span(16, 1, 1, "its own parent", 2, 0, 3_000, Vec::new())],
        ),
    ]
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

/// A span by small numbers; parent 0 is none, times are microseconds after the trace's start.
#[expect(
    clippy::too_many_arguments,
    reason = "the corpus is a table, and these are its columns"
)]
fn span(
    trace: u8,
    id: u8,
    parent: u8,
    name: &str,
    kind: i32,
    start_us: i64,
    duration_us: u64,
    attributes: Vec<KeyValue>,
) -> Span {
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
        kind,
        start_time_unix_nano: start_ns,
        end_time_unix_nano: start_ns + duration_us * 1_000,
        attributes,
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

fn failed(mut span: Span) -> Span {
    span.status = Some(Status {
        code: 2,
        message: "database is locked".to_owned(),
    });
    span
}

fn ok(mut span: Span) -> Span {
    span.status = Some(Status {
        code: 1,
        message: String::new(),
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

fn numbers() -> Vec<KeyValue> {
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
