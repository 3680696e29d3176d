//! The last few seconds in numbers, for a status line.

use serde::{Deserialize, Serialize};

use crate::{Record, Route};

/// The load as it is, over the last whole seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Seconds since the start of the load at the end of the window.
    pub at_s: u32,
    /// Whole seconds that the window has; fewer than asked for right after the start.
    pub window_s: u32,
    /// Requests under way at this moment.
    pub in_flight: usize,
    /// Median time in milliseconds by which requests left late.
    pub lag_p50_ms: f64,
    /// All routes together.
    pub all: Rates,
    /// Each route that was used in the window, in the order of [`Route::ALL`].
    pub routes: Vec<(Route, Rates)>,
}

/// Rate, errors and latency of one route or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Requests scheduled per second.
    pub rate: f64,
    /// Share of the requests that failed (5xx, no answer, shed), from 0 to 1.
    pub failed_ratio: f64,
    /// Median latency from the scheduled time, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
}

impl Snapshot {
    /// The `window_s` whole seconds before second `at_s` of a record.
    pub fn of(record: &Record, at_s: u32, window_s: u32, in_flight: usize) -> Self {
        let window_s = window_s.min(at_s);
        let window = at_s - window_s..at_s;
        let rates = |route| Rates::of(record, window.clone(), route);
        Self {
            at_s,
            window_s,
            in_flight,
            lag_p50_ms: record.lag(window.clone()).value_at_quantile(0.5) as f64 / 1e3,
            all: rates(None),
            routes: Route::ALL
                .into_iter()
                .map(|route| (route, rates(Some(route))))
                .filter(|(_, rates)| rates.rate > 0.0)
                .collect(),
        }
    }
}

impl Rates {
    fn of(record: &Record, window: std::ops::Range<u32>, route: Option<Route>) -> Self {
        let sum = record.sum(window.clone(), route);
        let latency = record.latency(window.clone(), route);
        let per = |count: u64, all: u64| {
            if all == 0 {
                0.0
            } else {
                count as f64 / all as f64
            }
        };
        Self {
            rate: per(sum.scheduled, u64::from(window.end - window.start)),
            failed_ratio: per(
                sum.failed(),
                sum.scheduled - sum.abandoned.min(sum.scheduled),
            ),
            p50_ms: latency.value_at_quantile(0.5) as f64 / 1e3,
            p99_ms: latency.value_at_quantile(0.99) as f64 / 1e3,
        }
    }
}
