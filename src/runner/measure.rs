//! Whether the symptom showed, and whether it went: the declared indicator, asked of Prometheus.

use std::time::Duration;

use grader::evidence::Sources;
use grader::moment::Window;
use scenario::Manifest;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout_at};

use crate::clock::now;

/// How often a condition is looked at while it is waited for.
const EVERY: Duration = Duration::from_millis(500);
/// Steps of the ranges that are searched for extremes.
const STEP: time::Duration = time::Duration::seconds(1);

/// Whether something could not be measured because Prometheus does not answer, which is not the shop's doing.
pub(super) fn is_outage(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<grader::evidence::Error>();
    error.is_some_and(grader::evidence::Error::is_outage)
}

/// The largest value that the indicator had in the window; zero where it had none.
pub(super) async fn highest(
    sources: &Sources,
    manifest: &Manifest,
    window: Window,
) -> anyhow::Result<f64> {
    let series = sources
        .prometheus
        .query_range(&manifest.indicator, window, STEP)
        .await?;
    let values = series
        .iter()
        .flat_map(|series| &series.samples)
        .map(|sample| sample.value);
    Ok(values.filter(|value| value.is_finite()).fold(0.0, f64::max))
}

/// The indicator at one instant; zero where it has no value.
pub(super) async fn value(
    sources: &Sources,
    manifest: &Manifest,
    at: OffsetDateTime,
) -> anyhow::Result<f64> {
    let value = sources.prometheus.query(&manifest.indicator, at).await?;
    let values = value
        .series()
        .into_iter()
        .filter_map(|series| series.samples.first().map(|sample| sample.value));
    Ok(values.filter(|value| value.is_finite()).fold(0.0, f64::max))
}

/// What came of waiting for the indicator to be low again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    /// Whether it stayed low for as long as the scenario asks.
    pub(super) recovered: bool,
    /// Its last value.
    pub(super) last: f64,
}

/// Waits up to `within` until the indicator has been below its recovery threshold for the scenario's hold time.
pub(super) async fn recovery(
    sources: &Sources,
    manifest: &Manifest,
    within: Duration,
) -> anyhow::Result<Settled> {
    let hold = Duration::from_secs_f64(manifest.hold_s);
    let deadline = Instant::now() + within.max(hold) + EVERY;
    let mut low_since: Option<Instant> = None;
    let mut last = value(sources, manifest, now()).await?;
    loop {
        low_since = if last < manifest.after_below {
            low_since.or_else(|| Some(Instant::now()))
        } else {
            None
        };
        if low_since.is_some_and(|since| since.elapsed() >= hold) {
            return Ok(Settled {
                recovered: true,
                last,
            });
        }
        if timeout_at(deadline, sleep(EVERY)).await.is_err() {
            return Ok(Settled {
                recovered: false,
                last,
            });
        }
        last = value(sources, manifest, now()).await?;
    }
}
