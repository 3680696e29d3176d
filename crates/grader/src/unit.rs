//! In which unit a change is measured, so that its size can be written with it.

use ::promql::Expr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use text::format::{bytes, duration, number};

use crate::effect::Feature;
use crate::reference::Probe;

/// A unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number, or one whose unit is not known.
    #[default]
    Number,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
    /// Of something, a second.
    PerSecond,
    /// Bytes a second.
    BytesPerSecond,
    /// Log lines a minute.
    LinesPerMinute,
    /// A share of one.
    Share,
}

impl Unit {
    /// The unit of what a pointer shows to change.
    pub fn of(probe: &Probe, feature: &Feature) -> Self {
        match probe {
            Probe::Promql(expression) => {
                ::promql::parse(&expression.text).map_or(Self::Number, |expr| answer(&expr))
            }
            Probe::Log(_) => Self::LinesPerMinute,
            Probe::Trace(_) if feature.name.starts_with("time in ") => Self::Milliseconds,
            Probe::Trace(_) => Self::Number,
            Probe::Heap(_) => Self::Bytes,
            Probe::Profile(_) => Self::Share,
        }
    }

    /// A value with its unit.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Number => number(value),
            Self::Seconds => duration(value * 1e6),
            Self::Milliseconds => duration(value * 1e3),
            Self::Bytes => bytes(value),
            Self::PerSecond => format!("{}/s", number(value)),
            Self::BytesPerSecond => format!("{}/s", bytes(value)),
            Self::LinesPerMinute => format!("{} lines/min", number((10.0 * value).round() / 10.0)),
            Self::Share => format!("{} %", number((1000.0 * value).round() / 10.0)),
        }
    }
}

/// The unit of an expression's values, by the names of its metrics.
fn answer(expr: &Expr) -> Unit {
    match expr {
        Expr::Paren(paren) => answer(&paren.expr),
        Expr::Unary(unary) => answer(&unary.expr),
        Expr::Subquery(subquery) => answer(&subquery.expr),
        Expr::Aggregate(aggregate) if aggregate.op.to_string() == "count" => Unit::Number,
        Expr::Aggregate(aggregate) => answer(&aggregate.expr),
        Expr::VectorSelector(selector) => named(selector.name.as_deref()),
        Expr::MatrixSelector(matrix) => named(matrix.vs.name.as_deref()),
        Expr::Binary(binary) => {
            let (left, right) = (answer(&binary.lhs), answer(&binary.rhs));
            let is_plain = |expr: &Expr| matches!(expr, Expr::NumberLiteral(_));
            match binary.op.to_string().as_str() {
                "/" if is_plain(&binary.rhs) => left,
                // The sum of a histogram by its count: what one of them took. Anything else is a ratio.
                "/" if left == Unit::Share && right == Unit::PerSecond => Unit::Seconds,
                "/" if left == Unit::BytesPerSecond && right == Unit::PerSecond => Unit::Bytes,
                "/" | "^" | "%" | "atan2" => Unit::Number,
                "*" if is_plain(&binary.lhs) => right,
                "*" if !is_plain(&binary.rhs) => Unit::Number,
                _ => left,
            }
        }
        Expr::Call(call) => {
            let vector = call.args.args.iter().map(|arg| answer(arg));
            let of = vector.fold(Unit::Number, |known, next| match next {
                Unit::Number => known,
                next => next,
            });
            match (call.func.name, of) {
                ("rate" | "irate" | "deriv", Unit::Seconds) => Unit::Share,
                ("rate" | "irate" | "deriv", Unit::Bytes) => Unit::BytesPerSecond,
                ("rate" | "irate" | "deriv", _) => Unit::PerSecond,
                // Of the rates of its buckets, which are told by the metric's name.
                ("histogram_quantile", _) if has(expr, "_seconds_bucket") => Unit::Seconds,
                ("changes" | "resets" | "absent" | "sgn", _) => Unit::Number,
                (_, of) => of,
            }
        }
        _ => Unit::Number,
    }
}

fn has(expr: &Expr, end: &str) -> bool {
    expr.to_string().contains(end)
}

fn named(metric: Option<&str>) -> Unit {
    let name = metric.unwrap_or_default();
    let name = name.strip_suffix("_total").unwrap_or(name);
    let name = name.strip_suffix("_sum").unwrap_or(name);
    match name {
        name if name.ends_with("_seconds") => Unit::Seconds,
        name if name.ends_with("_bytes") => Unit::Bytes,
        _ => Unit::Number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Direction;
    use crate::effect::expression::Expression;

    #[test]
    fn an_expression_has_the_unit_of_its_metrics() {
        for (text, expected) in [
            ("outbox_depth", "2"),
            ("outbox_oldest_age_seconds", "2.00 s"),
            ("max(allocator_allocated_bytes) / 1024", "2 B"),
            ("sum(rate(orders_total[30s]))", "2/s"),
            ("rate(process_cpu_seconds_total[30s])", "200 %"),
            ("deriv(allocator_allocated_bytes[20s])", "2 B/s"),
            (
                "rate(a_seconds_sum[9s]) / rate(a_seconds_count[9s])",
                "2.00 s",
            ),
            ("sum(rate(a_total[9s])) / sum(rate(b_total[9s]))", "2"),
            (
                "histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[9s])))",
                "2.00 s",
            ),
            ("count(a_seconds)", "2"),
            ("60 * rate(a_total[9s]) > 3", "2/s"),
        ] {
            let expression = Expression::read(text, 20.0).expect(text);
            let feature = Feature {
                name: "its value".to_owned(),
                direction: Direction::Up,
            };
            let unit = Unit::of(&Probe::Promql(expression), &feature);
            assert_eq!(unit.text(2.0), expected, "{text}");
        }
    }

    #[test]
    fn other_pointers_have_the_unit_of_their_kind() {
        let up = |name: &str| Feature {
            name: name.to_owned(),
            direction: Direction::Up,
        };
        let trace = Probe::Trace("gateway POST /v1/orders".to_owned());
        let log = Probe::Log("level=warn".parse().expect("a query"));
        for (probe, name, expected) in [
            (&trace, "time in SELECT price in inventory", "2.00 ms"),
            (&trace, "number of SELECT price in inventory", "2"),
            (&log, "lines of any service", "2 lines/min"),
            (&Probe::Heap("gateway".to_owned()), "f", "2 B"),
            (&Probe::Profile("gateway".to_owned()), "f", "200 %"),
        ] {
            assert_eq!(Unit::of(probe, &up(name)).text(2.0), expected, "{name}");
        }
    }
}
