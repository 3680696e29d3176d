//! The walk over an expression: every node is evaluated for all steps at once.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use promql_parser::parser::{Expr, SubqueryExpr};

use super::annotation::{Annotations, Place};
use super::row::{Row, Steps, is_present, unite};
use super::tree::without_parens;
use super::{Error, Labels, Options, Sample, Series, Source, Value, VectorSample};

/// How much work, in samples looked at, goes by between two looks at the clock.
const WORK_PER_LOOK: usize = 1 << 16;

/// What an expression evaluates to over all steps.
pub(super) enum Outcome {
    /// A number for each step.
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Row>),
}

/// One query in evaluation: its source and bounds, what it has used of them, and what it has to tell.
pub(super) struct Evaluator<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) options: &'a Options,
    /// The steps of the whole query, to which `@ start()` and `@ end()` refer also within a subquery.
    pub(super) query: Steps,
    /// The end of the query as asked for. It is not a step unless the width of the steps divides the range.
    pub(super) query_end_ms: i64,
    started: Instant,
    samples: Cell<usize>,
    work: Cell<usize>,
    annotations: RefCell<Annotations>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        options: &'a Options,
        query: Steps,
        query_end_ms: i64,
    ) -> Self {
        Evaluator {
            source,
            options,
            query,
            query_end_ms,
            started: Instant::now(),
            samples: Cell::new(0),
            work: Cell::new(0),
            annotations: RefCell::default(),
        }
    }

    /// Evaluates a whole expression for its first step only.
    pub(super) fn instant(self, expr: &Expr) -> Result<(Value, Annotations), Error> {
        let t_ms = self.query.start_ms;
        let value = match without_parens(expr) {
            expr @ (Expr::MatrixSelector(_) | Expr::Subquery(_)) => {
                let mut series = self.ranges(expr, self.query)?.into_series(self.query);
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                Value::Matrix(series)
            }
            expr => match self.eval(expr, self.query)? {
                Outcome::Scalar(values) => Value::Scalar(Sample::new(t_ms, values[0])),
                Outcome::Text(text) => Value::String(t_ms, text),
                Outcome::Vector(rows) => {
                    let rows = unite(rows)?.into_iter();
                    let sample = |row: Row| VectorSample {
                        labels: row.labels,
                        sample: Sample::new(t_ms, row.cells[0]),
                    };
                    Value::Vector(rows.map(sample).collect())
                }
            },
        };
        Ok((value, self.annotations.into_inner()))
    }

    /// Evaluates a whole expression for each step.
    pub(super) fn range(self, expr: &Expr) -> Result<(Value, Annotations), Error> {
        self.charge(self.query.count)?;
        let rows = match self.eval(expr, self.query)? {
            Outcome::Scalar(cells) => vec![Row::new(Labels::empty(), cells)],
            Outcome::Vector(rows) => unite(rows)?,
            // The parser's checks leave only scalars and vectors.
            Outcome::Text(_) => Vec::new(),
        };
        let mut series: Vec<Series> = rows.into_iter().map(|row| self.series(row)).collect();
        series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok((Value::Matrix(series), self.annotations.into_inner()))
    }

    pub(super) fn eval(&self, expr: &Expr, steps: Steps) -> Result<Outcome, Error> {
        self.look_at_clock()?;
        match without_parens(expr) {
            Expr::NumberLiteral(number) => {
                self.charge(steps.count)?;
                Ok(Outcome::Scalar(vec![number.val; steps.count]))
            }
            Expr::StringLiteral(text) => Ok(Outcome::Text(text.val.clone())),
            Expr::VectorSelector(selector) => {
                let rows = self.select_instant(selector, steps, |sample| sample.value)?;
                Ok(Outcome::Vector(rows))
            }
            Expr::Unary(unary) => self.negate(&unary.expr, steps),
            Expr::Binary(binary) => self.binary(binary, steps),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, steps).map(Outcome::Vector),
            Expr::Call(call) => self.call(call, steps),
            Expr::MatrixSelector(_) | Expr::Subquery(SubqueryExpr { .. }) => Err(Error::Execution(
                "a range vector can only be the argument of a function".to_owned(),
            )),
            Expr::Extension(_) | Expr::Paren(_) => Err(unexpected("a number or an instant vector")),
        }
    }

    /// Evaluates an expression that the parser's checks found to be an instant vector.
    pub(super) fn vector(&self, expr: &Expr, steps: Steps) -> Result<Vec<Row>, Error> {
        match self.eval(expr, steps)? {
            Outcome::Vector(rows) => Ok(rows),
            _ => Err(unexpected("an instant vector")),
        }
    }

    /// Evaluates an expression that the parser's checks found to be a scalar.
    pub(super) fn scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, Error> {
        match self.eval(expr, steps)? {
            Outcome::Scalar(values) => Ok(values),
            _ => Err(unexpected("a scalar")),
        }
    }

    fn negate(&self, expr: &Expr, steps: Steps) -> Result<Outcome, Error> {
        match self.eval(expr, steps)? {
            Outcome::Scalar(mut values) => {
                values.iter_mut().for_each(|value| *value = -*value);
                Ok(Outcome::Scalar(values))
            }
            Outcome::Vector(rows) => self.map_rows(rows, |value| -value).map(Outcome::Vector),
            Outcome::Text(_) => Err(unexpected("a number or an instant vector")),
        }
    }

    /// Maps every value of a vector. The result is another quantity than the metric, so its name is dropped.
    pub(super) fn map_rows(
        &self,
        mut rows: Vec<Row>,
        function: impl Fn(f64) -> f64,
    ) -> Result<Vec<Row>, Error> {
        for row in &mut rows {
            row.map(&function);
            row.drop_name();
        }
        unite(rows)
    }

    /// Counts samples loaded or computed against the query's limit.
    pub(super) fn charge(&self, samples: usize) -> Result<(), Error> {
        let total = self.samples.get().saturating_add(samples);
        self.samples.set(total);
        if total > self.options.max_samples {
            let text =
                "query processing would load too many samples into memory in query execution";
            return Err(Error::Execution(text.to_owned()));
        }
        self.tick(samples)
    }

    /// Notes work done, and now and then looks whether time is up.
    pub(super) fn tick(&self, work: usize) -> Result<(), Error> {
        let total = self.work.get().saturating_add(work);
        if total < WORK_PER_LOOK {
            self.work.set(total);
            return Ok(());
        }
        self.work.set(0);
        self.look_at_clock()
    }

    fn look_at_clock(&self) -> Result<(), Error> {
        if self.started.elapsed() > self.options.timeout {
            return Err(Error::Timeout(self.options.timeout));
        }
        Ok(())
    }

    pub(super) fn warn(&self, text: impl Into<String>, place: Place) {
        self.annotations.borrow_mut().warn(text.into(), place);
    }

    pub(super) fn inform(&self, text: impl Into<String>, place: Place) {
        self.annotations.borrow_mut().inform(text.into(), place);
    }

    fn series(&self, row: Row) -> Series {
        let cells = self.query.times().zip(row.cells);
        Series {
            labels: row.labels,
            samples: cells
                .filter(|(_, value)| is_present(*value))
                .map(|(t_ms, value)| Sample { t_ms, value })
                .collect(),
        }
    }
}

/// An expression of a kind that the checks after parsing should have refused.
pub(super) fn unexpected(wanted: &str) -> Error {
    Error::Execution(format!("expected {wanted} in this place"))
}
