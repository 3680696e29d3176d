//! Made-up traces of the shop, the same for the same number: what benchmark, example and tests feed the store.
//!
//! ```text
//! gateway GET|POST -> gateway client -> checkout server -> SELECT, INSERT, client -> inventory server -> SELECT
//! ```

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

/// Spans of every trace.
pub(crate) const SPANS: usize = 8;

const SERVICES: [&str; 3] = ["gateway", "checkout", "inventory"];

/// A number that looks random and is not.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The id of trace `number`.
pub(crate) fn trace_id(number: u64) -> [u8; 16] {
    let high = u128::from(mix(number * 2 + 1)) << 64;
    (high | u128::from(mix(number * 2))).to_be_bytes()
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn server(route: &str, path: String, status: i64, request: &str) -> Vec<KeyValue> {
    let method = if route.contains("orders") {
        "POST"
    } else {
        "GET"
    };
    vec![
        text("http.request.method", method),
        text("http.route", route),
        text("url.path", path),
        text("url.scheme", "http"),
        text("network.protocol.version", "1.1"),
        int("http.response.status_code", status),
        text("request.id", request),
    ]
}

fn client(port: i64, path: &str, status: i64) -> Vec<KeyValue> {
    vec![
        text("http.request.method", "POST"),
        text("server.address", "127.0.0.1"),
        int("server.port", port),
        text("url.full", format!("http://127.0.0.1:{port}{path}")),
        int("http.response.status_code", status),
        text("network.protocol.version", "1.1"),
    ]
}

fn database(operation: &str, table: &str, query: &str) -> Vec<KeyValue> {
    vec![
        text("db.system.name", "sqlite"),
        text("db.namespace", "shop.db"),
        text("db.operation.name", operation),
        text("db.collection.name", table),
        text("db.query.text", query),
        text("db.query.summary", format!("{operation} {table}")),
    ]
}

/// A span to be: the index of its service, the number of its parent (1 is the first), name, kind and attributes.
type Row = (usize, usize, &'static str, span::SpanKind, Vec<KeyValue>);

/// The spans of trace `number`, each after its parent.
fn rows(number: u64, random: u64, status: i64) -> [Row; SPANS] {
    use span::SpanKind::{Client, Server};
    let sku = (random % 1000) * (random >> 32 & 0xff) % 200_000;
    let request = format!("{:016x}", mix(number + 77));
    let (order, prices) = ("/v1/orders", "/internal/prices/{sku}");
    let price = format!("/internal/prices/sku-{sku:06}");
    let ordered = || server(order, order.into(), status, &request);
    let priced = server(prices, price.clone(), status, &request);
    let look_up = "SELECT id, state FROM orders WHERE key = ?1";
    let insert = "INSERT INTO orders (id, cart, state) VALUES (?1, ?2, ?3)";
    let read = "SELECT minor, currency FROM price WHERE sku = ?1";
    let find = database("SELECT", "order", look_up);
    let add = database("INSERT", "order", insert);
    let read = database("SELECT", "price", read);
    [
        (0, 0, "POST /v1/orders", Server, ordered()),
        (0, 1, "POST", Client, client(7001, order, status)),
        (1, 2, "POST /v1/orders", Server, ordered()),
        (1, 3, "SELECT order", Client, find),
        (1, 3, "GET", Client, client(7002, &price, status)),
        (2, 5, "GET /internal/prices/{sku}", Server, priced),
        (2, 6, "SELECT price", Client, read),
        (1, 3, "INSERT order", Client, add),
    ]
}

/// The spans of trace `number` by service; it starts at `start_ns`.
fn trace(number: u64, start_ns: u64) -> [Vec<Span>; 3] {
    let random = mix(number ^ 0x5eed);
    let status = if random.is_multiple_of(50) { 503 } else { 200 };
    let scale = 20_000 + random % 60_000;
    let rows = rows(number, random, status);
    let mut out: [Vec<Span>; 3] = Default::default();
    for (position, (service, parent, name, kind, attributes)) in rows.into_iter().enumerate() {
        let id = |position: usize| mix(number * 16 + position as u64).to_be_bytes().to_vec();
        let begin = start_ns + position as u64 * scale;
        let failed = status == 503 && kind == span::SpanKind::Server;
        out[service].push(Span {
            trace_id: trace_id(number).to_vec(),
            span_id: id(position),
            parent_span_id: if position == 0 {
                Vec::new()
            } else {
                id(parent.saturating_sub(1).min(position - 1))
            },
            flags: 0x101,
            name: name.to_owned(),
            kind: kind as i32,
            start_time_unix_nano: begin,
            end_time_unix_nano: begin + (SPANS - position) as u64 * 2 * scale + random % 977,
            attributes,
            status: failed.then(|| Status {
                code: 2,
                message: String::new(),
            }),
            ..Span::default()
        });
    }
    out
}

/// Traces `first..first + count` in one request, one every 10 ms from `start_ns`.
pub(crate) fn request(first: u64, count: u64, start_ns: u64) -> ExportTraceServiceRequest {
    let mut by_service: [Vec<Span>; 3] = Default::default();
    for number in first..first + count {
        let spans = trace(number, start_ns + number * 10_000_000);
        for (all, own) in by_service.iter_mut().zip(spans) {
            all.extend(own);
        }
    }
    let resource_spans = by_service
        .into_iter()
        .zip(SERVICES)
        .map(|(spans, service)| ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", service),
                    text("service.version", "2026.11.3"),
                    text("service.instance.id", format!("{service}-1")),
                    text("service.namespace", "shop"),
                    int("process.pid", 4711),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "chassis".to_owned(),
                    ..Default::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        });
    ExportTraceServiceRequest {
        resource_spans: resource_spans.collect(),
    }
}
