//! `query`: a PromQL expression as a table, or as sparklines over time.

mod exemplar;

use grader::evidence::{self, Labels, Look, LookKind, Sample, Series, Value};
use grader::moment::Window;
use schemars::JsonSchema;
use serde::Serialize;
use text::format;
use text::problem::position;
use time::Duration;

use super::source::{self, Evidence};
use crate::cli::evidence::Query as Args;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style, sparkline};

/// Points of a range where no step is asked for: as many as a line of a terminal shows.
const POINTS: i32 = 60;
/// Columns of a sparkline.
const SPARKLINE: usize = 60;

/// Evaluates the expression on the running drill's Prometheus.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    if args.exemplars {
        return exemplar::run(context, args);
    }
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let now = evidence.place.now;
    let progress = context.terminal.progress("querying Prometheus");
    let answer = match args.since {
        Some(since) => {
            let window = Window {
                from: since.resolve(now),
                to: now,
            };
            let step = step(args, window);
            let series = evidence.wait(
                evidence
                    .sources
                    .prometheus
                    .query_range(&args.expr, window, step),
            );
            series.map(Value::Matrix)
        }
        None => {
            let at = args.at.map_or(now, |at| at.resolve(now));
            evidence.wait(evidence.sources.prometheus.query(&args.expr, at))
        }
    };
    drop(progress);
    let value = answer.map_err(|error| explain(error, &args.expr))?;
    evidence.place.note(&look(context, args));
    if args.recorded.format.json {
        context.terminal.json(&wire(&value))?;
    } else if value.series().is_empty() && !matches!(value, Value::Text(_)) {
        let unknown = super::metrics::suggestion(&evidence, &args.expr);
        let note = unknown.unwrap_or_else(|| "no matching series".to_owned());
        context.terminal.note(&note);
    } else {
        context.terminal.print(&render(
            &value,
            context.terminal.out,
            context.terminal.width,
        ))?;
    }
    Ok(Outcome::Done)
}

fn look(context: &Context, args: &Args) -> Look {
    Look {
        time: args.at.map(|at| at.resolve(context.now)),
        from: args.since.map(|since| since.resolve(context.now)),
        ..Look::by_command(LookKind::Promql, &args.expr, context.now)
    }
}

fn step(args: &Args, window: Window) -> Duration {
    let asked = args.step.and_then(|step| Duration::try_from(step).ok());
    asked.unwrap_or_else(|| (window.length() / POINTS).max(Duration::SECOND))
}

/// Prometheus says where an expression is wrong as `LINE:COLUMN: `; people see it sooner with a caret.
fn explain(error: evidence::Error, expr: &str) -> anyhow::Error {
    match &error {
        evidence::Error::Refused {
            status: 400..=499,
            message,
            ..
        } => {
            let message = message.trim_end_matches(" (bad_data)");
            let found = place(message, expr);
            let message = found.map_or(message, |(_, rest)| rest);
            Error::Expression {
                message: message.trim().to_owned(),
                text: expr.to_owned(),
                offset: found.map(|(offset, _)| offset),
            }
            .into()
        }
        _ => source::explain(error),
    }
}

/// The byte offset that a message names, and the message after it.
fn place<'m>(message: &'m str, expr: &str) -> Option<(usize, &'m str)> {
    let words = message
        .char_indices()
        .filter(|(at, _)| *at == 0 || message[..*at].ends_with(' '));
    for (at, _) in words {
        let Some((line, rest)) = message[at..].split_once(':') else {
            continue;
        };
        let Some((column, rest)) = rest.split_once(':') else {
            continue;
        };
        if let (Ok(line), Ok(column)) = (line.parse::<usize>(), column.parse::<usize>()) {
            let offset = expr
                .char_indices()
                .map(|(offset, _)| offset)
                .chain([expr.len()]);
            let offset = offset
                .into_iter()
                .find(|offset| position(expr, *offset) == (line, column));
            return offset.map(|offset| (offset, rest));
        }
    }
    None
}

fn render(value: &Value, style: Style, columns: usize) -> String {
    match value {
        Value::Text(text) => format!("{}\n", text::format::harmless(text)),
        Value::Scalar(sample) => format!("{}\n", format::number(sample.value)),
        Value::Vector(series) => vector(series, style, columns),
        Value::Matrix(series) => {
            let moving: Vec<&Series> = series.iter().filter(|one| !is_zero(one)).collect();
            // A series that is 0 throughout says something only where all are.
            match moving.is_empty() {
                true => matrix(&series.iter().collect::<Vec<_>>(), style, columns),
                false => {
                    let zeros = series.len() - moving.len();
                    let hidden = match zeros {
                        0 => String::new(),
                        _ => format!("{zeros} more series: 0 throughout\n"),
                    };
                    matrix(&moving, style, columns) + &hidden
                }
            }
        }
    }
}

fn vector(series: &[Series], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[("VALUE", Align::Right), ("SERIES", Align::Left)]);
    for series in series {
        let value = series
            .samples
            .last()
            .map(|sample| format::number(sample.value));
        table.row([
            Cell::new(Ink::Heading, value.unwrap_or_default()),
            labels(&series.labels).into(),
        ]);
    }
    table.render(style, columns)
}

fn is_zero(series: &Series) -> bool {
    series.samples.iter().all(|sample| sample.value == 0.0)
}

fn matrix(series: &[&Series], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("MIN", Align::Right),
        ("MAX", Align::Right),
        ("LAST", Align::Right),
        ("OVER TIME", Align::Left),
        ("SERIES", Align::Left),
    ]);
    let times = times(series);
    for series in series {
        let values = aligned(&series.samples, &times);
        let extent = sparkline::extent(&values);
        let (low, high) = extent.unwrap_or((0.0, 0.0));
        let number = |value: Option<f64>| value.map(format::number).unwrap_or_default();
        table.row([
            number(extent.map(|(low, _)| low)).into(),
            number(extent.map(|(_, high)| high)).into(),
            Cell::new(
                Ink::Heading,
                number(series.samples.last().map(|sample| sample.value)),
            ),
            Cell::new(
                Ink::Hue(0),
                sparkline::sparkline(&sparkline::fit(&values, SPARKLINE), low, high),
            ),
            labels(&series.labels).into(),
        ]);
    }
    if let [first, .., last] = times[..] {
        let axis = axis(first, last, times.len().min(SPARKLINE));
        let empty = || Cell::from("");
        table.row([empty(), empty(), empty(), Cell::new(Ink::Faint, axis)]);
    }
    table.render(style, columns)
}

/// The times of the first and the last column, under the sparklines.
fn axis(first_s: f64, last_s: f64, columns: usize) -> String {
    let clock = |at_s: f64| {
        let at = format::clock(grader::moment::from_unix_s(at_s));
        at.get(..8).unwrap_or(&at).to_owned()
    };
    let (first, last) = (clock(first_s), clock(last_s));
    let gap = columns.saturating_sub(first.len() + last.len()).max(1);
    format!("{first}{}{last}", " ".repeat(gap))
}

/// All times of all series, so that each sparkline begins and ends at the same moment.
fn times(series: &[&Series]) -> Vec<f64> {
    let mut times: Vec<f64> = series
        .iter()
        .flat_map(|series| series.samples.iter().map(|sample| sample.at_s))
        .collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    times
}

fn aligned(samples: &[Sample], times: &[f64]) -> Vec<Option<f64>> {
    let mut samples = samples.iter().peekable();
    times
        .iter()
        .map(|time| {
            samples
                .next_if(|sample| sample.at_s <= *time)
                .map(|sample| sample.value)
        })
        .collect()
}

/// `name{label="value"}`, as in an expression.
fn labels(labels: &Labels) -> String {
    let name = labels
        .get("__name__")
        .map(String::as_str)
        .unwrap_or_default();
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(key, _)| *key != "__name__")
        .map(|(key, value)| format!("{key}={}", evidence::prometheus::quote(value)))
        .collect();
    match pairs.is_empty() {
        true if !name.is_empty() => name.to_owned(),
        _ => format!("{name}{{{}}}", pairs.join(", ")),
    }
}

/// The value as Prometheus's API spells it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "resultType", content = "result")]
#[schemars(rename = "QueryResult")]
pub(super) enum Wire<'a> {
    /// One number.
    Scalar(Point),
    /// One text, at no time.
    String(i64, &'a str),
    /// One sample a series.
    Vector(Vec<Instant<'a>>),
    /// Many samples a series.
    Matrix(Vec<Range<'a>>),
}

/// Seconds since 1970, and the value as text: it may be NaN or infinite.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QueryPoint")]
pub(super) struct Point(f64, String);

/// A series at one time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuerySample")]
pub(super) struct Instant<'a> {
    metric: &'a Labels,
    value: Option<Point>,
}

/// A series over time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "QuerySeries")]
pub(super) struct Range<'a> {
    metric: &'a Labels,
    values: Vec<Point>,
}

fn wire(value: &Value) -> Wire<'_> {
    let point = |sample: &Sample| Point(sample.at_s, spelled(sample.value));
    match value {
        Value::Scalar(one) => Wire::Scalar(point(one)),
        Value::Text(text) => Wire::String(0, text),
        Value::Vector(all) => {
            let all = all.iter().map(|series| Instant {
                metric: &series.labels,
                value: series.samples.last().map(point),
            });
            Wire::Vector(all.collect())
        }
        Value::Matrix(all) => {
            let all = all.iter().map(|series| Range {
                metric: &series.labels,
                values: series.samples.iter().map(point).collect(),
            });
            Wire::Matrix(all.collect())
        }
    }
}

fn spelled(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)], values: &[(f64, f64)]) -> Series {
        Series {
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            samples: values
                .iter()
                .map(|(at_s, value)| Sample {
                    at_s: *at_s,
                    value: *value,
                })
                .collect(),
        }
    }

    #[test]
    fn a_vector_is_a_table_of_values_and_series() {
        let value = Value::Vector(vec![
            series(
                &[("__name__", "up"), ("instance", "gateway-1")],
                &[(1.0, 1.0)],
            ),
            series(&[("service", "a\"b")], &[(1.0, 0.123_456)]),
            series(&[], &[(1.0, f64::NAN)]),
        ]);
        insta::assert_snapshot!(render(&value, Style::PLAIN, 80), @r#"
         VALUE  SERIES
             1  up{instance="gateway-1"}
        0.1235  {service="a\"b"}
           NaN  {}
        "#);
    }

    #[test]
    fn a_range_is_a_sparkline_with_gaps_where_a_series_has_no_sample() {
        let value = Value::Matrix(vec![
            series(
                &[("service", "checkout")],
                &[(1.0, 0.0), (2.0, 4.0), (3.0, 7.0), (4.0, 7.0)],
            ),
            series(&[("service", "inventory")], &[(2.0, 5.0), (4.0, 5.0)]),
            series(&[("service", "gateway")], &[(1.0, 0.0), (2.0, 0.0)]),
        ]);
        insta::assert_snapshot!(render(&value, Style::PLAIN, 80), @r#"
        MIN  MAX  LAST  OVER TIME          SERIES
          0    7     7  ▁▅██               {service="checkout"}
          5    5     5   ▁ ▁               {service="inventory"}
                        00:00:01 00:00:04
        1 more series: 0 throughout
        "#);
    }

    #[test]
    fn json_is_what_prometheus_answers() {
        let value = Value::Vector(vec![series(&[("a", "b")], &[(1.5, f64::INFINITY)])]);
        assert_eq!(
            serde_json::to_string(&wire(&value)).expect("it is JSON"),
            r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1.5,"+Inf"]}]}"#
        );
    }

    #[test]
    fn a_refused_expression_is_shown_with_a_caret() {
        let refused = evidence::Error::Refused {
            what: "Prometheus",
            status: 400,
            message:
                "invalid parameter \"query\": 1:5: parse error: unexpected end of input (bad_data)"
                    .to_owned(),
        };
        let error = explain(refused, "sum(");
        assert_eq!(crate::error::exit_code(&error), 2);
        insta::assert_snapshot!(crate::error::render(&error, Style::PLAIN), @r"
        error: parse error: unexpected end of input
          sum(
              ^
        ");
    }

    #[test]
    fn a_message_without_a_place_stays_as_it_is() {
        assert_eq!(place("query timed out", "up"), None);
        assert_eq!(place("1:99: far away", "up"), None);
        assert_eq!(place("at 2:1: here", "a\nb"), Some((2, " here")));
    }
}
