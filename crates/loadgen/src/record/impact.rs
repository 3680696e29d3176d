//! Impact in numbers: how customers were affected in a window of time.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Record;
use crate::Route;

/// The impact on customers in a window of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// First second of the window, from the start of the load.
    pub from_s: u32,
    /// The second after the window.
    pub to_s: u32,
    /// Requests that customers made or attempted.
    pub requests: u64,
    /// Failed requests: 5xx, no response, or shed.
    pub failed: u64,
    /// `failed` / `requests`, 0 without requests.
    pub failed_ratio: f64,
    /// Threshold for slow requests, microseconds from the scheduled time.
    pub slow_above_us: u32,
    /// Slow requests that did not fail.
    pub slow: u64,
    /// Attempted orders, including those whose cart already failed.
    pub orders: u64,
    /// Acknowledged orders (2xx).
    pub orders_acknowledged: u64,
    /// Failed orders.
    pub orders_failed: u64,
    /// Slow orders that did not fail.
    pub orders_slow: u64,
    /// Orders that were never sent because their cart failed.
    pub orders_abandoned: u64,
}

impl Record {
    /// The impact within a window of seconds; a request is slow above `slow_above_us` microseconds.
    ///
    /// Exact once no request of the window is pending.
    pub fn impact(&self, window: Range<u32>, slow_above_us: u32) -> Impact {
        let all = self.sum(window.clone(), None);
        let orders = self.sum(window.clone(), Some(Route::PlaceOrder));
        let requests = all.scheduled - all.abandoned.min(all.scheduled);
        let failed = all.failed();
        Impact {
            from_s: window.start,
            to_s: window.end,
            requests,
            failed,
            failed_ratio: if requests == 0 {
                0.0
            } else {
                failed as f64 / requests as f64
            },
            slow_above_us,
            slow: all.latency.above(slow_above_us),
            orders: orders.scheduled,
            orders_acknowledged: orders.answered_class(2),
            orders_failed: orders.failed(),
            orders_slow: orders.latency.above(slow_above_us),
            orders_abandoned: orders.abandoned,
        }
    }
}
