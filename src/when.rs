//! Points in time and durations as people type them: `5m`, `14:05:10`, RFC 3339, Unix seconds.
//!
//! Parsing is pure; a [`When`] becomes a time only when told what the present is.

use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, Time, UtcOffset};

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

const UNITS: [(&str, f64); 6] = [
    // `ms` before `s` and `m`: the first suffix that fits is taken.
    ("ms", 0.001),
    ("us", 0.000_001),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

/// Parses a duration such as `250ms`, `1.5s`, `5m`, `2h` or `2d`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration, such as `250ms`, `30s`, `5m`, `2h` or `2d`");
    let (number, unit_s) = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .ok_or_else(wrong)?;
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f64 = number.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
    Duration::try_from_secs_f64(value * unit_s)
        .ok()
        .filter(|duration| *duration <= Duration::from_secs(366 * 86_400))
        .ok_or_else(wrong)
}

/// Parses a point in time: `now`, a duration ago (`5m`, `-5m`), a time of today in UTC (`14:05`, `14:05:10`),
/// RFC 3339, or Unix seconds.
pub fn parse_when(text: &str) -> Result<When, String> {
    if text == "now" {
        return Ok(When::Ago(Duration::ZERO));
    }
    let ago = text.strip_prefix('-').unwrap_or(text);
    if let Ok(duration) = parse_duration(ago) {
        return Ok(When::Ago(duration));
    }
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(When::At(at));
    }
    if let Some(time) = parse_time_of_day(text) {
        return Ok(When::Today(time));
    }
    if let Some(at) = parse_unix(text) {
        return Ok(When::At(at));
    }
    Err(format!(
        "`{text}` is not a time: write `5m` (ago), `14:05:10` (today, UTC), `2026-11-23T14:05:10Z` or Unix seconds"
    ))
}

fn parse_time_of_day(text: &str) -> Option<Time> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (whole, nanosecond) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, parse_fraction(fraction)?),
        None => (text, 0),
    };
    let mut parts = whole.split(':').map(|part| {
        let is_two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u8>().ok().filter(|_| is_two)
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() {
        return None;
    }
    Time::from_hms_nano(hour, minute, second, nanosecond).ok()
}

fn parse_fraction(digits: &str) -> Option<u32> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    format!("{digits:0<9}")
        .get(..9)
        .filter(|_| is_plain)?
        .parse()
        .ok()
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

    #[test]
    fn durations_carry_a_unit() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("0.5s"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_secs(172_800)));
        assert!(parse_duration("250").is_err());
        assert!(parse_duration("ms").is_err());
    }
}
