//! The wall clock, read in one place, and a watch that notices when it is set back.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A smaller step back is an ordinary correction: the store refuses the few samples that are then out of order.
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
