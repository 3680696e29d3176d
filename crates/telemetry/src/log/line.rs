//! The text of one log line.

use std::fmt::{self, Write as _};

use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};
use tracing::{
    Event,
    field::{Field, Visit},
};

const TIMESTAMP: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Keys that every line has; an event's own field of the same name gets a `_` suffix.
const RESERVED: [&str; 10] = [
    "timestamp",
    "level",
    "service",
    "instance",
    "version",
    "target",
    "message",
    "request_id",
    "trace_id",
    "span_id",
];

/// A line that is being built.
pub(super) struct Line {
    head: String,
    fields: String,
}

impl Line {
    /// Writes everything up to the message and keeps the event's own fields for the end.
    pub(super) fn begin(level: &str, origin: &str, event: &Event<'_>) -> Self {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = OffsetDateTime::now_utc();
        let timestamp = now.format(TIMESTAMP).unwrap_or_default();
        let mut head = String::with_capacity(320 + fields.message.len() + fields.text.len());
        head.push_str("{\"timestamp\":\"");
        head.push_str(&timestamp);
        head.push_str("\",\"level\":\"");
        head.push_str(level);
        head.push('"');
        head.push_str(origin);
        let mut line = Self {
            head,
            fields: fields.text,
        };
        line.text("target", Some(event.metadata().target()));
        line.text("message", Some(&fields.message));
        line
    }

    /// Adds a text field if it has a value.
    pub(super) fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            push_key(&mut self.head, key);
            push_json(&mut self.head, value);
        }
    }

    /// The complete line with its line feed.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.head.push_str(&self.fields);
        self.head.push_str("}\n");
        self.head.into_bytes()
    }
}

fn push_key(text: &mut String, key: &str) {
    text.push_str(",\"");
    text.push_str(key);
    text.push_str("\":");
}

/// Appends `value` as a JSON string.
fn push_json(text: &mut String, value: &str) {
    match serde_json::to_string(value) {
        Ok(json) => text.push_str(&json),
        // A `&str` always serialises; an empty text would still keep the line valid.
        Err(_) => text.push_str("\"\""),
    }
}

/// The fields of an event as `,"key":value,…`.
#[derive(Default)]
struct Fields {
    message: String,
    text: String,
}

impl Fields {
    fn key(&mut self, field: &Field) {
        let name = field.name();
        let suffix = if RESERVED.contains(&name) { "_" } else { "" };
        // A field name is a Rust path or a literal in this project: it needs no escaping.
        let _ = write!(self.text, ",\"{name}{suffix}\":");
    }

    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.key(field);
        let _ = write!(self.text, "{value}");
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field, value);
        } else {
            self.plain(field, "null");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.key(field);
            push_json(&mut self.text, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
