//! `compare metrics`: what left the range that it had in the baseline.
//!
//! All series are read at a few moments of the baseline and of the present, so that the number of queries does not depend
//! on how many metrics there are.

use std::collections::{BTreeMap, BTreeSet};

use grader::evidence::prometheus::{Metadata, quote};
use grader::evidence::{Labels, Look, LookKind};
use grader::moment::Window;
use schemars::JsonSchema;
use serde::Serialize;
use text::format;
use time::OffsetDateTime;

use super::{Spells, surprise};
use crate::cli::compare::CompareMetrics as Args;
use crate::commands::source::Evidence;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Buckets of histograms are most of all series, and their sums and counts tell as much.
const ALL: &str = "{__name__=~\".+\", __name__!~\".+_bucket|.+_created|process_start_time_seconds|build_info|target_info|scrape_.+|up|ALERTS.*\"}";
/// Moments at which the baseline is read, and the present.
const MOMENTS: [i32; 2] = [5, 3];
/// Labels that say which process it was and not what it did.
const OF_PROCESS: [&str; 3] = ["instance", "version", "job"];
/// Less than this is chance.
const LEAST_SCORE: f64 = 0.35;

/// How the numbers of a row are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MetricKind")]
enum Kind {
    /// Events per second of a counter.
    Rate,
    /// The mean of what a histogram or summary has observed.
    Mean,
    /// A gauge as it is.
    Value,
}

/// A metric on both sides.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "MetricDifference")]
pub(in crate::commands) struct Row {
    metric: String,
    labels: Labels,
    kind: Kind,
    /// The least and the most in the baseline; none where it was not there.
    before: Option<(f64, f64)>,
    now: f64,
    /// What shows it; a write-up can cite it.
    expression: String,
    score: f64,
}

/// The samples of one series at the moments of one side.
type Samples = Vec<Option<f64>>;

/// Every series without its process, at the moments of both sides.
#[derive(Debug, Default)]
struct Both {
    before: Samples,
    now: Samples,
}

/// Prints what differs.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let spells = Spells::of(&evidence.place);
    let progress = context.terminal.progress("querying Prometheus");
    let before = read(&evidence, spells.baseline, MOMENTS[0])?;
    let now = read(&evidence, spells.present, MOMENTS[1])?;
    let metadata = evidence.ask(evidence.sources.prometheus.metadata())?;
    drop(progress);
    let pattern = args.pattern.as_deref().unwrap_or_default();
    let look = format!("compare metrics {pattern}");
    evidence
        .place
        .note(&Look::by_command(LookKind::Promql, look, context.now));
    let seconds = [spells.baseline, spells.present].map(|one| one.length().as_seconds_f64());
    let mut rows = compared(&before, &now, &metadata, seconds);
    let wanted = pattern.to_lowercase();
    rows.retain(|row| row.expression.to_lowercase().contains(&wanted));
    rows.truncate(args.limit);
    if args.recorded.format.json {
        context.terminal.json(&rows)?;
    } else if rows.is_empty() {
        context
            .terminal
            .note("no metric left its range of the baseline");
    } else {
        let text = render(&rows, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

/// Every series at so many moments of a window.
fn read(
    evidence: &Evidence,
    window: Window,
    moments: i32,
) -> anyhow::Result<Vec<BTreeMap<Labels, f64>>> {
    let at = |index: i32| -> OffsetDateTime {
        window.from + window.length() * index / (moments - 1).max(1)
    };
    (0..moments)
        .map(|index| {
            let value = evidence.ask(evidence.sources.prometheus.query(ALL, at(index)))?;
            let series = value.series().into_iter();
            Ok(series
                .filter_map(|one| Some((one.labels, one.samples.last()?.value)))
                .collect())
        })
        .collect()
}

fn compared(
    before: &[BTreeMap<Labels, f64>],
    now: &[BTreeMap<Labels, f64>],
    metadata: &BTreeMap<String, Metadata>,
    seconds: [f64; 2],
) -> Vec<Row> {
    let counters: BTreeMap<Labels, Both> = joined(before, now, metadata, true);
    let gauges: BTreeMap<Labels, Both> = joined(before, now, metadata, false);
    let rows = counters
        .iter()
        .filter_map(|(labels, both)| counter(labels, both, &counters, seconds));
    let mut rows: Vec<Row> = rows
        .chain(
            gauges
                .iter()
                .filter_map(|(labels, both)| gauge(labels, both)),
        )
        .filter(|row| row.score > LEAST_SCORE)
        .collect();
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    rows
}

/// Whether a series counts, by what its family says of itself, or by its name where that says nothing.
fn counts(name: &str, metadata: &BTreeMap<String, Metadata>) -> bool {
    let family = ["_total", "_sum", "_count"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    let kind = |name: &str| metadata.get(name).map(|known| known.kind.as_str());
    match (kind(name), family.and_then(kind)) {
        (Some("gauge"), _) => false,
        (Some(_), _) | (None, Some(_)) => true,
        (None, None) => family.is_some(),
    }
}

/// The series of one kind without the labels of their process. Counts of several processes are what they counted since the
/// first moment; a gauge keeps its instance, and of two releases the newer one counts.
fn joined(
    before: &[BTreeMap<Labels, f64>],
    now: &[BTreeMap<Labels, f64>],
    metadata: &BTreeMap<String, Metadata>,
    of_counters: bool,
) -> BTreeMap<Labels, Both> {
    let mut all: BTreeMap<Labels, Both> = BTreeMap::new();
    for (side, is_now) in [(before, false), (now, true)] {
        let names = |labels: &Labels| labels.get("__name__").cloned().unwrap_or_default();
        let series: BTreeSet<&Labels> = side
            .iter()
            .flat_map(BTreeMap::keys)
            .filter(|labels| counts(&names(labels), metadata) == of_counters)
            .collect();
        for labels in series {
            let samples: Samples = side.iter().map(|at| at.get(labels).copied()).collect();
            let samples = if of_counters {
                increases(&samples)
            } else {
                samples
            };
            let mut key = labels.clone();
            key.retain(|name, _| {
                let is_kept_instance = name == "instance" && !of_counters;
                is_kept_instance || !OF_PROCESS.contains(&name.as_str())
            });
            let both = all.entry(key).or_default();
            let sum = if is_now {
                &mut both.now
            } else {
                &mut both.before
            };
            sum.resize(samples.len(), None);
            for (sum, sample) in sum.iter_mut().zip(samples) {
                *sum = match (*sum, sample) {
                    (Some(one), Some(other)) if of_counters => Some(one + other),
                    (one, other) => other.or(one),
                };
            }
        }
    }
    all
}

/// What was counted between each two moments. A count that begins or begins again began at 0.
fn increases(samples: &Samples) -> Samples {
    let increase = |pair: &[Option<f64>]| match (pair[0], pair[1]) {
        (Some(one), Some(other)) if other >= one => Some(other - one),
        (_, other) => other,
    };
    samples.windows(2).map(increase).collect()
}

fn counter(
    labels: &Labels,
    both: &Both,
    all: &BTreeMap<Labels, Both>,
    [before_s, now_s]: [f64; 2],
) -> Option<Row> {
    let name = labels.get("__name__")?;
    let sum = |samples: &Samples| samples.iter().flatten().sum::<f64>();
    if let Some(family) = name.strip_suffix("_sum") {
        let mut count = labels.clone();
        count.insert("__name__".to_owned(), format!("{family}_count"));
        return mean(labels, family, both, all.get(&count)?);
    }
    let (before, now) = (sum(&both.before), sum(&both.now));
    let intervals = both.before.len().max(1) as f64;
    let rates = both
        .before
        .iter()
        .map(|one| one.unwrap_or(0.0) * intervals / before_s);
    Some(Row {
        metric: name.clone(),
        labels: named(labels),
        kind: Kind::Rate,
        before: range(rates),
        now: now / now_s.max(1.0),
        expression: format!("sum(rate({name}{}[30s]))", selector(labels)),
        score: surprise(before, before_s, now, now_s),
    })
}

/// A mean wants so many observations on both sides.
const LEAST_OBSERVED: f64 = 8.0;

fn mean(labels: &Labels, family: &str, sums: &Both, counts: &Both) -> Option<Row> {
    let total = |samples: &Samples| samples.iter().flatten().sum::<f64>();
    let of = |sums: &Samples, counts: &Samples| {
        (total(counts) >= LEAST_OBSERVED).then(|| total(sums) / total(counts))
    };
    let now = of(&sums.now, &counts.now)?;
    let before = of(&sums.before, &counts.before)?;
    let parts = sums.before.iter().zip(&counts.before);
    let means = parts.filter_map(|(sum, count)| {
        let count = count.filter(|count| *count > 0.0)?;
        Some(sum.unwrap_or(0.0) / count)
    });
    let selector = selector(labels);
    Some(Row {
        metric: family.to_owned(),
        labels: named(labels),
        kind: Kind::Mean,
        before: range(means),
        now,
        expression: format!(
            "sum(rate({family}_sum{selector}[30s])) / sum(rate({family}_count{selector}[30s]))"
        ),
        // What takes a microsecond more is not what anybody feels.
        score: ((now + 1e-4) / (before + 1e-4)).ln().abs(),
    })
}

fn gauge(labels: &Labels, both: &Both) -> Option<Row> {
    let name = labels.get("__name__")?;
    let now: Vec<f64> = both.now.iter().flatten().copied().collect();
    let now = now.iter().sum::<f64>() / (now.len() as f64).max(1.0);
    if both.now.iter().flatten().count() == 0 {
        return None;
    }
    let before = range(both.before.iter().flatten().copied());
    let (low, high) = before?;
    let beyond = (now - high).max(low - now).max(0.0);
    let width = (high - low).max(0.25 * low.abs().max(high.abs())).max(1.0);
    Some(Row {
        metric: name.clone(),
        labels: named(labels),
        kind: Kind::Value,
        before,
        now,
        expression: format!("{name}{}", selector(labels)),
        score: (beyond / width).ln_1p(),
    })
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

fn named(labels: &Labels) -> Labels {
    let mut labels = labels.clone();
    labels.remove("__name__");
    labels
}

fn selector(labels: &Labels) -> String {
    let terms: Vec<String> = named(labels)
        .iter()
        .map(|(name, value)| format!("{name}={}", quote(value)))
        .collect();
    match terms.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", terms.join(", ")),
    }
}

fn render(rows: &[Row], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("BEFORE", Align::Right),
        ("NOW", Align::Right),
        ("", Align::Left),
        ("EXPRESSION", Align::Left),
    ]);
    for row in rows {
        let before = row.before.map_or_else(
            || "–".to_owned(),
            |(low, high)| format!("{} to {}", format::number(low), format::number(high)),
        );
        let what = match row.kind {
            Kind::Rate => "per second",
            Kind::Mean => "mean",
            Kind::Value => "",
        };
        table.row([
            Cell::new(Ink::Faint, before),
            Cell::new(Ink::Strong, format::number(row.now)),
            Cell::new(Ink::Faint, what),
            row.expression.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(values: &[(&str, f64)]) -> BTreeMap<Labels, f64> {
        let series = values.iter().map(|(text, value)| {
            let labels = text.split(' ').map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or(("__name__", pair));
                (name.to_owned(), value.to_owned())
            });
            (labels.collect(), *value)
        });
        series.collect()
    }

    #[test]
    fn what_left_its_range_is_ranked_with_the_expression_that_shows_it() {
        let before: Vec<_> = (0..3)
            .map(|step| {
                let step = f64::from(step);
                at(&[
                    ("errors_total service=a instance=a-1", 0.0),
                    ("requests_total service=a instance=a-1", 100.0 * step),
                    ("took_seconds_sum service=a", 1.0 * step),
                    ("took_seconds_count service=a", 100.0 * step),
                    ("depth instance=a-1 version=1", 4.0 + step),
                    ("limit instance=a-1 version=1", 50.0),
                ])
            })
            .collect();
        let now: Vec<_> = (0..3)
            .map(|step| {
                let step = f64::from(step);
                at(&[
                    ("errors_total service=a instance=a-1", 30.0 * step),
                    // A new process has begun to count.
                    ("requests_total service=a instance=a-2", 105.0 * step),
                    ("took_seconds_sum service=a", 40.0 * step),
                    ("took_seconds_count service=a", 100.0 * step),
                    ("depth instance=a-1 version=2", 300.0),
                    ("limit instance=a-1 version=2", 50.0),
                ])
            })
            .collect();
        let gauge = |name: &str| {
            let kind = "gauge".to_owned();
            let help = String::new();
            (name.to_owned(), Metadata { kind, help })
        };
        let metadata = [gauge("depth"), gauge("limit")].into();
        let rows = compared(&before, &now, &metadata, [10.0, 10.0]);
        insta::assert_snapshot!(render(&rows, Style::PLAIN, 140), @r#"
              BEFORE  NOW              EXPRESSION
              4 to 6  300              depth{instance="a-1"}
              0 to 0    6  per second  sum(rate(errors_total{service="a"}[30s]))
        0.01 to 0.01  0.4  mean        sum(rate(took_seconds_sum{service="a"}[30s])) / sum(rate(took_seconds_count{service="a"}[30s]))
        "#);
    }

    #[test]
    fn a_count_that_begins_again_began_at_0() {
        let samples = [Some(5.0), Some(7.0), Some(2.0), None, Some(3.0)].to_vec();
        assert_eq!(increases(&samples), [Some(2.0), Some(2.0), None, Some(3.0)]);
    }
}
