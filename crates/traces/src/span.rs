//! A span as the store gives it back: OTLP's own type, and who emitted it.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as proto;

pub use proto::span::SpanKind as Kind;
pub use proto::status::StatusCode as Status;

/// A trace id, 16 bytes, most significant first.
pub type TraceId = [u8; 16];
/// A span id, 8 bytes, most significant first.
pub type SpanId = [u8; 8];

/// Who emitted a span: the resource and the instrumentation scope. Shared by all its spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// `service.name`, or a stand-in where the resource has none.
    pub service: String,
    /// The resource; `service.name` is among its attributes.
    pub resource: Resource,
    /// Schema of the resource attributes, mostly empty.
    pub resource_schema: String,
    /// The instrumentation scope.
    pub scope: InstrumentationScope,
    /// Schema of the scope's spans, mostly empty.
    pub scope_schema: String,
}

/// The word that Jaeger uses for a kind, empty when unspecified.
pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "",
        Kind::Internal => "internal",
        Kind::Server => "server",
        Kind::Client => "client",
        Kind::Producer => "producer",
        Kind::Consumer => "consumer",
    }
}

/// Value of the tag `otel.status_code`; unset has none.
pub(crate) fn status_word(status: Status) -> Option<&'static str> {
    match status {
        Status::Unset => None,
        Status::Ok => Some("OK"),
        Status::Error => Some("ERROR"),
    }
}

/// The text by which a search finds a value and which Jaeger shows for lists and maps.
pub(crate) fn text_of(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BytesValue(bytes)) => BASE64_STANDARD.encode(bytes),
        None => String::new(),
        Some(_) => {
            let mut out = String::new();
            write_json(Some(value), &mut out);
            out
        }
    }
}

// Writing to a text cannot fail.
fn write_json(value: Option<&AnyValue>, out: &mut String) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    _ = match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => write!(out, "{}", quoted(text)),
        Some(Value::BytesValue(bytes)) => write!(out, "\"{}\"", BASE64_STANDARD.encode(bytes)),
        Some(Value::BoolValue(value)) => write!(out, "{value}"),
        Some(Value::IntValue(value)) => write!(out, "{value}"),
        Some(Value::DoubleValue(value)) => write!(out, "{value}"),
        Some(Value::ArrayValue(list)) => {
            out.push('[');
            for (index, value) in list.values.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_json(Some(value), out);
            }
            write!(out, "]")
        }
        Some(Value::KvlistValue(map)) => {
            out.push('{');
            for (index, entry) in map.values.iter().enumerate() {
                let separator = if index > 0 { "," } else { "" };
                _ = write!(out, "{separator}{}:", quoted(&entry.key));
                write_json(entry.value.as_ref(), out);
            }
            write!(out, "}}")
        }
        // The second is an index into a table that only profiles have.
        None | Some(Value::StringValueStrindex(_)) => write!(out, "null"),
    };
}

/// The attribute in which Jaeger keeps what it warns of at a span.
pub(crate) const WARNINGS: &str = "@jaeger@warnings";

/// One span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// What OTLP says of it; it ends after it starts.
    pub proto: proto::Span,
    /// Who emitted it.
    pub origin: Arc<Origin>,
}

/// All stored spans of one trace, by start time.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The id.
    pub id: TraceId,
    /// At least one span.
    pub spans: Vec<Span>,
    /// There are more spans than fit into one answer.
    pub is_cut: bool,
}

/// Reads a trace id from 1 to 32 hexadecimal digits; leading zeros may be missing.
pub fn parse_trace_id(text: &str) -> Option<TraceId> {
    if text.is_empty() || text.len() > 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_may_lack_leading_zeros() {
        let cases = [
            ("1", Some(1u128)),
            ("00000000000000000000000000000001", Some(1)),
            (
                "83A9efd15c1c98a977e0711cc93ee28b",
                Some(0x83a9_efd1_5c1c_98a9_77e0_711c_c93e_e28b),
            ),
            ("", None),
            ("+1", None),
            ("xyz", None),
            ("000000000000000000000000000000001", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                parse_trace_id(text).map(u128::from_be_bytes),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn values_read_as_jaeger_shows_them() {
        use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue, KeyValueList};
        let any = |value| AnyValue { value };
        let text = |text: &str| Some(Value::StringValue(text.into()));
        let values = vec![any(Some(Value::IntValue(1))), any(text("x\"")), any(None)];
        let entry = KeyValue {
            key: "a".into(),
            value: Some(any(Some(Value::ArrayValue(ArrayValue { values })))),
            ..KeyValue::default()
        };
        let values = vec![entry];
        let cases = [
            (text("x"), "x"),
            (Some(Value::BoolValue(true)), "true"),
            (Some(Value::IntValue(-7)), "-7"),
            (Some(Value::DoubleValue(1.5)), "1.5"),
            (
                Some(Value::BytesValue(b"any carnal".to_vec())),
                "YW55IGNhcm5hbA==",
            ),
            (None, ""),
            (
                Some(Value::KvlistValue(KeyValueList { values })),
                r#"{"a":[1,"x\"",null]}"#,
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(text_of(&any(value)), expected);
        }
    }
}
