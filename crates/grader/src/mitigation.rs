//! Whether the live system is well again, measured over Prometheus.

pub use record::Measurement;
use time::{Duration, OffsetDateTime};

use crate::evidence::Prometheus;
use crate::moment::Window;
use crate::rubric;

/// Measures the indicator over the settle time before `until`. Errors are part of the measurement.
pub async fn measure(
    prometheus: &Prometheus,
    check: &rubric::Mitigation,
    until: OffsetDateTime,
) -> Measurement {
    let settle = Duration::seconds(check.settle_s.min(86_400) as i64);
    let window = Window {
        from: until - settle,
        to: until,
    };
    let step = Duration::seconds(1).max(settle / 60);
    match prometheus.query_range(&check.indicator, window, step).await {
        Err(error) => Measurement {
            problem: Some(error.to_string()),
            ..Measurement::default()
        },
        Ok(series) => match series.as_slice() {
            [] => Measurement {
                problem: Some("the indicator has no value".to_owned()),
                ..Measurement::default()
            },
            [only] => judge(check, &only.samples, window, step),
            many => Measurement {
                problem: Some(format!(
                    "the indicator has {} series instead of one",
                    many.len()
                )),
                ..Measurement::default()
            },
        },
    }
}

fn judge(
    check: &rubric::Mitigation,
    samples: &[crate::evidence::Sample],
    window: Window,
    step: Duration,
) -> Measurement {
    let is_well = |value: f64| {
        check.below.is_none_or(|limit| value < limit)
            && check.above.is_none_or(|limit| value > limit)
    };
    let well: Vec<_> = samples
        .iter()
        .rev()
        .take_while(|sample| is_well(sample.value))
        .collect();
    let end = crate::moment::unix_s(window.to);
    let well_for_s = well.last().map_or(0.0, |first| (end - first.at_s).max(0.0));
    // A step of slack at either end: the grid need not meet the window's ends.
    let needed = window.length().as_seconds_f64() - 2.0 * step.as_seconds_f64();
    // Samples are told in milliseconds, and the window ends between two of them.
    let needed = needed - 0.01;
    Measurement {
        value: samples.last().map(|sample| sample.value),
        well_for_s,
        is_settled: !well.is_empty() && well_for_s >= needed,
        problem: None,
    }
}
