//! OTLP-JSON as Jaeger's `/api/v3` answers it, read into plain spans.
//!
//! Older releases answer one object, newer ones a stream of `{"result": …}` objects; 64-bit numbers
//! are strings or numbers; ids are hex, or base64 where a generic protobuf encoder wrote them.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use super::jaeger::{Span, SpanEvent, Trace};

#[derive(Deserialize)]
struct Envelope {
    result: Option<Traces>,
    error: Option<Value>,
    #[serde(rename = "resourceSpans", default)]
    bare: Vec<ResourceSpans>,
}

#[derive(Deserialize, Default)]
struct Traces {
    #[serde(rename = "resourceSpans", default)]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize, Default)]
struct Resource {
    #[serde(default)]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<WireSpan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: Value,
    #[serde(default)]
    start_time_unix_nano: Value,
    #[serde(default)]
    end_time_unix_nano: Value,
    #[serde(default)]
    attributes: Vec<KeyValue>,
    #[serde(default)]
    events: Vec<WireEvent>,
    #[serde(default)]
    links: Vec<WireLink>,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEvent {
    #[serde(default)]
    time_unix_nano: Value,
    #[serde(default)]
    name: String,
    #[serde(default)]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLink {
    trace_id: String,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    #[serde(default)]
    value: Value,
}

/// What an answer held: traces by order of appearance, or the error object it carried instead.
pub(super) fn read(body: &[u8]) -> Result<Vec<Trace>, String> {
    let mut traces: Vec<Trace> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    for envelope in serde_json::Deserializer::from_slice(body).into_iter::<Envelope>() {
        let envelope = envelope.map_err(|error| error.to_string())?;
        if let Some(error) = envelope.error {
            return Err(error_text(&error));
        }
        let resources = envelope.result.map(|result| result.resource_spans);
        for resource in resources.unwrap_or(envelope.bare) {
            for span in spans(resource) {
                let at = *index.entry(span.trace_id.clone()).or_insert_with(|| {
                    traces.push(Trace {
                        id: span.trace_id.clone(),
                        spans: Vec::new(),
                    });
                    traces.len() - 1
                });
                traces[at].spans.push(span);
            }
        }
    }
    for trace in &mut traces {
        trace
            .spans
            .sort_by_key(|span| (span.start_ns, std::cmp::Reverse(span.end_ns)));
    }
    Ok(traces)
}

/// The message of `{"error": {"message": …}}` or of a bare text.
pub(super) fn error_text(error: &Value) -> String {
    let message = error
        .get("message")
        .or_else(|| error.pointer("/error/message"));
    match message.unwrap_or(error) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn spans(resource: ResourceSpans) -> impl Iterator<Item = Span> {
    let attributes = attributes(resource.resource.attributes);
    resource
        .scope_spans
        .into_iter()
        .flat_map(|scope| scope.spans)
        .map(move |span| plain(span, &attributes))
}

fn plain(span: WireSpan, resource: &BTreeMap<String, String>) -> Span {
    let text = |key: &str| resource.get(key).cloned();
    Span {
        trace_id: id(&span.trace_id, 16),
        id: id(&span.span_id, 8),
        parent: Some(id(&span.parent_span_id, 8)).filter(|p| p.bytes().any(|b| b != b'0')),
        service: text("service.name").unwrap_or_default(),
        instance: text("service.instance.id"),
        version: text("service.version"),
        name: span.name,
        kind: kind(&span.kind),
        start_ns: number(&span.start_time_unix_nano),
        end_ns: number(&span.end_time_unix_nano),
        is_error: matches!(&span.status.code, Value::Number(n) if n.as_u64() == Some(2))
            || span.status.code.as_str() == Some("STATUS_CODE_ERROR"),
        status: span.status.message,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(event).collect(),
        links: span
            .links
            .iter()
            .map(|link| id(&link.trace_id, 16))
            .collect(),
    }
}

fn event(event: WireEvent) -> SpanEvent {
    SpanEvent {
        name: event.name,
        at_ns: number(&event.time_unix_nano),
        attributes: attributes(event.attributes),
    }
}

fn kind(kind: &Value) -> String {
    let name = match kind {
        Value::String(name) => name.trim_start_matches("SPAN_KIND_").to_lowercase(),
        Value::Number(number) => match number.as_u64() {
            Some(1) => "internal",
            Some(2) => "server",
            Some(3) => "client",
            Some(4) => "producer",
            Some(5) => "consumer",
            _ => "",
        }
        .to_owned(),
        _ => String::new(),
    };
    if name == "unspecified" {
        String::new()
    } else {
        name
    }
}

fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_u64().unwrap_or(0),
    }
}

/// Lower-case hex of `bytes` bytes, from hex or base64; anything else stays as it is.
fn id(text: &str, bytes: usize) -> String {
    if text.len() == bytes * 2 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return text.to_ascii_lowercase();
    }
    match base64::engine::general_purpose::STANDARD.decode(text) {
        Ok(raw) if raw.len() == bytes => hex::encode(raw),
        _ => text.to_owned(),
    }
}

fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, String> {
    list.into_iter()
        .map(|pair| (pair.key, scalar(&pair.value)))
        .collect()
}

/// An OTLP `AnyValue` as text: `{"intValue": "5"}` is `5`; lists and maps stay JSON.
fn scalar(value: &Value) -> String {
    let inner = value
        .as_object()
        .and_then(|object| object.values().next())
        .unwrap_or(value);
    match inner {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
