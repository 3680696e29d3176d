//! A line of a service's log.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LogLine {
    /// `timestamp`, if it has one that can be read.
    #[serde(skip)]
    pub at: Option<OffsetDateTime>,
    /// All fields as they were written.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl LogLine {
    /// Reads one line; `None` if it is not a JSON object.
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
        let at = fields
            .get("timestamp")
            .and_then(Value::as_str)
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        Some(Self { at, fields })
    }

    /// A field as text, empty if there is none. Text fields come without quotes.
    pub fn text(&self, key: &str) -> String {
        match self.fields.get(key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}
