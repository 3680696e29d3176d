//! Whether what the scenario says of its incident is to be seen in it, not before it, and in no other drill.

use std::collections::{BTreeMap, BTreeSet};

use grader::log_query::Query;
use grader::moment::Window;
use scenario::{Scenario, Sign};
use serde::Serialize;
use time::Duration;

use crate::recorded::Recorded;

/// A signature that shows for less is a coincidence of two scrapes.
const LASTS_S: u32 = 3;
/// The lines of so many seconds count as now.
const LOG_WINDOW: Duration = Duration::seconds(10);
/// More lines of one query than any drill writes.
const LINES: usize = 100_000;

/// The longest time for which all signs of a signature were there at once, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// In the steady state.
    pub(crate) before_s: u32,
    /// From the change to the end; in a control, from the page on.
    pub(crate) during_s: u32,
}

impl Shown {
    pub(super) fn is_seen(self) -> bool {
        self.during_s >= LASTS_S
    }
}

/// Looks for the signature of every incident of the catalogue in one run.
pub(super) async fn all(
    record: &Recorded,
    catalogue: &[Scenario],
) -> anyhow::Result<BTreeMap<String, Shown>> {
    let windows = record.facts.frame.windows;
    let windows = windows
        .ok_or_else(|| anyhow::anyhow!("the run has no record of its baseline and incident"))?;
    let mut shown = BTreeMap::new();
    for scenario in catalogue.iter().filter(|other| !other.is_control()) {
        let before_s = longest(record, &scenario.signature, windows.baseline).await?;
        let during_s = longest(record, &scenario.signature, windows.incident).await?;
        shown.insert(scenario.id.clone(), Shown { before_s, during_s });
    }
    Ok(shown)
}

/// The longest run of seconds in which every sign shows.
async fn longest(record: &Recorded, signs: &[Sign], window: Window) -> anyhow::Result<u32> {
    let mut together: Option<BTreeSet<i64>> = None;
    for sign in signs {
        let seconds = seconds_of(record, sign, window).await?;
        together = Some(match together {
            Some(so_far) => so_far.intersection(&seconds).copied().collect(),
            None => seconds,
        });
    }
    Ok(longest_run(&together.unwrap_or_default()))
}

fn longest_run(seconds: &BTreeSet<i64>) -> u32 {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for second in seconds {
        run = if last == Some(second - 1) { run + 1 } else { 1 };
        longest = longest.max(run);
        last = Some(*second);
    }
    longest
}

/// The seconds of the window in which one sign shows.
async fn seconds_of(
    record: &Recorded,
    sign: &Sign,
    window: Window,
) -> anyhow::Result<BTreeSet<i64>> {
    let values = match (&sign.promql, &sign.log) {
        (Some(expr), _) => of_metric(record, expr, window).await?,
        (None, Some(query)) => of_log(record, query, window)?,
        (None, None) => BTreeMap::new(),
    };
    let shows = |value: f64| match (sign.above, sign.below) {
        (Some(limit), _) => value > limit,
        (None, Some(limit)) => value < limit,
        (None, None) => false,
    };
    Ok(seconds(window)
        .filter(|second| shows(values.get(second).copied().unwrap_or(0.0)))
        .collect())
}

fn seconds(window: Window) -> std::ops::RangeInclusive<i64> {
    window.from.unix_timestamp() + 1..=window.to.unix_timestamp()
}

async fn of_metric(
    record: &Recorded,
    expr: &str,
    window: Window,
) -> anyhow::Result<BTreeMap<i64, f64>> {
    let whole = Window {
        from: window.from.replace_nanosecond(0)?,
        to: window.to.replace_nanosecond(0)?,
    };
    let prometheus = &record.sources.prometheus;
    let series = prometheus
        .query_range(expr, whole, Duration::SECOND)
        .await?;
    let mut highest = BTreeMap::new();
    for sample in series.iter().flat_map(|series| &series.samples) {
        if sample.value.is_finite() {
            let value = highest
                .entry(sample.at().unix_timestamp())
                .or_insert(f64::NEG_INFINITY);
            *value = f64::max(*value, sample.value);
        }
    }
    Ok(highest)
}

fn of_log(record: &Recorded, query: &str, window: Window) -> anyhow::Result<BTreeMap<i64, f64>> {
    let query: Query = query.parse()?;
    let found = record
        .sources
        .logs
        .search(&query, &record.facts.frame, LINES)?;
    let mut counts = BTreeMap::new();
    for at in found.lines.iter().filter_map(|line| line.at) {
        let from = at.unix_timestamp() + 1;
        for second in from..from + LOG_WINDOW.whole_seconds() {
            if seconds(window).contains(&second) && at >= window.from {
                *counts.entry(second).or_insert(0.0) += 1.0;
            }
        }
    }
    Ok(counts)
}

/// What is not as it should be: the drill's own signature alone must show, and only once the change is made.
pub(super) fn problems(
    scenario: &Scenario,
    catalogue: &[Scenario],
    shown: &BTreeMap<String, Shown>,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, shown) in shown {
        let is_own = *id == scenario.id;
        if is_own && !shown.is_seen() {
            let during = shown.during_s;
            problems.push(format!(
                "its signature showed for {during} s and must show for {LASTS_S} s"
            ));
        }
        if is_own && shown.before_s >= LASTS_S {
            problems.push(format!(
                "its signature showed for {} s in the baseline",
                shown.before_s
            ));
        }
        let other = catalogue.iter().find(|other| other.id == *id);
        let is_declared = other.is_some_and(|other| {
            let mut overlaps = other.overlaps.iter();
            overlaps.any(|overlap| overlap.id == scenario.id)
        });
        if !is_own && shown.is_seen() && !is_declared {
            problems.push(format!(
                "the signature of `{id}` also showed, for {} s",
                shown.during_s
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_of_seconds_counts() {
        let of = |seconds: &[i64]| longest_run(&seconds.iter().copied().collect());
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[7]), 1);
        assert_eq!(of(&[1, 2, 4, 5, 6, 9]), 3);
    }
}
