//! The aggregations that take one value after the other: sum, average, minimum and so on.

use promql_parser::parser::AggregateExpr;
use promql_parser::parser::token::{
    T_AVG, T_COUNT, T_GROUP, T_MAX, T_MIN, T_STDDEV, T_STDVAR, T_SUM, TokenId,
};

use super::group;
use crate::Error;
use crate::eval::{Evaluator, unexpected};
use crate::kahan::{Mean, Sum};
use crate::row::{ABSENT, Row, Steps, is_present, unite};

/// A value in the making.
trait Fold: Copy {
    fn start(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn finish(self) -> f64;
}

impl Evaluator<'_> {
    pub(super) fn fold(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Row>, Error> {
        let op: TokenId = aggregate.op.id();
        match op {
            T_SUM => self.fold_by::<Sum>(aggregate, steps),
            T_AVG => self.fold_by::<Mean>(aggregate, steps),
            T_COUNT => self.fold_by::<Count>(aggregate, steps),
            T_GROUP => self.fold_by::<Presence>(aggregate, steps),
            T_MAX => self.fold_by::<Max>(aggregate, steps),
            T_MIN => self.fold_by::<Min>(aggregate, steps),
            T_STDVAR => self.fold_by::<Variance>(aggregate, steps),
            T_STDDEV => {
                let mut rows = self.fold_by::<Variance>(aggregate, steps)?;
                rows.iter_mut().for_each(|row| row.map(f64::sqrt));
                Ok(rows)
            }
            _ => Err(unexpected("an aggregation that is supported")),
        }
    }

    /// Folds the members of each group, row by row, which walks memory in order.
    fn fold_by<F: Fold>(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Row>, Error> {
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
                            Some(fold) => fold.add(*cell),
                            None => *fold = Some(F::start(*cell)),
                        }
                    }
                }
            }
            let cells = folds.into_iter().map(|fold| fold.map_or(ABSENT, F::finish));
            results.push(Row::new(group.labels, cells.collect()));
        }
        unite(results)
    }
}

impl Fold for Sum {
    fn start(value: f64) -> Self {
        let mut sum = Sum::default();
        sum.add(value);
        sum
    }
    fn add(&mut self, value: f64) {
        Sum::add(self, value);
    }
    fn finish(self) -> f64 {
        self.value()
    }
}

impl Fold for Mean {
    fn start(value: f64) -> Self {
        let mut mean = Mean::default();
        mean.add(value);
        mean
    }
    fn add(&mut self, value: f64) {
        Mean::add(self, value);
    }
    fn finish(self) -> f64 {
        self.value()
    }
}

#[derive(Clone, Copy)]
struct Count(f64);

impl Fold for Count {
    fn start(_: f64) -> Self {
        Count(1.0)
    }
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }
    fn finish(self) -> f64 {
        self.0
    }
}

/// That there is a member at all.
#[derive(Clone, Copy)]
struct Presence;

impl Fold for Presence {
    fn start(_: f64) -> Self {
        Presence
    }
    fn add(&mut self, _: f64) {}
    fn finish(self) -> f64 {
        1.0
    }
}

/// The largest value; NaN only if all are.
#[derive(Clone, Copy)]
struct Max(f64);

impl Fold for Max {
    fn start(value: f64) -> Self {
        Max(value)
    }
    fn add(&mut self, value: f64) {
        if value > self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn finish(self) -> f64 {
        self.0
    }
}

/// The smallest value; NaN only if all are.
#[derive(Clone, Copy)]
struct Min(f64);

impl Fold for Min {
    fn start(value: f64) -> Self {
        Min(value)
    }
    fn add(&mut self, value: f64) {
        if value < self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn finish(self) -> f64 {
        self.0
    }
}

/// The population variance, by Welford's method.
#[derive(Clone, Copy)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Fold for Variance {
    fn start(value: f64) -> Self {
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
    fn finish(self) -> f64 {
        self.squares / self.count
    }
}
