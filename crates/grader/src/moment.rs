//! Points in time as people write them in a write-up, and the windows of a run they fall into.

use std::fmt;
use std::str::FromStr;

pub use record::{Frame, Window, Windows};
use serde::{Deserialize, Serialize};
use text::duration;
use text::format::rfc3339;
use text::when::parse_clock;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, Time, UtcOffset};

/// A time as written: absolute, a time of the run's day (UTC), or relative to the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// RFC 3339, `2026-11-23T10:02:30Z`.
    Absolute(OffsetDateTime),
    /// `10:02:30` or `10:02`, UTC, on the day that lies nearest to the page.
    Clock(Time),
    /// `page`, `page+30s`, `page-2m`.
    Page(Duration),
}

/// A text that is not a valid [`Moment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; write `10:02:30` (UTC), `page+30s` or `2026-11-23T10:02:30Z`")]
pub struct NotAMoment(String);

impl Moment {
    /// The instant meant. A time relative to a page that never came counts from the start.
    pub fn resolve(&self, frame: &Frame) -> OffsetDateTime {
        let anchor = frame.page.unwrap_or(frame.started);
        match *self {
            Self::Absolute(at) => at,
            Self::Page(offset) => anchor.saturating_add(offset),
            Self::Clock(clock) => {
                let anchor = anchor.to_offset(UtcOffset::UTC);
                let same_day = anchor.replace_time(clock);
                [-1, 0, 1]
                    .map(|days| same_day.saturating_add(Duration::days(days)))
                    .into_iter()
                    .min_by_key(|at| (*at - anchor).abs())
                    .unwrap_or(same_day)
            }
        }
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let text = text.trim();
        let error = || NotAMoment(text.chars().take(60).collect());
        if let Some(offset) = text.strip_prefix("page") {
            return page_offset(offset.trim()).map(Self::Page).ok_or_else(error);
        }
        if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self::Absolute(at));
        }
        parse_clock(text).map(Self::Clock).ok_or_else(error)
    }
}

fn page_offset(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return Some(Duration::ZERO);
    }
    let (sign, amount) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let amount = Duration::try_from(duration::parse(amount.trim()).ok()?).ok()?;
    (amount <= Duration::DAY).then_some(amount * sign)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(at) => f.write_str(&rfc3339(*at)),
            Self::Clock(at) => {
                let (hour, minute, second) = at.as_hms();
                write!(f, "{hour:02}:{minute:02}:{second:02}")
            }
            Self::Page(offset) if offset.is_zero() => f.write_str("page"),
            Self::Page(offset) => write!(f, "page{:+}s", offset.as_seconds_f64()),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `10:02:30`, UTC: how times of one run are shown to people.
pub fn clock_text(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_offset(UtcOffset::UTC).to_hms();
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// Seconds since 1970 with fraction.
pub(crate) fn unix_s(at: OffsetDateTime) -> f64 {
    at.unix_timestamp_nanos() as f64 / 1e9
}

/// The instant of seconds since 1970; out of range becomes 1970.
pub fn from_unix_s(seconds: f64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos((seconds * 1e9) as i128)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn frame() -> Frame {
        Frame {
            started: datetime!(2026-11-23 23:50:00 UTC),
            page: Some(datetime!(2026-11-23 23:58:00 UTC)),
            ended: datetime!(2026-11-24 00:10:00 UTC),
            windows: None,
        }
    }

    #[test]
    fn moments_resolve_on_the_day_nearest_to_the_page() {
        fn check(text: &str, expected: &str) {
            let moment: Moment = text.parse().expect(text);
            assert_eq!(rfc3339(moment.resolve(&frame())), expected, "{text}");
        }
        check("23:59:30", "2026-11-23T23:59:30.000Z");
        check("00:03", "2026-11-24T00:03:00.000Z");
        check("00:03:00.5", "2026-11-24T00:03:00.500Z");
        check("page", "2026-11-23T23:58:00.000Z");
        check("page+30s", "2026-11-23T23:58:30.000Z");
        check("page - 1m30s", "2026-11-23T23:56:30.000Z");
        check("2026-11-23T23:59:00+01:00", "2026-11-23T22:59:00.000Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "soon",
            "25:00:00",
            "page+",
            "page+3x",
            "page30s",
            "page+99999999999h",
            "page+1e9s",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
