//! Traces as the two APIs show them: OTLP/JSON for `/api/v3`, Jaeger's own model for `/api`.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value as Json, json};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};

use super::warning;
use crate::span::{Origin, Trace, WARNINGS, kind_word, status_word, text_of};

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
        scopes[scope].1.push(otlp_span(&span.proto));
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
        || (left.resource.attributes == right.resource.attributes
            && left.resource_schema == right.resource_schema)
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
    let resource =
        Object::default().set("attributes", otlp_attributes(&origin.resource.attributes));
    Object::default()
        .set("resource", resource.build())
        .set("scopeSpans", scope_spans)
        .set("schemaUrl", origin.resource_schema.as_str())
        .build()
}

fn otlp_scope(origin: &Origin, spans: Vec<Json>) -> Json {
    let scope = Object::default()
        .set("name", origin.scope.name.as_str())
        .set("version", origin.scope.version.as_str())
        .set("attributes", otlp_attributes(&origin.scope.attributes));
    Object::default()
        .set("scope", scope.build())
        .set("spans", spans)
        .set("schemaUrl", origin.scope_schema.as_str())
        .build()
}

fn otlp_span(span: &Span) -> Json {
    let status = span.status.clone().unwrap_or_default();
    let status = Object::default()
        .set("message", status.message)
        .set("code", status.code);
    Object::default()
        .set("traceId", hex::encode(&span.trace_id))
        .set("spanId", hex::encode(&span.span_id))
        .set("traceState", span.trace_state.as_str())
        .set("parentSpanId", hex::encode(&span.parent_span_id))
        .set("flags", span.flags)
        .set("name", span.name.as_str())
        .set("kind", span.kind)
        .set("startTimeUnixNano", span.start_time_unix_nano.to_string())
        .set("endTimeUnixNano", span.end_time_unix_nano.to_string())
        .set("attributes", otlp_attributes(&span.attributes))
        .set("droppedAttributesCount", span.dropped_attributes_count)
        .set("droppedEventsCount", span.dropped_events_count)
        .set("droppedLinksCount", span.dropped_links_count)
        .set(
            "events",
            span.events.iter().map(otlp_event).collect::<Json>(),
        )
        .set("links", span.links.iter().map(otlp_link).collect::<Json>())
        .set("status", status.build())
        .build()
}

fn otlp_event(event: &Event) -> Json {
    Object::default()
        .set("timeUnixNano", event.time_unix_nano.to_string())
        .set("name", event.name.as_str())
        .set("attributes", otlp_attributes(&event.attributes))
        .set("droppedAttributesCount", event.dropped_attributes_count)
        .build()
}

fn otlp_link(link: &Link) -> Json {
    Object::default()
        .set("traceId", hex::encode(&link.trace_id))
        .set("spanId", hex::encode(&link.span_id))
        .set("traceState", link.trace_state.as_str())
        .set("attributes", otlp_attributes(&link.attributes))
        .set("droppedAttributesCount", link.dropped_attributes_count)
        .set("flags", link.flags)
        .build()
}

fn otlp_attributes(attributes: &[KeyValue]) -> Vec<Json> {
    let entry = |entry: &KeyValue| json!({"key": entry.key, "value": otlp_value(value_of(entry))});
    attributes.iter().map(entry).collect()
}

fn value_of(attribute: &KeyValue) -> Option<&Value> {
    attribute.value.as_ref()?.value.as_ref()
}

fn otlp_value(value: Option<&Value>) -> Json {
    match value {
        // The second is an index into a table that only profiles have.
        None | Some(Value::StringValueStrindex(_)) => json!({}),
        Some(Value::StringValue(text)) => json!({"stringValue": text}),
        Some(Value::BoolValue(value)) => json!({"boolValue": value}),
        Some(Value::IntValue(value)) => json!({"intValue": value.to_string()}),
        Some(Value::DoubleValue(value)) => json!({"doubleValue": otlp_double(*value)}),
        Some(Value::BytesValue(bytes)) => json!({"bytesValue": BASE64_STANDARD.encode(bytes)}),
        Some(Value::ArrayValue(list)) => {
            let values = list.values.iter();
            let values: Json = values.map(|each| otlp_value(each.value.as_ref())).collect();
            json!({"arrayValue": {"values": values}})
        }
        Some(Value::KvlistValue(map)) => {
            json!({"kvlistValue": {"values": otlp_attributes(&map.values)}})
        }
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
    for (span, warnings) in trace.spans.iter().zip(warning::of_trace(trace)) {
        let own = &*span.origin;
        let known = processes
            .iter()
            .position(|process| process.resource.attributes == own.resource.attributes);
        let number = known.unwrap_or_else(|| {
            processes.push(own);
            processes.len() - 1
        });
        spans.push(legacy_span(&span.proto, own, number + 1, &warnings));
    }
    let named = processes.iter().enumerate().map(|(number, origin)| {
        let tags = origin.resource.attributes.iter();
        let process = json!({
            "serviceName": origin.service,
            "tags": tags.filter(|tag| tag.key != "service.name").map(tag).collect::<Json>(),
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
pub(super) fn legacy_id(id: &[u8]) -> String {
    match id {
        [0, 0, 0, 0, 0, 0, 0, 0, low @ ..] => hex::encode(low),
        _ => hex::encode(id),
    }
}

fn legacy_span(span: &Span, origin: &Origin, process: usize, warnings: &[String]) -> Json {
    let duration_ns = span.end_time_unix_nano - span.start_time_unix_nano;
    json!({
        "traceID": legacy_id(&span.trace_id),
        "spanID": hex::encode(&span.span_id),
        "operationName": span.name,
        "references": references(span),
        "startTime": span.start_time_unix_nano / 1_000,
        "duration": duration_ns / 1_000,
        "tags": span_tags(span, origin),
        "logs": span.events.iter().map(log).collect::<Json>(),
        "processID": format!("p{process}"),
        "warnings": (!warnings.is_empty()).then_some(warnings),
    })
}

/// The parent first; a link to the parent itself only changes the parent's kind of reference.
fn references(span: &Span) -> Vec<Json> {
    let reference = |kind: &str, trace_id: &[u8], span_id: &[u8]| json!({"refType": kind, "traceID": legacy_id(trace_id), "spanID": hex::encode(span_id)});
    let is_parent =
        |link: &&Link| link.trace_id == span.trace_id && link.span_id == span.parent_span_id;
    let mut out = Vec::new();
    if !span.parent_span_id.is_empty() {
        let kind = span
            .links
            .iter()
            .rfind(is_parent)
            .map_or("CHILD_OF", reference_kind);
        out.push(reference(kind, &span.trace_id, &span.parent_span_id));
    }
    let others = span.links.iter().filter(|link| !is_parent(link));
    out.extend(others.map(|link| reference(reference_kind(link), &link.trace_id, &link.span_id)));
    out
}

fn reference_kind(link: &Link) -> &'static str {
    let mut attributes = link.attributes.iter();
    match attributes
        .find(|own| own.key == "opentracing.ref_type")
        .and_then(value_of)
    {
        Some(Value::StringValue(kind)) if kind == "child_of" => "CHILD_OF",
        _ => "FOLLOWS_FROM",
    }
}

/// The span's attributes, and what Jaeger keeps as tags because its model has no field for it.
fn span_tags(span: &Span, origin: &Origin) -> Vec<Json> {
    let mut tags = Vec::with_capacity(span.attributes.len() + 6);
    let text = |tags: &mut Vec<Json>, key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(json!({"key": key, "type": "string", "value": value}));
        }
    };
    text(&mut tags, "otel.scope.name", &origin.scope.name);
    text(&mut tags, "otel.scope.version", &origin.scope.version);
    let attributes = span.attributes.iter();
    tags.extend(attributes.filter(|own| own.key != WARNINGS).map(tag));
    text(&mut tags, "span.kind", kind_word(span.kind()));
    if let Some(status) = &span.status {
        let word = status_word(status.code()).unwrap_or_default();
        text(&mut tags, "otel.status_code", word);
        if word == "ERROR" {
            tags.push(json!({"key": "error", "type": "bool", "value": true}));
        }
        text(&mut tags, "otel.status_description", &status.message);
    }
    text(&mut tags, "w3c.tracestate", &span.trace_state);
    tags
}

fn tag(attribute: &KeyValue) -> Json {
    let (kind, value) = match value_of(attribute) {
        Some(Value::BoolValue(value)) => ("bool", json!(value)),
        Some(Value::IntValue(value)) if value.unsigned_abs() > MAX_SAFE_INTEGER => {
            ("int64", json!(value.to_string()))
        }
        Some(Value::IntValue(value)) => ("int64", json!(value)),
        Some(Value::DoubleValue(value)) => ("float64", json!(value)),
        Some(Value::BytesValue(bytes)) => ("binary", json!(BASE64_STANDARD.encode(bytes))),
        _ => (
            "string",
            json!(attribute.value.as_ref().map(text_of).unwrap_or_default()),
        ),
    };
    json!({"key": attribute.key, "type": kind, "value": value})
}

fn log(event: &Event) -> Json {
    let has_name = event.attributes.iter().any(|own| own.key == "event");
    let name = (!event.name.is_empty() && !has_name)
        .then(|| json!({"key": "event", "type": "string", "value": event.name}));
    let fields = name.into_iter().chain(event.attributes.iter().map(tag));
    json!({"timestamp": event.time_unix_nano / 1_000, "fields": fields.collect::<Json>()})
}
