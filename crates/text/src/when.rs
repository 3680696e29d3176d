//! Points in time as people type them: `5m`, `14:05:10`, RFC 3339, Unix seconds.
//!
//! Parsing is pure; a [`When`] becomes a time only when told what the present is.

use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, Time, UtcOffset};

use crate::duration;

/// A point in time, some of which only mean something relative to the present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// That long before the present.
    Ago(Duration),
    /// That time of the present day, in UTC.
    Today(Time),
    /// That instant.
    At(OffsetDateTime),
}

impl When {
    /// The instant that is meant, given the present.
    pub fn resolve(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::Ago(duration) => now - duration,
            Self::Today(time) => now.to_offset(UtcOffset::UTC).replace_time(time),
            Self::At(at) => at,
        }
    }
}

/// Parses a point in time: `now`, a duration ago (`5m`, `-5m`), a time of today in UTC (`14:05`, `14:05:10`),
/// RFC 3339, or Unix seconds.
pub fn parse_when(text: &str) -> Result<When, String> {
    if text == "now" {
        return Ok(When::Ago(Duration::ZERO));
    }
    let ago = text.strip_prefix('-').unwrap_or(text);
    if let Ok(duration) = duration::parse(ago) {
        return Ok(When::Ago(duration));
    }
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(When::At(at));
    }
    if let Some(time) = parse_clock(text) {
        return Ok(When::Today(time));
    }
    if let Some(at) = parse_unix(text) {
        return Ok(When::At(at));
    }
    Err(format!(
        "`{text}` is not a time; write `5m` (ago), `14:05:10` (today, UTC), `2026-11-23T14:05:10Z` or Unix seconds"
    ))
}

/// Parses a time of day in UTC: `14:05`, `14:05:10`, `14:05:10.25Z`.
pub fn parse_clock(text: &str) -> Option<Time> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let formats: [&[BorrowedFormatItem<'_>]; 3] = [
        format_description!("[hour]:[minute]"),
        format_description!("[hour]:[minute]:[second]"),
        format_description!("[hour]:[minute]:[second].[subsecond]"),
    ];
    formats
        .into_iter()
        .find_map(|format| Time::parse(text, format).ok())
}

fn parse_unix(text: &str) -> Option<OffsetDateTime> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| is_plain)?;
    // A small number is more likely a typing error than 1970; a huge one is milliseconds.
    if !(1e9..1e11).contains(&seconds) {
        return None;
    }
    OffsetDateTime::from_unix_timestamp_nanos((seconds * 1e9) as i128).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-23 14:10:00 UTC);

    fn check(text: &str, expected: &str) {
        let shown = match parse_when(text) {
            Ok(when) => when.resolve(NOW).format(&Rfc3339).expect("formats"),
            Err(error) => error.split(';').next().unwrap_or_default().to_owned(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn times_are_read_as_people_type_them() {
        check("now", "2026-11-23T14:10:00Z");
        check("5m", "2026-11-23T14:05:00Z");
        check("-90s", "2026-11-23T14:08:30Z");
        check("1.5h", "2026-11-23T12:40:00Z");
        check("2d", "2026-11-21T14:10:00Z");
        check("14:05", "2026-11-23T14:05:00Z");
        check("14:05:10", "2026-11-23T14:05:10Z");
        check("14:05:10.25Z", "2026-11-23T14:05:10.25Z");
        check("2026-11-23T15:05:10+01:00", "2026-11-23T15:05:10+01:00");
        check("1795442400", "2026-11-23T14:00:00Z");
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "5",
            "5x",
            "-",
            "25:00",
            "14:5",
            "14:05:10:11",
            "1e9",
            "NaNs",
            "infs",
            "9999999d",
            "14:05:10.x",
        ] {
            check(text, &format!("`{text}` is not a time"));
        }
    }
}
