//! The wall clock, read by the runner alone, and the one way this program writes a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 3339 with milliseconds: three digits always, so that lines sort and align.
const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The time now, in UTC.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// `at` as RFC 3339 in UTC with milliseconds, such as `2026-11-23T10:00:00.000Z`.
pub(crate) fn rfc3339(at: OffsetDateTime) -> String {
    // The format has no part that a UTC time lacks.
    at.to_offset(time::UtcOffset::UTC)
        .format(FORMAT)
        .unwrap_or_default()
}

/// Milliseconds since the Unix epoch, now.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_of_milliseconds() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_763_892_000_120, "2025-11-23T10:00:00.120Z"),
        ] {
            let at = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(millis);
            assert_eq!(rfc3339(at), expected);
        }
    }
}
