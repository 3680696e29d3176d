//! `promql:` pointers: does the expression have a value then, and is it unlike its values in the baseline?

use time::{Duration, OffsetDateTime};

use super::execute::holds;
use super::{Detail, Expected, Finding, Tells};
use crate::evidence::{Error, Labels, Prometheus, Sample, Series, Value};
use crate::moment::{Frame, Windows, clock_text};
use text::format::number;

/// An expression with more series than this points at everything.
const MAX_SERIES: usize = 20;
/// Values taken from the baseline.
const STEPS: i32 = 40;

/// Functions that tell the date or the time of day, whatever the system does.
pub(crate) const CALENDAR: [&str; 8] = [
    "minute",
    "hour",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];

pub(super) async fn find(
    prometheus: &Prometheus,
    frame: &Frame,
    expr: &str,
    at: OffsetDateTime,
    expected: Option<&Expected>,
) -> Result<Finding, Error> {
    if !frame.whole().contains(at, Duration::seconds(2)) {
        return Err(Error::Asked(format!(
            "{} is outside this run ({} to {})",
            clock_text(at),
            clock_text(frame.started),
            clock_text(frame.ended)
        )));
    }
    let values = finite(prometheus.query(expr, at).await?)?;
    let (values, tells) = match frame.windows {
        None => (values, Tells::NotAsked),
        Some(windows) => compare(prometheus, expr, at, values, windows).await?,
    };
    // Any one of the few series may be the one that the responder wrote down.
    let value_holds = expected.map(|_| {
        values
            .iter()
            .any(|series| holds(expected, Some(series.value)) == Some(true))
    });
    let first = values.first().map(|series| series.value);
    Ok(Finding {
        what: describe(&values, at),
        at: Some(at),
        value: first,
        value_holds,
        tells,
        detail: Detail::Promql(expr.to_owned()),
    })
}

struct Now {
    labels: Labels,
    value: f64,
}

fn finite(value: Value) -> Result<Vec<Now>, Error> {
    let refuse = |what: &str| Err(Error::Asked(what.to_owned()));
    let series = match value {
        Value::Matrix(_) => {
            return refuse("the result is a range; a pointer needs values at one time");
        }
        Value::Text(_) => return refuse("the result is a string; a pointer needs numbers"),
        other => other.series(),
    };
    let values: Vec<Now> = series
        .into_iter()
        .filter_map(|series| {
            let value = series.samples.first()?.value;
            value.is_finite().then_some(Now {
                labels: series.labels,
                value,
            })
        })
        .collect();
    if values.is_empty() {
        return refuse("the expression has no value at that time");
    }
    Ok(values)
}

fn describe(values: &[Now], at: OffsetDateTime) -> String {
    let first = values.first().map_or(f64::NAN, |series| series.value);
    let at = clock_text(at);
    match values.len() {
        1 => format!("{} at {at}", number(first)),
        many => format!(
            "{many} series at {at}, {} in {}",
            number(first),
            labels(&values[0].labels)
        ),
    }
}

fn labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .take(4)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// The values, the most telling first, and whether that one tells.
async fn compare(
    prometheus: &Prometheus,
    expr: &str,
    at: OffsetDateTime,
    mut values: Vec<Now>,
    windows: Windows,
) -> Result<(Vec<Now>, Tells), Error> {
    if let Some(why) = never_proof(expr, values.len()) {
        return Ok((values, Tells::No(why)));
    }
    if !windows.incident.contains(at, Duration::seconds(1)) {
        let why = format!("{} is outside the incident", clock_text(at));
        return Ok((values, Tells::No(why)));
    }
    let step = windows.baseline.length() / STEPS;
    let before = prometheus.query_range(expr, windows.baseline, step).await?;
    let at_s = crate::moment::unix_s(at);
    let mut verdicts: Vec<Tells> = values.iter().map(|now| judge(now, at_s, &before)).collect();
    let telling = verdicts
        .iter()
        .position(|tells| matches!(tells, Tells::Yes(_)))
        .unwrap_or(0);
    values.swap(0, telling);
    Ok((values, verdicts.swap_remove(telling)))
}

/// Expressions that differ from one moment to the next, or name everything, whatever happens.
fn never_proof(expr: &str, series: usize) -> Option<String> {
    const CLOCKS: [&str; 2] = ["time", "timestamp"];
    const RELEASES: [&str; 2] = ["build_info", "process_start_time_seconds"];
    let words = words(expr);
    if let Some(clock) = CLOCKS
        .iter()
        .chain(&CALENDAR)
        .find(|clock| calls(expr, clock))
    {
        return Some(format!(
            "`{clock}()` changes all the time, with or without an incident"
        ));
    }
    if series > MAX_SERIES {
        return Some(format!(
            "it has {series} series, and some of that many always differ: narrow it to {MAX_SERIES}"
        ));
    }
    RELEASES
        .iter()
        .find(|name| words.contains(*name))
        .map(|name| format!("`{name}` tells which release ran, not how it behaved"))
}

/// Names, numbers and label values of an expression, as whole words.
pub(crate) fn words(expr: &str) -> Vec<&str> {
    expr.split(|c: char| !(c.is_alphanumeric() || "_:.-/".contains(c)))
        .filter(|word| !word.is_empty())
        .collect()
}

pub(crate) fn calls(expr: &str, function: &str) -> bool {
    expr.match_indices(function).any(|(at, _)| {
        let before = expr[..at].chars().next_back();
        let is_whole = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'));
        is_whole && expr[at + function.len()..].trim_start().starts_with('(')
    })
}

fn judge(now: &Now, at_s: f64, before: &[Series]) -> Tells {
    let samples: Vec<Sample> = before
        .iter()
        .filter(|series| series.labels == now.labels)
        .flat_map(|series| series.samples.iter().copied())
        .filter(|sample| sample.value.is_finite())
        .collect();
    if samples.is_empty() {
        return match now.value == 0.0 {
            true => Tells::No("it is 0, and the baseline has no value".to_owned()),
            false => Tells::Yes(format!(
                "it is {}, and the baseline has no value",
                number(now.value)
            )),
        };
    }
    let base = Baseline::of(&samples);
    let value = number(now.value);
    let range = base.range();
    if !base.excludes(now.value) {
        let is_inside = (base.low..=base.high).contains(&now.value);
        let why = match is_inside {
            true => "is within",
            false => "is too close to",
        };
        return Tells::No(format!("{value} {why} the baseline ({range})"));
    }
    match base.trend {
        Some(trend) if trend.explains(now.value, at_s, base.margin()) => Tells::No(format!(
            "{value} follows the trend of the baseline ({range})"
        )),
        _ => Tells::Yes(format!("{value} is outside the baseline ({range})")),
    }
}

struct Baseline {
    low: f64,
    middle: f64,
    high: f64,
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
    fn of(samples: &[Sample]) -> Self {
        let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        values.sort_by(f64::total_cmp);
        Self {
            low: values[0],
            middle: values[values.len() / 2],
            high: values[values.len() - 1],
            trend: Trend::of(samples),
        }
    }

    /// How far outside of the usual range a value must lie to be unlike it.
    fn margin(&self) -> f64 {
        (0.25 * self.middle.abs()).max(0.5 * (self.high - self.low))
    }

    fn excludes(&self, value: f64) -> bool {
        let margin = self.margin();
        value > self.high + margin || value < self.low - margin
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
        (explained > 0.5).then_some(Self {
            at_s,
            level,
            per_s: tv / tt,
        })
    }

    /// Whether the value is where the line already led, by a quarter of the way, or on the way there: what rose for as
    /// long as a window filled goes on to rise and then stays.
    fn explains(&self, value: f64, at_s: f64, margin: f64) -> bool {
        let gained = self.per_s * (at_s - self.at_s);
        let led_to = self.level + gained;
        let is_on_the_way =
            (value - self.level) * gained > 0.0 && (value - self.level).abs() <= gained.abs();
        is_on_the_way || (value - led_to).abs() <= margin.max(0.25 * gained.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(f64) -> f64) -> Vec<Series> {
        let samples = (0..40).map(|i| f64::from(i) * 3.0).map(|at_s| Sample {
            at_s,
            value: value(at_s),
        });
        vec![Series {
            labels: Labels::new(),
            samples: samples.collect(),
        }]
    }

    fn tells(value: f64, before: &[Series]) -> bool {
        let now = Now {
            labels: Labels::new(),
            value,
        };
        matches!(judge(&now, 300.0, before), Tells::Yes(_))
    }

    #[test]
    fn a_value_tells_when_the_baseline_neither_had_nor_led_to_it() {
        let flat = series(|_| 0.040);
        let noisy = series(|at| 10.0 + (at % 7.0));
        let counter = series(|at| 5.0 * at);
        let filling = series(|at| 12.0 + 0.36 * at);
        let none: Vec<Series> = Vec::new();
        assert!(
            !tells(80.0, &filling),
            "a window that filled, and is full now"
        );
        assert!(tells(400.0, &filling), "far above what filled it");
        assert!(tells(0.48, &flat), "far above a flat line");
        assert!(!tells(0.045, &flat), "within a quarter of a flat line");
        assert!(!tells(17.0, &noisy), "within the noise");
        assert!(tells(40.0, &noisy), "far above the noise");
        assert!(tells(0.0, &noisy), "far below the noise");
        assert!(
            !tells(1500.0, &counter),
            "where the counter was going anyway"
        );
        assert!(
            tells(9000.0, &counter),
            "far from where the counter was going"
        );
        assert!(tells(3.0, &none), "new");
        assert!(!tells(0.0, &none), "nothing, and nothing before");
    }

    #[test]
    fn expressions_that_always_differ_are_no_proof() {
        fn check(expr: &str, expected: Option<&str>) {
            assert_eq!(never_proof(expr, 1).as_deref(), expected, "{expr}");
        }
        check("rate(x_total[1m])", None);
        check("process_uptime(x)", None);
        check(
            "vector( time ( ) )",
            Some("`time()` changes all the time, with or without an incident"),
        );
        check(
            "x and on() hour() > 3",
            Some("`hour()` changes all the time, with or without an incident"),
        );
        check(
            "build_info{version=\"2026.11.4\"}",
            Some("`build_info` tells which release ran, not how it behaved"),
        );
        assert!(never_proof("up", 21).is_some());
    }
}
