//! Binary operators between scalars and vectors.

mod matching;

use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB,
    TokenId,
};

use super::Error;
use super::eval::{Evaluator, Outcome, unexpected};
use super::row::{ABSENT, Row, Steps, is_present, unite};

/// What to compute of two numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    kind: Kind,
    /// A comparison that answers 1 or 0 rather than to keep or drop the left value.
    returns_bool: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(f64, f64) -> bool),
}

impl Operator {
    fn new(token: TokenId, returns_bool: bool) -> Option<Operator> {
        let kind = match token {
            T_ADD => Kind::Arithmetic(|a, b| a + b),
            T_SUB => Kind::Arithmetic(|a, b| a - b),
            T_MUL => Kind::Arithmetic(|a, b| a * b),
            T_DIV => Kind::Arithmetic(|a, b| a / b),
            T_MOD => Kind::Arithmetic(|a, b| a % b),
            T_POW => Kind::Arithmetic(f64::powf),
            T_ATAN2 => Kind::Arithmetic(f64::atan2),
            T_EQLC => Kind::Comparison(|a, b| a == b),
            T_NEQ => Kind::Comparison(|a, b| a != b),
            T_GTR => Kind::Comparison(|a, b| a > b),
            T_LSS => Kind::Comparison(|a, b| a < b),
            T_GTE => Kind::Comparison(|a, b| a >= b),
            T_LTE => Kind::Comparison(|a, b| a <= b),
            _ => return None,
        };
        Some(Operator { kind, returns_bool })
    }

    /// Whether the result is another quantity than the metric on the left.
    fn changes_metric(self) -> bool {
        self.returns_bool || matches!(self.kind, Kind::Arithmetic(_))
    }

    /// The result for two values, or [`ABSENT`] where a comparison drops it; `kept` is what a comparison keeps.
    fn apply(self, left: f64, right: f64, kept: f64) -> f64 {
        match self.kind {
            Kind::Arithmetic(function) => function(left, right),
            Kind::Comparison(function) if self.returns_bool => {
                f64::from(u8::from(function(left, right)))
            }
            Kind::Comparison(function) if function(left, right) => kept,
            Kind::Comparison(_) => ABSENT,
        }
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(&self, binary: &BinaryExpr, steps: Steps) -> Result<Outcome, Error> {
        let left = self.eval(&binary.lhs, steps)?;
        let right = self.eval(&binary.rhs, steps)?;
        let operator = Operator::new(binary.op.id(), binary.return_bool());
        let rows =
            match (left, right, operator) {
                (Outcome::Vector(left), Outcome::Vector(right), None) => {
                    self.set_operation(binary, left, right)?
                }
                (Outcome::Vector(left), Outcome::Vector(right), Some(operator)) => {
                    self.match_vectors(binary, operator, left, right, steps)?
                }
                (Outcome::Vector(rows), Outcome::Scalar(scalars), Some(operator)) => self
                    .with_scalar(operator, rows, |cell, step| {
                        operator.apply(cell, scalars[step], cell)
                    })?,
                (Outcome::Scalar(scalars), Outcome::Vector(rows), Some(operator)) => self
                    .with_scalar(operator, rows, |cell, step| {
                        operator.apply(scalars[step], cell, cell)
                    })?,
                (Outcome::Scalar(left), Outcome::Scalar(right), Some(operator)) => {
                    // The checks after parsing demand `bool` of a comparison here.
                    let pairs = left.iter().zip(&right);
                    let values = pairs.map(|(left, right)| operator.apply(*left, *right, *left));
                    return Ok(Outcome::Scalar(values.collect()));
                }
                _ => return Err(unexpected("numbers or instant vectors around an operator")),
            };
        Ok(Outcome::Vector(rows))
    }

    fn with_scalar(
        &self,
        operator: Operator,
        mut rows: Vec<Row>,
        function: impl Fn(f64, usize) -> f64,
    ) -> Result<Vec<Row>, Error> {
        for row in &mut rows {
            self.tick(row.cells.len())?;
            for (step, cell) in row
                .cells
                .iter_mut()
                .enumerate()
                .filter(|(_, cell)| is_present(**cell))
            {
                *cell = function(*cell, step);
            }
            if operator.changes_metric() {
                row.drop_name();
            }
        }
        unite(rows)
    }
}
