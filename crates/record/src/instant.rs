//! Times as the record of a run writes them: RFC 3339 in UTC, with three digits of milliseconds always, so that lines
//! sort and align. For `#[serde(with = "…")]`.

use schemars::JsonSchema;
use serde::{Deserialize as _, Deserializer, Serializer};
use text::format::rfc3339;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time as it is written, for schemas: `#[schemars(with = "…")]`.
#[derive(Debug, JsonSchema)]
#[schemars(inline, extend("format" = "date-time"))]
pub struct Text(#[expect(dead_code, reason = "only its schema is asked for")] String);

/// Writes a time.
pub fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

/// Reads a time, in whatever form RFC 3339 allows.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)
}

/// The same for a time that may be absent.
pub mod option {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    /// Writes a time, or null.
    pub fn serialize<S: Serializer>(
        at: &Option<OffsetDateTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| OffsetDateTime::parse(&text, &Rfc3339))
            .transpose()
            .map_err(serde::de::Error::custom)
    }
}
