//! Traces as the two APIs show them: OTLP/JSON for `/api/v3`, Jaeger's own model for `/api`.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value as Json, json};

use crate::span::{Attribute, Event, Link, Origin, Span, SpanId, Trace, TraceId, Value};

/// Integers beyond this lose digits in a browser.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The trace's `resourceSpans`: one a resource, with one `scopeSpans` a scope.
pub(super) fn resource_spans(trace: &Trace) -> Vec<Json> {
    let mut resources: Vec<(Arc<Origin>, Vec<Scope>)> = Vec::new();
    for span in &trace.spans {
        let own = &span.origin;
        let resource = resources
            .iter()
            .position(|(known, _)| same_resource(known, own));
        let resource = resource.unwrap_or_else(|| {
            resources.push((own.clone(), Vec::new()));
            resources.len() - 1
        });
        let scopes = &mut resources[resource].1;
        let scope = scopes.iter().position(|(known, _)| Arc::ptr_eq(known, own));
        let scope = scope.unwrap_or_else(|| {
            scopes.push((own.clone(), Vec::new()));
            scopes.len() - 1
        });
        scopes[scope].1.push(otlp_span(span));
    }
    resources
        .into_iter()
        .map(|(origin, scopes)| otlp_resource(&origin, scopes))
        .collect()
}

/// A scope and its spans.
type Scope = (Arc<Origin>, Vec<Json>);

fn same_resource(left: &Arc<Origin>, right: &Arc<Origin>) -> bool {
    Arc::ptr_eq(left, right)
        || (left.resource == right.resource && left.resource_schema == right.resource_schema)
}

/// Builds an object, leaving out what protobuf's JSON leaves out: empty strings, empty lists, zeros.
#[derive(Default)]
struct Object(Map<String, Json>);

impl Object {
    fn set(mut self, key: &str, value: impl Into<Json>) -> Self {
        let value = value.into();
        let is_default = match &value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Number(number) => number.as_u64() == Some(0),
            Json::Bool(_) | Json::Object(_) => false,
        };
        if !is_default {
            self.0.insert(key.to_owned(), value);
        }
        self
    }

    fn build(self) -> Json {
        Json::Object(self.0)
    }
}

fn otlp_resource(origin: &Origin, scopes: Vec<Scope>) -> Json {
    let scope_spans: Vec<Json> = scopes
        .into_iter()
        .map(|(origin, spans)| otlp_scope(&origin, spans))
        .collect();
    let resource = Object::default().set("attributes", otlp_attributes(&origin.resource));
    Object::default()
        .set("resource", resource.build())
        .set("scopeSpans", scope_spans)
        .set("schemaUrl", origin.resource_schema.as_str())
        .build()
}

fn otlp_scope(origin: &Origin, spans: Vec<Json>) -> Json {
    let scope = Object::default()
        .set("name", origin.scope_name.as_str())
        .set("version", origin.scope_version.as_str())
        .set("attributes", otlp_attributes(&origin.scope_attributes));
    Object::default()
        .set("scope", scope.build())
        .set("spans", spans)
        .set("schemaUrl", origin.scope_schema.as_str())
        .build()
}

fn otlp_span(span: &Span) -> Json {
    let end_ns = span.start_ns.saturating_add(span.duration_ns);
    let status = Object::default()
        .set("message", span.status_message.as_str())
        .set("code", span.status.number());
    Object::default()
        .set("traceId", hex::encode(span.trace_id))
        .set("spanId", hex::encode(span.span_id))
        .set("traceState", span.trace_state.as_str())
        .set("parentSpanId", span.parent_id.map(hex::encode))
        .set("flags", span.flags)
        .set("name", span.name.as_str())
        .set("kind", span.kind.number())
        .set("startTimeUnixNano", span.start_ns.to_string())
        .set("endTimeUnixNano", end_ns.to_string())
        .set("attributes", otlp_attributes(&span.attributes))
        .set("droppedAttributesCount", span.dropped.attributes)
        .set("droppedEventsCount", span.dropped.events)
        .set("droppedLinksCount", span.dropped.links)
        .set(
            "events",
            span.events.iter().map(otlp_event).collect::<Vec<_>>(),
        )
        .set(
            "links",
            span.links.iter().map(otlp_link).collect::<Vec<_>>(),
        )
        .set("status", status.build())
        .build()
}

fn otlp_event(event: &Event) -> Json {
    Object::default()
        .set("timeUnixNano", event.time_ns.to_string())
        .set("name", event.name.as_str())
        .set("attributes", otlp_attributes(&event.attributes))
        .set("droppedAttributesCount", event.dropped_attributes)
        .build()
}

fn otlp_link(link: &Link) -> Json {
    Object::default()
        .set("traceId", hex::encode(link.trace_id))
        .set("spanId", hex::encode(link.span_id))
        .set("traceState", link.trace_state.as_str())
        .set("attributes", otlp_attributes(&link.attributes))
        .set("droppedAttributesCount", link.dropped_attributes)
        .set("flags", link.flags)
        .build()
}

fn otlp_attributes(attributes: &[Attribute]) -> Vec<Json> {
    let entry = |(key, value): &Attribute| json!({"key": key, "value": otlp_value(value)});
    attributes.iter().map(entry).collect()
}

fn otlp_value(value: &Value) -> Json {
    match value {
        Value::Empty => json!({}),
        Value::Text(text) => json!({"stringValue": text}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Int(value) => json!({"intValue": value.to_string()}),
        Value::Double(value) => json!({"doubleValue": otlp_double(*value)}),
        Value::Bytes(bytes) => json!({"bytesValue": BASE64_STANDARD.encode(bytes)}),
        Value::List(values) => {
            let values: Vec<Json> = values.iter().map(otlp_value).collect();
            json!({"arrayValue": {"values": values}})
        }
        Value::Map(entries) => json!({"kvlistValue": {"values": otlp_attributes(entries)}}),
    }
}

/// JSON has no number for these; protobuf's JSON writes words.
fn otlp_double(value: f64) -> Json {
    match value {
        _ if value.is_finite() => json!(value),
        _ if value.is_nan() => json!("NaN"),
        _ if value > 0.0 => json!("Infinity"),
        _ => json!("-Infinity"),
    }
}

/// A trace in Jaeger's own model.
pub(super) fn legacy_trace(trace: &Trace) -> Json {
    let mut processes: Vec<&Origin> = Vec::new();
    let mut spans = Vec::new();
    for span in &trace.spans {
        let own = &*span.origin;
        let known = processes
            .iter()
            .position(|process| process.resource == own.resource);
        let number = known.unwrap_or_else(|| {
            processes.push(own);
            processes.len() - 1
        });
        spans.push(legacy_span(span, number + 1));
    }
    let named = processes.iter().enumerate().map(|(number, origin)| {
        let tags = origin
            .resource
            .iter()
            .filter(|(key, _)| key != "service.name");
        let process = json!({
            "serviceName": origin.service,
            "tags": tags.map(|(key, value)| tag(key, value)).collect::<Vec<_>>(),
        });
        (format!("p{}", number + 1), process)
    });
    json!({
        "traceID": legacy_id(&trace.id),
        "spans": spans,
        "processes": named.collect::<Map<_, _>>(),
        "warnings": trace.is_cut.then(|| json!(["this trace has more spans than are shown"])),
    })
}

/// Jaeger prints an id of 64 bits with 16 digits.
pub(super) fn legacy_id(id: &TraceId) -> String {
    match id {
        [0, 0, 0, 0, 0, 0, 0, 0, low @ ..] => hex::encode(low),
        _ => hex::encode(id),
    }
}

fn legacy_span(span: &Span, process: usize) -> Json {
    json!({
        "traceID": legacy_id(&span.trace_id),
        "spanID": hex::encode(span.span_id),
        "operationName": span.name,
        "references": references(span),
        "startTime": span.start_ns / 1_000,
        "duration": span.duration_ns / 1_000,
        "tags": span_tags(span),
        "logs": span.events.iter().map(log).collect::<Vec<_>>(),
        "processID": format!("p{process}"),
        "warnings": null,
    })
}

/// The parent first; a link to the parent itself only changes the parent's kind of reference.
fn references(span: &Span) -> Vec<Json> {
    let reference = |kind: &str, trace_id: &TraceId, span_id: &SpanId| json!({"refType": kind, "traceID": legacy_id(trace_id), "spanID": hex::encode(span_id)});
    let is_parent =
        |link: &&Link| link.trace_id == span.trace_id && Some(link.span_id) == span.parent_id;
    let mut out = Vec::new();
    if let Some(parent) = span.parent_id {
        let kind = span
            .links
            .iter()
            .rfind(is_parent)
            .map_or("CHILD_OF", reference_kind);
        out.push(reference(kind, &span.trace_id, &parent));
    }
    let others = span.links.iter().filter(|link| !is_parent(link));
    out.extend(others.map(|link| reference(reference_kind(link), &link.trace_id, &link.span_id)));
    out
}

fn reference_kind(link: &Link) -> &'static str {
    let declared = link
        .attributes
        .iter()
        .find(|(key, _)| key == "opentracing.ref_type");
    match declared {
        Some((_, Value::Text(kind))) if kind == "child_of" => "CHILD_OF",
        _ => "FOLLOWS_FROM",
    }
}

/// The span's attributes, and what Jaeger keeps as tags because its model has no field for it.
fn span_tags(span: &Span) -> Vec<Json> {
    let mut tags = Vec::with_capacity(span.attributes.len() + 6);
    let text = |tags: &mut Vec<Json>, key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(json!({"key": key, "type": "string", "value": value}));
        }
    };
    text(&mut tags, "otel.scope.name", &span.origin.scope_name);
    text(&mut tags, "otel.scope.version", &span.origin.scope_version);
    tags.extend(span.attributes.iter().map(|(key, value)| tag(key, value)));
    text(&mut tags, "span.kind", span.kind.word());
    if let Some(word) = span.status.word() {
        text(&mut tags, "otel.status_code", word);
        if word == "ERROR" {
            tags.push(json!({"key": "error", "type": "bool", "value": true}));
        }
    }
    text(&mut tags, "otel.status_description", &span.status_message);
    text(&mut tags, "w3c.tracestate", &span.trace_state);
    tags
}

fn tag(key: &str, value: &Value) -> Json {
    let (kind, value) = match value {
        Value::Bool(value) => ("bool", json!(value)),
        Value::Int(value) if value.unsigned_abs() > MAX_SAFE_INTEGER => {
            ("int64", json!(value.to_string()))
        }
        Value::Int(value) => ("int64", json!(value)),
        Value::Double(value) => ("float64", json!(value)),
        Value::Bytes(bytes) => ("binary", json!(BASE64_STANDARD.encode(bytes))),
        other => ("string", json!(other.to_text())),
    };
    json!({"key": key, "type": kind, "value": value})
}

fn log(event: &Event) -> Json {
    let has_name = event.attributes.iter().any(|(key, _)| key == "event");
    let name = (!event.name.is_empty() && !has_name)
        .then(|| json!({"key": "event", "type": "string", "value": event.name}));
    let fields: Vec<Json> = name
        .into_iter()
        .chain(event.attributes.iter().map(|(key, value)| tag(key, value)))
        .collect();
    json!({"timestamp": event.time_ns / 1_000, "fields": fields})
}
