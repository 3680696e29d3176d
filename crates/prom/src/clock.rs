//! The wall clock, read in one place, and whether somebody set it back.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Further back than this is no correction of a second's fraction. Less is left to the store's order of samples.
const BACK_MS: i64 = 1_000;

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// Notices that the clock went back.
#[derive(Debug)]
pub(crate) struct Watch {
    at_ms: i64,
    since: Instant,
}

impl Watch {
    pub(crate) fn new() -> Watch {
        Watch {
            at_ms: now_ms(),
            since: Instant::now(),
        }
    }

    /// Unix time in milliseconds, and whether the clock went back since this was last asked.
    pub(crate) fn now_ms(&mut self) -> (i64, bool) {
        let passed_ms = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let expected_ms = self.at_ms.saturating_add(passed_ms);
        *self = Watch::new();
        (self.at_ms, self.at_ms < expected_ms - BACK_MS)
    }
}
