//! The effect of an expression: which of its series leave the range that they had in the baseline.
//!
//! ```text
//!            high + margin ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─•─•─•─   three samples beyond it: up
//! baseline   high ─────────┐          incident       •
//!            •  •  •   •   │ • •  •  •  •  • •  •  •
//!            low ──────────┘
//! ```

mod origin;

use std::collections::BTreeMap;

use super::{Change, Direction, Effect};
use crate::evidence::{Labels, Sample, Series};
use text::format::number;

pub use origin::Origins;

/// So many samples of the incident must lie beyond the margin: one may be a scrape that came late.
const SAMPLES: usize = 3;
/// So unlikely must it be that events which never came in the baseline only came in the incident by chance.
const BY_CHANCE: f64 = 0.02;
/// Where there was nothing before, a single event is in every rate for as long as its window: there must be more than that.
const ECHO: usize = 13;
/// A baseline of so many samples has shown its range.
const WHOLE_RANGE: f64 = 40.0;
/// More clear changes than this are a dashboard and no evidence: some of many always differ.
const MAX_CHANGES: usize = 20;
/// Labels that tell instances and releases apart; what they name is another in every run.
pub(super) const IDENTITY: [&str; 6] = [
    "instance",
    "version",
    "release",
    "exported_instance",
    "service_version",
    "service_instance_id",
];
/// Functions that write labels, which then say nothing about where a series comes from.
pub(super) const LABELLING: [&str; 2] = ["label_replace", "label_join"];

/// The series of an expression in the baseline, and in the incident.
pub type Windowed = (Vec<Series>, Vec<Series>);

/// How long the windows are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seconds {
    /// Of the baseline.
    pub baseline: f64,
    /// Of the incident.
    pub incident: f64,
}

/// A change of one series, clear or faint.
struct Moved {
    labels: Labels,
    told: Told,
}

/// What changed from one window to the other; `origins` is where the series come from that do not say so themselves,
/// `settled_s` is when the baseline's answers are about nothing earlier any more, and `events` how long the windows are where
/// the values are events a second.
pub fn effect(
    baseline: &[Series],
    incident: &[Series],
    origins: &Origins,
    settled_s: f64,
    events: Option<Seconds>,
) -> Effect {
    let mut effect = Effect::default();
    for Moved { labels, told } in all_changes(baseline, incident, settled_s, events) {
        let (direction, size, strength, what) = told;
        let change = Change {
            size,
            strength,
            what,
            ..origins.at(&labels)
        };
        effect.add(&name(&labels), direction, change);
    }
    let clear = effect.clear().count();
    match clear > MAX_CHANGES {
        true => Effect::refused(format!(
            "{clear} series change, which points at everything; narrow it to {MAX_CHANGES} at most"
        )),
        false => effect,
    }
}

/// Every series that changed, however many there are.
fn all_changes(
    baseline: &[Series],
    incident: &[Series],
    settled_s: f64,
    events: Option<Seconds>,
) -> Vec<Moved> {
    let mut pairs: BTreeMap<&Labels, [&[Sample]; 2]> = BTreeMap::new();
    for (index, window) in [baseline, incident].into_iter().enumerate() {
        for series in window {
            pairs.entry(&series.labels).or_default()[index] = &series.samples;
        }
    }
    let live = pairs.values().filter(|pair| is_live(pair)).count();
    // How far an answer goes over a window, so that a series that is missing from it can be told.
    let steps = incident
        .iter()
        .map(|series| series.samples.len())
        .max()
        .unwrap_or(0);
    let moved = pairs.into_iter().flat_map(|(labels, [before, during])| {
        let told = changes(before, during, settled_s, live, steps).into_iter();
        let told = told.map(move |(direction, size, strength, what)| {
            let is_new = before.len() < SAMPLES || !is_live(&[before, &[]]);
            let events = events.filter(|_| is_new);
            let chance = events.map_or(MOST, |seconds| seconds.by_chance(during, live));
            (direction, size, strength.min(chance), what)
        });
        told.map(|told| Moved {
            labels: labels.clone(),
            told,
        })
    });
    moved.collect()
}

/// The samples of a range that lie in the one window, and in the other.
pub fn split(
    series: &[Series],
    is_before: impl Fn(f64) -> bool,
    is_during: impl Fn(f64) -> bool,
) -> Windowed {
    let of = |keep: &dyn Fn(f64) -> bool| -> Vec<Series> {
        series
            .iter()
            .map(|series| Series {
                labels: series.labels.clone(),
                samples: series
                    .samples
                    .iter()
                    .filter(|sample| keep(sample.at_s))
                    .copied()
                    .collect(),
            })
            .collect()
    };
    (of(&is_before), of(&is_during))
}

/// The labels without those that tell instances and releases apart.
fn name(labels: &Labels) -> String {
    let metric = labels.get("__name__").map_or("", String::as_str);
    let rest: Vec<String> = labels
        .iter()
        .filter(|(name, _)| *name != "__name__" && !IDENTITY.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    match (metric, rest.is_empty()) {
        ("", true) => "its value".to_owned(),
        (metric, true) => metric.to_owned(),
        (metric, false) => format!("{metric}{{{}}}", rest.join(",")),
    }
}

fn is_live(pair: &[&[Sample]; 2]) -> bool {
    let mut all = pair.iter().flat_map(|samples| samples.iter());
    all.any(|sample| sample.value.is_finite() && sample.value != 0.0)
}

type Told = (Direction, f64, f64, String);

impl Seconds {
    /// How strongly the number of events speaks against chance, where none came in the baseline: if they came as often as
    /// ever, each would have had the same chance to come before. Of many series some begin by chance.
    fn by_chance(self, during: &[Sample], live: usize) -> f64 {
        let values = during.iter().map(|sample| sample.value);
        let events: f64 = values.filter(|value| value.is_finite()).sum();
        let longer = 1.0 + self.baseline / self.incident.max(1.0);
        events * longer.ln() / -BY_CHANCE.ln() / (live.max(1) as f64).sqrt()
    }
}

fn changes(
    before: &[Sample],
    during: &[Sample],
    settled_s: f64,
    live: usize,
    steps: usize,
) -> Vec<Told> {
    let finite = |samples: &[Sample]| -> Vec<Sample> {
        let finite = samples.iter().filter(|sample| sample.value.is_finite());
        finite.copied().collect()
    };
    let (before, during) = (finite(before), finite(during));
    if !is_live(&[&before, &during]) {
        return Vec::new();
    }
    if before.len() < SAMPLES {
        return appears(&during).into_iter().collect();
    }
    let base = Baseline::of(&before, settled_s, live);
    if during.len() < SAMPLES && steps >= 2 * SAMPLES {
        return disappears(&base, steps - during.len())
            .into_iter()
            .collect();
    }
    [Direction::Up, Direction::Down]
        .into_iter()
        .filter_map(|direction| base.left(direction, &during))
        .collect()
}

/// A series that was not there before.
fn appears(during: &[Sample]) -> Option<Told> {
    let mut values: Vec<f64> = during
        .iter()
        .map(|sample| sample.value.abs())
        .filter(|value| *value > 0.0)
        .collect();
    values.sort_by(f64::total_cmp);
    let size = *values.get(values.len().checked_sub(SAMPLES)?)?;
    let strength = (values.len() as f64 / ECHO as f64).min(MOST);
    let what = format!("{}, and nothing before", number(size));
    Some((Direction::Up, size, strength, what))
}

/// A series that is there no more.
fn disappears(base: &Baseline, missing: usize) -> Option<Told> {
    let strength = (missing as f64 / SAMPLES as f64).min(MOST);
    let what = format!("{} before, and nothing then", base.range());
    (base.middle != 0.0).then(|| (Direction::Down, base.middle.abs(), strength, what))
}

/// Strengths beyond this say no more.
const MOST: f64 = 100.0;

/// The range of a series before the incident.
struct Baseline {
    low: f64,
    middle: f64,
    high: f64,
    margin: f64,
    trend: Option<Trend>,
}

/// A straight line through the baseline, kept when it explains most of its variation.
#[derive(Clone, Copy)]
struct Trend {
    at_s: f64,
    level: f64,
    per_s: f64,
}

impl Baseline {
    /// Of many series some leave their range by chance, so that the margin widens with their number. A rate whose window
    /// reaches back to before the baseline is still rising, which widens the margin and is not as low as the series was.
    fn of(samples: &[Sample], settled_s: f64, live: usize) -> Self {
        let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        values.sort_by(f64::total_cmp);
        let (lowest, high) = (values[0], values[values.len() - 1]);
        let settled = samples.iter().filter(|sample| sample.at_s >= settled_s);
        let low = settled.map(|sample| sample.value).min_by(f64::total_cmp);
        let low = low.unwrap_or(lowest);
        let middle = values[values.len() / 2];
        // A short baseline has not shown its whole range.
        let short = (WHOLE_RANGE / samples.len() as f64).sqrt().clamp(1.0, 2.0);
        let spread = 0.5 * (high - lowest) * (live.max(1) as f64).sqrt() * short;
        Self {
            low,
            middle,
            high,
            margin: (0.5 * middle.abs()).max(spread),
            trend: Trend::of(samples),
        }
    }

    /// Whether the incident leaves the range on one side: the sample that counts is the third farthest.
    fn left(&self, direction: Direction, during: &[Sample]) -> Option<Told> {
        let mut beyond: Vec<(f64, f64)> = during
            .iter()
            .map(|sample| (self.excess(direction, sample), sample.value))
            .collect();
        beyond.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
        let (excess, value) = *beyond.get(SAMPLES - 1)?;
        if excess <= 0.0 {
            return None;
        }
        let stopped = during.iter().filter(|sample| sample.value == 0.0).count();
        let strength = match self.margin > 0.0 {
            // A series that was never 0 and stays there has stopped, however much it varied before.
            true if direction == Direction::Down && self.low > 0.0 && stopped >= ECHO => (excess
                / self.margin)
                .max(stopped as f64 / ECHO as f64)
                .min(MOST),
            true => (excess / self.margin).min(MOST),
            // Where nothing ever moved any difference is beyond the margin, if it stays.
            false => {
                let differing = beyond.iter().filter(|(excess, _)| *excess > 0.0);
                differing.count() as f64 / ECHO as f64
            }
        };
        let what = format!("{} before, {} then", self.range(), number(value));
        Some((direction, (value - self.middle).abs(), strength, what))
    }

    /// How far a sample lies outside of where the series was, or was going.
    fn excess(&self, direction: Direction, sample: &Sample) -> f64 {
        let (mut low, mut high) = (self.low, self.high);
        if let Some(trend) = self.trend {
            let gained = trend.per_s * (sample.at_s - trend.at_s);
            let led_to = trend.level + 1.25 * gained;
            low = low.min(led_to);
            high = high.max(led_to);
        }
        match direction {
            Direction::Up => sample.value - high,
            Direction::Down => low - sample.value,
        }
    }

    fn range(&self) -> String {
        if self.low == self.high {
            return number(self.low);
        }
        format!("{} to {}", number(self.low), number(self.high))
    }
}

impl Trend {
    fn of(samples: &[Sample]) -> Option<Self> {
        let count = samples.len() as f64;
        if samples.len() < 5 {
            return None;
        }
        let at_s = samples.iter().map(|s| s.at_s).sum::<f64>() / count;
        let level = samples.iter().map(|s| s.value).sum::<f64>() / count;
        let sum = |f: &dyn Fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>();
        let tt = sum(&|s| (s.at_s - at_s).powi(2));
        let tv = sum(&|s| (s.at_s - at_s) * (s.value - level));
        let vv = sum(&|s| (s.value - level).powi(2));
        let explained = (tv * tv) / (tt * vv);
        (explained > 0.8).then_some(Self {
            at_s,
            level,
            per_s: tv / tt,
        })
    }
}

#[cfg(test)]
mod tests;
