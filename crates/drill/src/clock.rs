//! The wall clock.

use time::OffsetDateTime;

/// The time now, in UTC.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
