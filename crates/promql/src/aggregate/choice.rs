//! The aggregations that keep some members of each group as they are.

use promql_parser::parser::AggregateExpr;
use promql_parser::parser::token::{T_TOPK, TokenId};

use super::group;
use crate::Error;
use crate::eval::Evaluator;
use crate::row::{ABSENT, Row, Steps, is_present};

impl Evaluator<'_> {
    /// `topk` and `bottomk`: the k largest or smallest members, at each step separately.
    pub(super) fn choose(
        &self,
        aggregate: &AggregateExpr,
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let op = aggregate.op.id();
        let counts = limits(&self.parameter(aggregate, steps)?)?;
        let rows = self.vector(&aggregate.expr, steps)?;
        if counts.iter().all(|count| *count == 0) {
            return Ok(Vec::new());
        }
        self.charge(rows.len().saturating_mul(steps.count))?;
        let mut chosen = vec![vec![ABSENT; steps.count]; rows.len()];
        // The members of the first step in their order of rank, which is the order of an instant vector.
        let mut ranking = Vec::new();
        let mut members: Vec<(usize, f64)> = Vec::new();
        for group in group(&rows, &aggregate.modifier) {
            for step in 0..steps.count {
                self.tick(group.members.len())?;
                members.clear();
                let cells = group
                    .members
                    .iter()
                    .map(|member| (*member, rows[*member].cells[step]));
                members.extend(cells.filter(|(_, cell)| is_present(*cell)));
                keep_best(op, &mut members, counts[step]);
                for (member, value) in &members {
                    chosen[*member][step] = *value;
                    if step == 0 {
                        ranking.push(*member);
                    }
                }
            }
        }
        if steps.count > 1 {
            ranking = (0..rows.len()).collect();
        }
        let kept = ranking.into_iter().map(|member| Row {
            cells: std::mem::take(&mut chosen[member]),
            ..rows[member].clone()
        });
        Ok(kept.filter(|row| !row.is_empty()).collect())
    }
}

/// How many members to keep at each step.
fn limits(parameter: &[f64]) -> Result<Vec<usize>, Error> {
    if !parameter.iter().any(|k| *k >= 1.0 || k.is_nan()) {
        return Ok(vec![0; parameter.len()]);
    }
    // A number beyond 64 bits is refused, although no vector is that long.
    let bound = i64::MAX as f64;
    let limit = |k: &f64| {
        if k.is_nan() {
            Err(Error::Execution("Parameter value is NaN".to_owned()))
        } else if *k >= bound {
            Err(Error::Execution(format!(
                "Scalar value {k:e} overflows int64"
            )))
        } else if *k <= -bound {
            Err(Error::Execution(format!(
                "Scalar value {k:e} underflows int64"
            )))
        } else {
            Ok(k.max(0.0) as usize)
        }
    };
    parameter.iter().map(limit).collect()
}

/// Sorts the best to the front and drops the rest; among equals the earlier one wins, and NaN loses to anything.
fn keep_best(op: TokenId, members: &mut Vec<(usize, f64)>, count: usize) {
    let rank = |a: &(usize, f64), b: &(usize, f64)| {
        let order = match op {
            T_TOPK => b.1.partial_cmp(&a.1),
            _ => a.1.partial_cmp(&b.1),
        };
        order
            .unwrap_or_else(|| a.1.is_nan().cmp(&b.1.is_nan()))
            .then_with(|| a.0.cmp(&b.0))
    };
    if count > 0 && count < members.len() {
        members.select_nth_unstable_by(count - 1, rank);
    }
    members.truncate(count);
    members.sort_unstable_by(rank);
}
