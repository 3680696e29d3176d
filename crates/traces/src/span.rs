//! A span as the store gives it back: owned, typed, and free of any wire format.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// A trace id, 16 bytes, most significant first.
pub type TraceId = [u8; 16];
/// A span id, 8 bytes, most significant first.
pub type SpanId = [u8; 8];

/// An attribute: key and value.
pub type Attribute = (String, Value);

/// Who emitted a span: the resource and the instrumentation scope. Shared by all its spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// `service.name`, or a stand-in where the resource has none.
    pub service: String,
    /// All resource attributes, `service.name` included, as they came.
    pub resource: Vec<Attribute>,
    /// Schema of the resource attributes, mostly empty.
    pub resource_schema: String,
    /// Name of the instrumentation scope, may be empty.
    pub scope_name: String,
    /// Version of the instrumentation scope, may be empty.
    pub scope_version: String,
    /// Attributes of the instrumentation scope.
    pub scope_attributes: Vec<Attribute>,
    /// Schema of the scope's spans, mostly empty.
    pub scope_schema: String,
}

/// The role of a span in a call, as in OTLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The emitter did not say.
    #[default]
    Unspecified,
    /// Work inside one service.
    Internal,
    /// Handles a request from outside.
    Server,
    /// Asks another service.
    Client,
    /// Hands a message over.
    Producer,
    /// Takes a message.
    Consumer,
}

impl Kind {
    /// From OTLP's number; unknown ones count as unspecified.
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// OTLP's number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The word that Jaeger uses, empty when unspecified.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// Not set; the usual case.
    #[default]
    Unset,
    /// Said to be fine.
    Ok,
    /// Failed.
    Error,
}

impl Status {
    /// From OTLP's number; unknown ones count as unset.
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    /// OTLP's number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Value of the tag `otel.status_code`; unset has none.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Unset => None,
            Self::Ok => Some("OK"),
            Self::Error => Some("ERROR"),
        }
    }
}

/// An attribute's value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// Present without a value.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Floating point.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// List.
    List(Vec<Value>),
    /// Map, in the order it came.
    Map(Vec<Attribute>),
}

impl Value {
    /// The text by which a search finds the value and which Jaeger shows for lists and maps.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => BASE64_STANDARD.encode(bytes),
            Self::Empty => String::new(),
            other => {
                let mut out = String::new();
                other.write_json(&mut out);
                out
            }
        }
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Empty => out.push_str("null"),
            Self::Text(text) => out.push_str(&serde_json::Value::from(text.as_str()).to_string()),
            Self::Bytes(bytes) => {
                let _ = write!(out, "\"{}\"", BASE64_STANDARD.encode(bytes));
            }
            Self::Bool(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Double(value) => {
                let _ = write!(out, "{value}");
            }
            Self::List(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value.write_json(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// When, in nanoseconds since the epoch.
    pub time_ns: u64,
    /// Its name.
    pub name: String,
    /// Attributes that the emitter did not send.
    pub dropped_attributes: u32,
    /// Details.
    pub attributes: Vec<Attribute>,
}

/// A reference to another span, mostly of another trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Link {
    /// Trace of the other span.
    pub trace_id: TraceId,
    /// Id of the other span.
    pub span_id: SpanId,
    /// W3C trace state of the other span.
    pub trace_state: String,
    /// W3C flags of the other span and the is-remote bits.
    pub flags: u32,
    /// Attributes that the emitter did not send.
    pub dropped_attributes: u32,
    /// Details.
    pub attributes: Vec<Attribute>,
}

/// How much of a span its emitter left out, beyond its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DropCounts {
    /// Attributes.
    pub attributes: u32,
    /// Events.
    pub events: u32,
    /// Links.
    pub links: u32,
}

/// One span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Id of the span that caused it; a root has none.
    pub parent_id: Option<SpanId>,
    /// Operation.
    pub name: String,
    /// Role.
    pub kind: Kind,
    /// Start, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// Length in nanoseconds, never negative.
    pub duration_ns: u64,
    /// How it ended.
    pub status: Status,
    /// Why it ended so, may be empty.
    pub status_message: String,
    /// W3C trace state, may be empty.
    pub trace_state: String,
    /// W3C flags and the is-remote bits.
    pub flags: u32,
    /// What the emitter did not send.
    pub dropped: DropCounts,
    /// Attributes in the order they came.
    pub attributes: Vec<Attribute>,
    /// Events in the order they came.
    pub events: Vec<Event>,
    /// Links in the order they came.
    pub links: Vec<Link>,
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
        let nested = Value::Map(vec![(
            "a".into(),
            Value::List(vec![Value::Int(1), Value::Text("x\"".into()), Value::Empty]),
        )]);
        let cases = [
            (Value::Text("x".into()), "x"),
            (Value::Bool(true), "true"),
            (Value::Int(-7), "-7"),
            (Value::Double(1.5), "1.5"),
            (Value::Bytes(b"any carnal".to_vec()), "YW55IGNhcm5hbA=="),
            (Value::Empty, ""),
            (nested, r#"{"a":[1,"x\"",null]}"#),
        ];
        for (value, expected) in cases {
            assert_eq!(value.to_text(), expected);
        }
    }
}
