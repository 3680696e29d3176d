//! What a query is evaluated over, and within which bounds.

use std::time::Duration;

use promql_parser::label::Matcher;

use super::Series;

/// Where the samples come from.
pub trait Source: Sync {
    /// Every series that satisfies all `matchers` and has a sample with `from_ms <= t_ms <= to_ms`.
    ///
    /// Samples are those within the bounds, in order of time; staleness markers are among them as [`STALE`](super::STALE).
    /// A matcher on a label that a series lacks sees the empty string; the metric's name is the label [`METRIC_NAME`](super::METRIC_NAME).
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series>;

    /// The same with the newest sample of each series alone, which is all that an expression at one moment looks at.
    fn newest(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        let mut found = self.select(matchers, from_ms, to_ms);
        for series in &mut found {
            let newest = series.samples.len().saturating_sub(1);
            series.samples.drain(..newest);
        }
        found
    }
}

/// What bounds a query and what it assumes where the expression says nothing.
#[derive(Debug, Clone)]
pub struct Options {
    /// How old a sample an instant selector may return, in milliseconds.
    pub lookback_ms: i64,
    /// The step of a subquery that names none, in milliseconds.
    pub subquery_step_ms: i64,
    /// How many samples a query may load and compute before it is stopped.
    pub max_samples: usize,
    /// How long a query may run before it is stopped.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
            max_samples: 50_000_000,
            timeout: Duration::from_secs(120),
        }
    }
}
