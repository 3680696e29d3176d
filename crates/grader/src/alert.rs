//! The alert that a write-up proposes, tried over the run: when would it have fired?
//!
//! What Prometheus does with a rule is done after the fact: a series that the expression returns without a gap
//! for as long as `for` says fires. Whatever goes wrong is an outcome, never an error of the grade.

use schemars::JsonSchema;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::effect::expression::CALENDAR;
use crate::evidence::{Prometheus, Series, shorten};
use crate::moment::{Frame, Window};
use crate::writeup::Alert;

/// How often a rule is evaluated; the steps grow where a run has more than [`crate::evidence::prometheus::MAX_STEPS`].
const STEP: Duration = Duration::SECOND;
/// An alert with more series than this would page for everything at once.
const MAX_SERIES: usize = 50;
/// Stretches of firing that are kept; who needs more of them has an alert that flaps.
const MAX_FIRING: usize = 100;

/// A proposed alert with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "TriedAlert")]
pub struct Tried {
    /// The expression, shortened.
    pub expr: String,
    /// How long it must hold, in seconds.
    pub hold_s: f64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a proposed alert.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "is", content = "of")]
#[schemars(rename = "AlertOutcome")]
pub enum Outcome {
    /// It cannot be evaluated, or would say nothing about the system. One sentence without its full stop.
    Refused(String),
    /// It may be right, but could not be looked at: Prometheus does not answer.
    Unchecked(String),
    /// It was evaluated over the run.
    Ran(Ran),
}

/// When a proposed alert would have fired.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "AlertStretches")]
pub struct Ran {
    /// Every stretch in which something fired, oldest first.
    pub firing: Vec<Window>,
    /// The longest time for which one series held without a gap, in seconds.
    pub longest_s: f64,
}

/// Evaluates a proposed alert over the whole run; `None` if none is proposed.
pub async fn attempt(prometheus: &Prometheus, frame: &Frame, alert: &Alert) -> Option<Tried> {
    let expr = alert.expr.trim();
    if expr.is_empty() {
        return None;
    }
    let outcome = match says_nothing(expr) {
        Some(why) => Outcome::Refused(why),
        None => match prometheus.query_range(expr, frame.whole(), STEP).await {
            Ok(series) if series.len() > MAX_SERIES => Outcome::Refused(format!(
                "it has {} series, and each one would page; aggregate it to at most {MAX_SERIES}",
                series.len()
            )),
            Ok(series) => Outcome::Ran(ran(&series, frame, alert.hold_s)),
            Err(error) if error.is_outage() => Outcome::Unchecked(error.to_string()),
            Err(error) => Outcome::Refused(error.to_string()),
        },
    };
    Some(Tried {
        expr: shorten(expr, 300),
        hold_s: alert.hold_s,
        outcome,
    })
}

/// Why an expression says nothing about how the system behaves, if it does not.
fn says_nothing(expr: &str) -> Option<String> {
    let words = words(expr);
    if words.iter().any(|word| word.starts_with("ALERTS")) {
        return Some("it repeats an existing alert".to_owned());
    }
    if words.contains(&"build_info") {
        return Some("`build_info` tells which release ran, not how it behaved".to_owned());
    }
    if let Some(clock) = CALENDAR.iter().find(|clock| calls(expr, clock)) {
        return Some(format!(
            "`{clock}()` tells the time, not how the system behaves"
        ));
    }
    // An age is fair: the time now less a time that a metric holds.
    let has_age = words
        .iter()
        .any(|word| word.ends_with("_time_seconds") || word.ends_with("_timestamp_seconds"));
    (calls(expr, "time") && !has_age).then(|| {
        "`time()` without a metric that is a timestamp tells the time, not how the system behaves"
            .to_owned()
    })
}

/// Names, numbers and label values of an expression, as whole words.
fn words(expr: &str) -> Vec<&str> {
    expr.split(|c: char| !(c.is_alphanumeric() || "_:.-/".contains(c)))
        .filter(|word| !word.is_empty())
        .collect()
}

fn calls(expr: &str, function: &str) -> bool {
    expr.match_indices(function).any(|(at, _)| {
        let before = expr[..at].chars().next_back();
        let is_whole = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'));
        is_whole && expr[at + function.len()..].trim_start().starts_with('(')
    })
}

fn ran(series: &[Series], frame: &Frame, hold_s: f64) -> Ran {
    let gap_s = 1.5 * step_s(frame);
    let mut longest_s: f64 = 0.0;
    let mut firing = Vec::new();
    for one in series {
        for held in stretches(one, gap_s) {
            longest_s = longest_s.max(held.length().as_seconds_f64());
            let from = held.from + Duration::seconds_f64(hold_s);
            if from <= held.to {
                firing.push(Window { from, to: held.to });
            }
        }
    }
    Ran {
        firing: merged(firing),
        longest_s,
    }
}

/// The step that a range query over the run is answered in.
fn step_s(frame: &Frame) -> f64 {
    let most = crate::evidence::prometheus::MAX_STEPS as f64;
    let coarsest = frame.whole().length().as_seconds_f64() / most;
    coarsest.max(STEP.as_seconds_f64())
}

/// Times without a gap in which a series was there, whatever its value.
fn stretches(series: &Series, gap_s: f64) -> Vec<Window> {
    let mut all: Vec<Window> = Vec::new();
    let mut last_s = f64::NEG_INFINITY;
    for sample in &series.samples {
        let at = sample.at();
        match all.last_mut() {
            Some(stretch) if sample.at_s - last_s <= gap_s => stretch.to = at,
            _ => all.push(Window { from: at, to: at }),
        }
        last_s = sample.at_s;
    }
    all
}

/// Stretches of all series as one line of time.
fn merged(mut all: Vec<Window>) -> Vec<Window> {
    all.sort_by_key(|window| window.from);
    let mut firing: Vec<Window> = Vec::new();
    for next in all {
        match firing.last_mut() {
            Some(last) if next.from <= last.to => last.to = last.to.max(next.to),
            _ => firing.push(next),
        }
    }
    // The first ones decide; a flood of them is cut off.
    firing.truncate(MAX_FIRING);
    firing
}

impl Ran {
    /// The first instant of `window` at which it fires.
    pub fn first_in(&self, window: Window) -> Option<OffsetDateTime> {
        self.firing
            .iter()
            .find(|firing| firing.to >= window.from && firing.from <= window.to)
            .map(|firing| firing.from.max(window.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Labels, Sample};
    use time::macros::datetime;

    const START: OffsetDateTime = datetime!(2026-11-23 10:00:00 UTC);

    /// A series that is there from the first to the last second of each pair.
    fn series(seconds: &[(i32, i32)]) -> Series {
        let start = START.unix_timestamp() as f64;
        let seconds = seconds.iter().flat_map(|(first, last)| *first..=*last);
        let samples = seconds.map(|second| Sample {
            at_s: start + f64::from(second),
            value: f64::NAN,
        });
        Series {
            labels: Labels::new(),
            samples: samples.collect(),
        }
    }

    #[test]
    fn a_series_fires_when_it_held_without_a_gap_for_long_enough() {
        fn check(seconds: &[&[(i32, i32)]], hold_s: f64, expected: &[(i64, i64)]) {
            let frame = Frame {
                started: START,
                page: None,
                ended: START + Duration::seconds(100),
                windows: None,
            };
            let all: Vec<Series> = seconds.iter().map(|one| series(one)).collect();
            let firing = ran(&all, &frame, hold_s).firing;
            let offset = |at: OffsetDateTime| (at - START).whole_seconds();
            let found: Vec<(i64, i64)> = firing
                .iter()
                .map(|window| (offset(window.from), offset(window.to)))
                .collect();
            assert_eq!(found, expected, "{seconds:?} {hold_s}");
        }
        check(&[], 0.0, &[]);
        check(&[&[(10, 20)]], 0.0, &[(10, 20)]);
        check(&[&[(10, 20)]], 5.0, &[(15, 20)]);
        check(&[&[(10, 20)]], 11.0, &[]);
        // A gap starts the waiting anew, and no other series fills it.
        check(&[&[(10, 20), (22, 29)]], 9.0, &[(19, 20)]);
        check(&[&[(10, 14)], &[(15, 19)]], 6.0, &[]);
        check(&[&[(10, 20)], &[(18, 30)]], 2.0, &[(12, 30)]);
        check(&[&[(10, 11), (40, 44)]], 0.0, &[(10, 11), (40, 44)]);
    }

    #[test]
    fn an_alert_must_say_something_about_the_system() {
        fn check(expr: &str, expected: Option<&str>) {
            let found = says_nothing(expr);
            let is_right = match (found.as_deref(), expected) {
                (Some(found), Some(part)) => found.contains(part),
                (found, expected) => found == expected,
            };
            assert!(is_right, "{expr}: {found:?}");
        }
        check("rate(x_total[30s]) > 3", None);
        check(
            "deriv(m[20s]) > 1 and on (instance) time() - process_start_time_seconds > 20",
            None,
        );
        check("time() > 1764000000", Some("`time()`"));
        check("up and on() hour() > 3", Some("`hour()`"));
        check("ALERTS{alertname=\"Slow\"}", Some("existing alert"));
        check("ALERTS_FOR_STATE > 0", Some("existing alert"));
        check("build_info{version=\"2\"}", Some("which release ran"));
    }
}
