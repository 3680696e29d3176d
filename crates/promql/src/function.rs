//! Functions of instant vectors and scalars.

mod date;
mod histogram;
mod label;
mod math;
mod order;

use promql_parser::parser::{Call, Expr};

use super::eval::{Evaluator, Outcome, unexpected};
use super::row::{ABSENT, Row, Steps, is_present, unite};
use super::tree::{labels_of_absent, without_parens};
use super::{Error, Labels, window};

/// Those of the parser's functions that are evaluated here. The others are experimental in Prometheus, which refuses
/// them unless it is told otherwise; an expression must mean the same in both.
pub(super) fn is_supported(name: &str) -> bool {
    let names = [
        "absent",
        "clamp",
        "clamp_max",
        "clamp_min",
        "histogram_avg",
        "histogram_count",
        "histogram_fraction",
        "histogram_quantile",
        "histogram_stddev",
        "histogram_stdvar",
        "histogram_sum",
        "label_join",
        "label_replace",
        "pi",
        "round",
        "scalar",
        "sort",
        "sort_desc",
        "time",
        "timestamp",
        "vector",
    ];
    names.contains(&name)
        || math::function(name).is_some()
        || date::function(name).is_some()
        || window::is_supported(name)
}

impl Evaluator<'_> {
    pub(super) fn call(&self, call: &Call, steps: Steps) -> Result<Outcome, Error> {
        if let Some(values) = self.scalar_call(call, steps)? {
            return Ok(Outcome::Scalar(values));
        }
        if let Some(rows) = self.window_call(call, steps) {
            return rows.map(Outcome::Vector);
        }
        self.vector_call(call, steps).map(Outcome::Vector)
    }

    /// The functions that return a scalar.
    fn scalar_call(&self, call: &Call, steps: Steps) -> Result<Option<Vec<f64>>, Error> {
        let values = match (call.func.name, &call.args.args[..]) {
            ("pi", []) => vec![std::f64::consts::PI; steps.count],
            ("time", []) => steps.times().map(seconds).collect(),
            ("scalar", [argument]) => {
                let rows = self.vector(argument, steps)?;
                let only = |step: usize| {
                    let mut values = rows
                        .iter()
                        .map(|row| row.cells[step])
                        .filter(|cell| is_present(*cell));
                    match (values.next(), values.next()) {
                        (Some(value), None) => value,
                        _ => f64::NAN,
                    }
                };
                (0..steps.count).map(only).collect()
            }
            _ => return Ok(None),
        };
        self.charge(values.len())?;
        Ok(Some(values))
    }

    /// The functions that return an instant vector and do not take a range vector.
    fn vector_call(&self, call: &Call, steps: Steps) -> Result<Vec<Row>, Error> {
        let name = call.func.name;
        let arguments = &call.args.args[..];
        if let Some(function) = math::function(name) {
            let rows = self.vector(first(arguments)?, steps)?;
            return self.map_rows(rows, function);
        }
        if let Some(function) = date::function(name) {
            let rows = match arguments {
                [] => vec![Row::new(
                    Labels::empty(),
                    steps.times().map(seconds).collect(),
                )],
                _ => self.vector(first(arguments)?, steps)?,
            };
            return self.map_rows(rows, function);
        }
        match name {
            "absent" => self.absent(first(arguments)?, steps),
            "clamp" | "clamp_max" | "clamp_min" => self.clamp(name, arguments, steps),
            "histogram_fraction" => self.histogram_fraction(arguments, steps),
            "histogram_quantile" => self.histogram_quantile(arguments, steps),
            // Of native histograms only, and there are none.
            "histogram_avg" | "histogram_count" | "histogram_stddev" | "histogram_stdvar"
            | "histogram_sum" => self.vector(first(arguments)?, steps).map(|_| Vec::new()),
            "label_join" => self.label_join(arguments, steps),
            "label_replace" => self.label_replace(arguments, steps),
            "round" => self.round(arguments, steps),
            "sort" | "sort_desc" => self.sort(name, first(arguments)?, steps),
            "timestamp" => self.timestamp(first(arguments)?, steps),
            "vector" => Ok(vec![Row::new(
                Labels::empty(),
                self.scalar(first(arguments)?, steps)?,
            )]),
            _ => Err(Error::Execution(format!(
                "function `{name}` is not supported"
            ))),
        }
    }

    fn absent(&self, argument: &Expr, steps: Steps) -> Result<Vec<Row>, Error> {
        let rows = self.vector(argument, steps)?;
        let is_absent = |step: usize| !rows.iter().any(|row| is_present(row.cells[step]));
        let cells = (0..steps.count).map(|step| if is_absent(step) { 1.0 } else { ABSENT });
        unite(vec![Row::new(labels_of_absent(argument), cells.collect())])
    }

    fn clamp(&self, name: &str, arguments: &[Box<Expr>], steps: Steps) -> Result<Vec<Row>, Error> {
        let mut rows = self.vector(first(arguments)?, steps)?;
        let bound = |index: usize| match arguments.get(index) {
            Some(argument) => self.scalar(argument, steps),
            None => Err(unexpected("a bound")),
        };
        let (lower, upper) = match name {
            "clamp_min" => (bound(1)?, vec![f64::INFINITY; steps.count]),
            "clamp_max" => (vec![f64::NEG_INFINITY; steps.count], bound(1)?),
            _ => (bound(1)?, bound(2)?),
        };
        for row in &mut rows {
            for (step, cell) in row
                .cells
                .iter_mut()
                .enumerate()
                .filter(|(_, cell)| is_present(**cell))
            {
                let (lower, upper) = (lower[step], upper[step]);
                *cell = if upper < lower {
                    ABSENT
                } else {
                    math::max(lower, math::min(upper, *cell))
                };
            }
            row.drop_name();
        }
        unite(rows)
    }

    fn round(&self, arguments: &[Box<Expr>], steps: Steps) -> Result<Vec<Row>, Error> {
        let mut rows = self.vector(first(arguments)?, steps)?;
        let nearest = match arguments.get(1) {
            Some(argument) => self.scalar(argument, steps)?,
            None => vec![1.0; steps.count],
        };
        for row in &mut rows {
            for (cell, nearest) in row
                .cells
                .iter_mut()
                .zip(&nearest)
                .filter(|(cell, _)| is_present(**cell))
            {
                // By the inverse, for 0.1 is not exact but 10 is.
                let inverse = 1.0 / nearest;
                *cell = (*cell * inverse + 0.5).floor() / inverse;
            }
            row.drop_name();
        }
        unite(rows)
    }

    /// The time of each sample: of a selector the sample's own, of any other expression that of the step.
    fn timestamp(&self, argument: &Expr, steps: Steps) -> Result<Vec<Row>, Error> {
        if let Expr::VectorSelector(selector) = without_parens(argument) {
            let rows = self.select_instant(selector, steps, |sample| seconds(sample.t_ms))?;
            return self.map_rows(rows, |value| value);
        }
        let mut rows = self.vector(argument, steps)?;
        for row in &mut rows {
            for (cell, time_ms) in row.cells.iter_mut().zip(steps.times()) {
                if is_present(*cell) {
                    *cell = seconds(time_ms);
                }
            }
            row.drop_name();
        }
        unite(rows)
    }
}

fn seconds(time_ms: i64) -> f64 {
    time_ms as f64 / 1000.0
}

fn first(arguments: &[Box<Expr>]) -> Result<&Expr, Error> {
    match arguments {
        [first, ..] => Ok(first),
        [] => Err(unexpected("an argument")),
    }
}

/// The text of a string argument.
fn text(arguments: &[Box<Expr>], index: usize) -> Result<&str, Error> {
    match arguments
        .get(index)
        .map(|argument| without_parens(argument))
    {
        Some(Expr::StringLiteral(text)) => Ok(&text.val),
        _ => Err(unexpected("a string")),
    }
}
