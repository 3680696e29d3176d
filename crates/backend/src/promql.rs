//! PromQL over any source of samples, with the semantics of Prometheus 3.
//!
//! ```text
//! text -> parse (promql-parser, checks, positions) -> evaluate over all steps at once -> Answer
//!                                                        |
//!                                                     Source::select, once per selector
//! ```
//!
//! It knows nothing of scraping, storage or HTTP. Native histograms are out of scope.

mod error;
mod label;
mod value;

pub use error::Error;
pub use label::{Labels, METRIC_NAME};
pub use promql_parser::label::{MatchOp, Matcher};
pub use value::{Answer, STALE, Sample, Series, Value, VectorSample, is_stale};

use std::time::Duration;

/// Where the samples come from.
pub trait Source: Sync {
    /// Every series that satisfies all `matchers` and has a sample with `from_ms <= t_ms <= to_ms`.
    ///
    /// Samples are those within the bounds, in order of time; staleness markers are among them as [`STALE`].
    /// A matcher on a label that a series lacks sees the empty string; the metric's name is the label [`METRIC_NAME`].
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series>;
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

/// Evaluates an expression at one moment, `at_ms` in Unix milliseconds.
pub fn instant(
    source: &dyn Source,
    expression: &str,
    at_ms: i64,
    options: &Options,
) -> Result<Answer, Error> {
    let _ = (source, expression, at_ms, options);
    Err(Error::Execution("not there yet".to_owned()))
}

/// Evaluates an expression at `start_ms`, `start_ms + step_ms`, … up to and including `end_ms`; the value is a matrix.
///
/// Prometheus's API refuses more than 11,000 steps itself; here only [`Options::max_samples`] bounds them.
pub fn range(
    source: &dyn Source,
    expression: &str,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &Options,
) -> Result<Answer, Error> {
    let _ = (source, expression, start_ms, end_ms, step_ms, options);
    Err(Error::Execution("not there yet".to_owned()))
}
