//! `promql:` pointers: what the expression says at that time, and which of its series leave the baseline.

use time::{Duration, OffsetDateTime};

use super::execute::{GRACE, holds};
use super::{Detail, Expected, Finding};
use crate::effect::expression::Expression;
use crate::effect::promql::{Origins, Seconds, Windowed};
use crate::effect::{self, Effect};
use crate::evidence::{Error, Labels, Prometheus, Value};
use crate::moment::{Frame, Window, Windows, clock_text, unix_s};
use crate::reference::Probe;
use text::format::number;

/// Offsets at which a value is looked for, in seconds: an instance that was just replaced misses a scrape or two, and a
/// graph does not show the gap.
const NEAR_S: [i64; 7] = [0, -1, 1, -2, 2, -3, 3];

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
    let (found, values) = match nearest(prometheus, expr, at).await? {
        Some(near) => near,
        None => {
            all_known(prometheus, frame, expr).await?;
            (at, Vec::new())
        }
    };
    let (effect, probe) = match frame.windows {
        None => (Effect::refused("the run has no baseline"), None),
        Some(windows) => match read(expr, at, windows) {
            Err(why) => (Effect::refused(why), None),
            Ok(expression) => {
                let effect = effect(prometheus, &expression, windows).await?;
                (effect, Some(Probe::Promql(expression)))
            }
        },
    };
    let mut numbers: Vec<f64> = values.iter().map(|series| series.value).collect();
    if numbers.is_empty() {
        // As everywhere, no series counts as 0: nothing of the kind has happened.
        numbers.push(0.0);
    }
    // Any one of the few series may be the one that the responder wrote down.
    let is_said = |value: &f64| holds(expected, Some(*value)) == Some(true);
    let value_holds = expected.map(|_| numbers.iter().any(is_said));
    Ok(Finding {
        what: describe(&values, found),
        at: Some(found),
        value: numbers.first().copied(),
        value_holds,
        effect,
        probe,
        detail: Detail::Plain,
    })
}

struct Now {
    labels: Labels,
    value: f64,
}

/// The values of the expression, and when it has them: at that time or in the seconds around it; none where it has none.
async fn nearest(
    prometheus: &Prometheus,
    expr: &str,
    at: OffsetDateTime,
) -> Result<Option<(OffsetDateTime, Vec<Now>)>, Error> {
    for offset_s in NEAR_S {
        let near = at + Duration::seconds(offset_s);
        let values = finite(prometheus.query(expr, near).await?)?;
        if !values.is_empty() {
            return Ok(Some((near, values)));
        }
    }
    Ok(None)
}

/// Refuses an expression without a value of which a metric is not there at all: its name is wrong.
async fn all_known(prometheus: &Prometheus, frame: &Frame, expr: &str) -> Result<(), Error> {
    let whole_s = frame.whole().length().whole_seconds().max(1);
    let selectors = ::promql::selectors(expr).map_err(|error| Error::Asked(error.to_string()))?;
    let is_name = |one: &::promql::Matcher| {
        one.name == ::promql::METRIC_NAME && one.op == ::promql::MatchOp::Equal
    };
    for metric in selectors.into_iter().flatten().filter(is_name) {
        let any = format!("count(last_over_time({}[{whole_s}s]))", metric.value);
        let found = prometheus.query(&any, frame.ended).await?.series();
        if found.is_empty() {
            return Err(Error::Asked(format!(
                "the expression has no value at that time, and this run has no metric `{}`",
                metric.value
            )));
        }
    }
    Ok(())
}

/// The series with a number; none is not an error yet.
fn finite(value: Value) -> Result<Vec<Now>, Error> {
    let refuse = |what: &str| Err(Error::Asked(what.to_owned()));
    let series = match value {
        Value::Matrix(_) => {
            return refuse("the result is a range; a pointer needs values at one time");
        }
        Value::Text(_) => return refuse("the result is a string; a pointer needs numbers"),
        other => other.series(),
    };
    let values = series.into_iter().filter_map(|series| {
        let value = series.samples.first()?.value;
        value.is_finite().then_some(Now {
            labels: series.labels,
            value,
        })
    });
    Ok(values.collect())
}

fn describe(values: &[Now], at: OffsetDateTime) -> String {
    let first = values.first().map_or(f64::NAN, |series| series.value);
    let at = clock_text(at);
    match values.len() {
        0 => format!("no series at {at}, which counts as 0"),
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

/// The expression as it is compared; or why it shows nothing.
fn read(expr: &str, at: OffsetDateTime, windows: Windows) -> Result<Expression, String> {
    if !windows.incident.contains(at, GRACE) {
        return Err(format!("{} is outside the incident", clock_text(at)));
    }
    Expression::read(expr, windows.baseline.length().as_seconds_f64())
}

async fn effect(
    prometheus: &Prometheus,
    expression: &Expression,
    windows: Windows,
) -> Result<Effect, Error> {
    let (before, during) = both(prometheus, &expression.text, windows).await?;
    let is_told = Origins::are_told(before.iter().chain(&during));
    let origins = match expression.is_labelled && is_told {
        true => Origins::default(),
        false => {
            let mut behind = Vec::new();
            for origin in &expression.origins {
                behind.push(both(prometheus, origin, windows).await?);
            }
            Origins::of(expression.is_labelled, &behind)
        }
    };
    let events = expression.is_rate.then(|| Seconds {
        baseline: windows.baseline.length().as_seconds_f64(),
        incident: windows.shown().length().as_seconds_f64(),
    });
    let (from_s, to_s) = (unix_s(windows.baseline.from), unix_s(windows.baseline.to));
    let settled_s = expression.settled_s(from_s, to_s);
    let effect = effect::promql::effect(&before, &during, &origins, settled_s, events);
    Ok(effect.from_size(expression.floor))
}

/// The samples of an expression in the baseline, and in the incident, once a second.
async fn both(prometheus: &Prometheus, expr: &str, windows: Windows) -> Result<Windowed, Error> {
    let whole = Window {
        from: windows.baseline.from,
        to: windows.shown().to,
    };
    let series = prometheus
        .query_range(expr, whole, Duration::SECOND)
        .await?;
    let (until_s, from_s) = (unix_s(windows.baseline.to), unix_s(windows.incident.from));
    let is_before = |at_s| at_s <= until_s;
    Ok(effect::promql::split(&series, is_before, |at_s| {
        at_s >= from_s
    }))
}
