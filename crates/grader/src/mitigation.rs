//! Whether the live system is well again, measured over Prometheus.

pub use record::Measurement;
use time::{Duration, OffsetDateTime};

use crate::evidence::Prometheus;
use crate::moment::{Frame, Window, Windows};
use crate::rubric;

/// What remains of an incident when its indicator is well again: requests on their way, the last scrape.
const GRACE: Duration = Duration::seconds(5);
/// The indicator is sampled and averages over some seconds, so recovery may seem to come this much before the action.
const SLACK: Duration = Duration::seconds(2);
/// Steps of a measurement.
const STEPS: i32 = 600;

/// Measures the indicator from the change on, and over the settle time at least, up to `until`. Errors are part of the
/// measurement.
pub async fn measure(
    prometheus: &Prometheus,
    check: &rubric::Mitigation,
    change: Option<OffsetDateTime>,
    until: OffsetDateTime,
) -> Measurement {
    let settle = Duration::seconds(check.settle_s.min(86_400) as i64);
    let least = until - settle;
    let window = Window {
        from: change.map_or(least, |change| change.min(least)),
        to: until,
    };
    let step = Duration::seconds(1).max(window.length() / STEPS);
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
            [only] => judge(check, &only.samples, until, step),
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
    until: OffsetDateTime,
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
    let end = crate::moment::unix_s(until);
    let well_for_s = well.last().map_or(0.0, |first| (end - first.at_s).max(0.0));
    // A step of slack at either end: the grid need not meet the window's ends.
    let needed = check.settle_s as f64 - 2.0 * step.as_seconds_f64();
    // Samples are told in milliseconds, and the window ends between two of them.
    let needed = needed - 0.01;
    Measurement {
        value: samples.last().map(|sample| sample.value),
        well_for_s,
        is_settled: !well.is_empty() && well_for_s >= needed,
        problem: None,
    }
}

/// The windows of a run that is over: the incident as far as evidence may come from it, up to the recovery and a little
/// longer where there was one, and which of the `actions` ended it.
pub fn windows(
    frame: &Frame,
    measured: &Measurement,
    actions: &[OffsetDateTime],
) -> Option<Windows> {
    let windows = frame.windows?;
    let incident = windows.incident;
    let recovered = frame.ended - Duration::seconds_f64(measured.well_for_s);
    // An indicator that was well all the time says nothing about when it ended.
    let is_over = measured.is_settled && recovered > incident.from + GRACE;
    let least = frame.page.unwrap_or(incident.from) + GRACE;
    if !is_over {
        return Some(windows);
    }
    // What was done before the change cannot have ended it.
    let could_end = incident.from..=recovered + SLACK;
    let ended_by = actions
        .iter()
        .copied()
        .filter(|at| could_end.contains(at))
        .max();
    Some(Windows {
        incident: Window {
            to: (recovered + GRACE).max(least).min(incident.to),
            ..incident
        },
        // However early it came, the page itself stays part of the incident.
        acted: ended_by.map(|at| at.max(least)),
        ..windows
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_incident_ends_when_its_indicator_is_well_again() {
        let change = datetime!(2026-11-23 10:00:00 UTC);
        let at = |seconds: i64| change + Duration::seconds(seconds);
        let incident = |to: i64| Window {
            from: change,
            to: at(to),
        };
        let frame = Frame {
            started: at(-60),
            page: Some(at(20)),
            ended: at(300),
            windows: Some(Windows {
                baseline: Window {
                    from: at(-60),
                    to: change,
                },
                incident: incident(300),
                acted: None,
            }),
        };
        let actions = [at(10), at(60), at(95), at(290)];
        for (well_for_s, is_settled, ends, acted) in [
            (200.0, true, 105, Some(95)),
            (230.0, true, 75, Some(60)),
            (290.0, true, 25, Some(25)),
            (300.0, true, 300, None),
            (9.0, false, 300, None),
            (15.0, true, 290, Some(95)),
        ] {
            let measured = Measurement {
                well_for_s,
                is_settled,
                ..Measurement::default()
            };
            let found = windows(&frame, &measured, &actions).expect("windows");
            assert_eq!(found.incident, incident(ends), "{well_for_s} {is_settled}");
            assert_eq!(found.acted, acted.map(at), "{well_for_s} {is_settled}");
        }
        let measured = Measurement {
            well_for_s: 200.0,
            is_settled: true,
            ..Measurement::default()
        };
        let found = windows(&frame, &measured, &[at(-30)]).expect("windows");
        assert_eq!(found.acted, None, "an action before the change");
    }
}
