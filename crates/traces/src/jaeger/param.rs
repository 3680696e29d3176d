//! Query parameters: repeated keys, Go's duration texts, RFC 3339 and epoch times, tags.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The parameters of a request in order, keys may repeat.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// All values of a key.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(own, _)| own == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first value under any of the keys that is not empty, and its key.
    pub(super) fn first<'a>(&'a self, keys: &[&'a str]) -> Option<(&'a str, &'a str)> {
        let of =
            |key: &'a str| Some((key, self.all(key).next().filter(|value| !value.is_empty())?));
        keys.iter().find_map(|key| of(key))
    }

    pub(super) fn text(&self, keys: &[&str]) -> Option<String> {
        self.first(keys).map(|(_, value)| value.to_owned())
    }

    /// Parses the first value with `parse`; the error is that of `malformed`.
    pub(super) fn parsed<T>(
        &self,
        keys: &[&str],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some((key, value)) = self.first(keys) else {
            return Ok(None);
        };
        parse(value).map(Some).ok_or_else(|| malformed(key, value))
    }
}

/// The text for a value that cannot be read.
pub(super) fn malformed(key: &str, value: &str) -> String {
    format!("malformed parameter {key}: cannot parse `{value}`")
}

/// Nanoseconds of a duration as Go writes it, such as `1.5s`, `100ms` or `1h2m`. Not negative.
pub(super) fn duration_ns(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|end| *end > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit() || c == '.');
        let end = unit_end.map_or(rest.len(), |end| digits + end);
        total += number * unit_ns(&rest[digits..end])?;
        rest = &rest[end..];
    }
    (total <= i64::MAX as f64).then_some(total.round() as u64)
}

fn unit_ns(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        // Not Go's, but what the UI's look-back says.
        "d" => 86_400e9,
        "w" => 604_800e9,
        _ => return None,
    })
}

/// Nanoseconds since the epoch of an RFC 3339 time.
pub(super) fn rfc3339_ns(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

/// Nanoseconds since the epoch of a count of microseconds.
pub(super) fn micros_ns(text: &str) -> Option<u64> {
    text.parse::<u64>()
        .ok()
        .map(|micros| micros.saturating_mul(1_000))
}

/// Nanoseconds of a count of milliseconds.
pub(super) fn millis_ns(text: &str) -> Option<u64> {
    text.parse::<u64>()
        .ok()
        .map(|millis| millis.saturating_mul(1_000_000))
}

/// Tags of a JSON map from texts to texts.
pub(super) fn json_tags(text: &str) -> Option<Vec<(String, String)>> {
    let map: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    Some(map.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        let cases = [
            ("100ms", Some(100_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("1h2m3s", Some(3_723_000_000_000)),
            ("2us", Some(2_000)),
            ("2µs", Some(2_000)),
            ("7ns", Some(7)),
            ("0", Some(0)),
            ("", None),
            ("10", None),
            ("ms", None),
            ("-1s", None),
            ("1x", None),
            ("1..2s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_ns(text), expected, "{text}");
        }
    }

    #[test]
    fn times_read_with_any_offset() {
        let cases = [
            ("1970-01-01T00:00:01Z", Some(1_000_000_000)),
            ("1970-01-01T01:00:00.000000001+01:00", Some(1)),
            ("1969-12-31T23:59:59Z", None),
            ("yesterday", None),
        ];
        for (text, expected) in cases {
            assert_eq!(rfc3339_ns(text), expected, "{text}");
        }
    }
}
