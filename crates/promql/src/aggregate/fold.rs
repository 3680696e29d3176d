//! The aggregations that take one value after the other: sum, average, minimum and so on.

use promql_parser::parser::AggregateExpr;
use promql_parser::parser::token::{
    T_AVG, T_COUNT, T_GROUP, T_MAX, T_MIN, T_STDDEV, T_STDVAR, T_SUM,
};

use super::group;
use crate::Error;
use crate::eval::{Evaluator, unexpected};
use crate::kahan::{Mean, Sum};
use crate::row::{ABSENT, Row, Steps, is_present, unite};

impl Evaluator<'_> {
    pub(super) fn fold(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Row>, Error> {
        match aggregate.op.id() {
            T_SUM => self.fold_by(aggregate, steps, Sum::of, Sum::add, Sum::value),
            T_AVG => self.fold_by(aggregate, steps, Mean::of, Mean::add, Mean::value),
            T_COUNT => self.fold_by(aggregate, steps, |_| 1.0, |n, _| *n += 1.0, |n| n),
            T_GROUP => self.fold_by(aggregate, steps, |_| (), |_, _| (), |_| 1.0),
            T_MAX => self.extreme(aggregate, steps, |value, best| value > best),
            T_MIN => self.extreme(aggregate, steps, |value, best| value < best),
            T_STDVAR => self.variance(aggregate, steps),
            T_STDDEV => {
                let mut rows = self.variance(aggregate, steps)?;
                rows.iter_mut().for_each(|row| row.map(f64::sqrt));
                Ok(rows)
            }
            _ => Err(unexpected("an aggregation that is supported")),
        }
    }

    /// The value that beats all others; NaN only if all are.
    fn extreme(
        &self,
        aggregate: &AggregateExpr,
        steps: Steps,
        beats: impl Fn(f64, f64) -> bool,
    ) -> Result<Vec<Row>, Error> {
        let add = |best: &mut f64, value: f64| {
            if beats(value, *best) || best.is_nan() {
                *best = value;
            }
        };
        self.fold_by(aggregate, steps, |value| value, add, |best| best)
    }

    fn variance(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Row>, Error> {
        let finish = |variance: Variance| variance.squares / variance.count;
        self.fold_by(aggregate, steps, Variance::of, Variance::add, finish)
    }

    /// Folds the members of each group, row by row, which walks memory in order.
    fn fold_by<F: Copy>(
        &self,
        aggregate: &AggregateExpr,
        steps: Steps,
        start: impl Fn(f64) -> F,
        add: impl Fn(&mut F, f64),
        finish: impl Fn(F) -> f64,
    ) -> Result<Vec<Row>, Error> {
        let rows = self.vector(&aggregate.expr, steps)?;
        let mut results = Vec::new();
        for group in group(&rows, &aggregate.modifier) {
            self.charge(steps.count)?;
            let mut folds: Vec<Option<F>> = vec![None; steps.count];
            for member in &group.members {
                self.tick(steps.count)?;
                for (fold, cell) in folds.iter_mut().zip(&rows[*member].cells) {
                    if is_present(*cell) {
                        match fold {
                            Some(fold) => add(fold, *cell),
                            None => *fold = Some(start(*cell)),
                        }
                    }
                }
            }
            let cells = folds.into_iter().map(|fold| fold.map_or(ABSENT, &finish));
            results.push(Row::new(group.labels, cells.collect()));
        }
        unite(results)
    }
}

/// The population variance, by Welford's method.
#[derive(Clone, Copy)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Variance {
    fn of(value: f64) -> Self {
        Variance {
            count: 1.0,
            mean: value,
            squares: if value.is_finite() { 0.0 } else { f64::NAN },
        }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
}
