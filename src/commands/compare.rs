//! `compare`: what differs from the baseline, ranked. Metrics, spans and log lines have a file each.

pub(super) mod logs;
pub(super) mod metrics;
pub(super) mod spans;

use grader::moment::Window;
use time::{Duration, OffsetDateTime};

use super::source::Place;
use super::times;
use crate::cli::compare::{Compare, CompareCommand};
use crate::context::Context;
use crate::error::Outcome;

/// What stands for the present.
const PRESENT: Duration = Duration::seconds(30);
/// A baseline that is shorter tells no range.
const LEAST_BASELINE: Duration = Duration::seconds(4);

/// Compares and prints.
pub(super) fn run(context: &Context, args: &Compare) -> anyhow::Result<Outcome> {
    match &args.command {
        CompareCommand::Metrics(args) => metrics::run(context, args),
        CompareCommand::Spans(args) => spans::run(context, args),
        CompareCommand::Logs(args) => logs::run(context, args),
    }
}

/// What is compared: the baseline, the whole time since something may have changed, and the present.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spells {
    baseline: Window,
    incident: Window,
    present: Window,
}

impl Spells {
    /// Of a run, by what its responder knows.
    fn of(place: &Place) -> Self {
        let (frame, _) = times::known(&place.folder, place.now);
        match frame.windows {
            Some(windows) => {
                // Of an ended run the present is that of the responder, before the last action had its effect.
                let acted = windows.acted.filter(|_| !place.is_live);
                let to = acted.unwrap_or(place.now);
                Self::with(windows.baseline, windows.incident.from, to)
            }
            None => {
                let before = Window {
                    from: frame.started,
                    to: (place.now - PRESENT).max(frame.started),
                };
                Self::with(before, place.now - PRESENT, place.now)
            }
        }
    }

    fn with(baseline: Window, changed: OffsetDateTime, to: OffsetDateTime) -> Self {
        let from = changed.min(to);
        Self {
            baseline: Window {
                from: baseline.from,
                to: baseline.to.max(baseline.from + LEAST_BASELINE),
            },
            incident: Window { from, to },
            present: Window {
                from: from.max(to - PRESENT),
                to,
            },
        }
    }
}

/// How surprising `now` events in `now_s` seconds are where `before` were counted in `before_s`, times how much more or less
/// they are: what is frequent must not win by a small change, and what is rare not by chance. 0 for no difference; about 1
/// for what tripled and cannot be chance.
fn surprise(before: f64, before_s: f64, now: f64, now_s: f64) -> f64 {
    if before_s <= 0.0 || now_s <= 0.0 {
        return 0.0;
    }
    let expected = before * now_s / before_s;
    // Both counts vary, by their square roots.
    let deviation = (expected.max(1.0) * (1.0 + now_s / before_s)).sqrt();
    let sure = ((now - expected).abs() / deviation / 5.0).min(1.0);
    let factor = ((now + 1.0) / (expected + 1.0)).ln();
    sure * factor.abs()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_is_rare_or_changed_little_surprises_little() {
        // before, its seconds, now, its seconds, at least, at most
        for (before, before_s, now, now_s, least, most) in [
            (0.0, 30.0, 60.0, 30.0, 3.0, 5.0),
            (100.0, 30.0, 300.0, 30.0, 0.9, 1.2),
            (300.0, 30.0, 100.0, 30.0, 0.9, 1.2),
            (1_000.0, 30.0, 1_050.0, 30.0, 0.0, 0.05),
            (0.0, 30.0, 1.0, 30.0, 0.0, 0.15),
            (10.0, 10.0, 30.0, 30.0, 0.0, 0.01),
            (10.0, 0.0, 30.0, 30.0, 0.0, 0.0),
        ] {
            let score = surprise(before, before_s, now, now_s);
            assert!(
                (least..=most).contains(&score),
                "{before} -> {now}: {score}"
            );
        }
    }

    #[test]
    fn the_present_is_the_end_of_the_incident_and_no_longer_than_it() {
        let at = |second: i64| datetime!(2026-11-23 14:00 UTC) + Duration::seconds(second);
        let window = |from, to| Window {
            from: at(from),
            to: at(to),
        };
        for (changed, to, present) in [
            (60, 200, (170, 200)),
            (60, 70, (60, 70)),
            (60, 50, (50, 50)),
        ] {
            let spells = Spells::with(window(0, 1), at(changed), at(to));
            assert_eq!(spells.present, window(present.0, present.1));
            assert_eq!(spells.baseline, window(0, 4));
        }
    }
}
