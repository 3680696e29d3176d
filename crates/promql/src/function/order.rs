//! Sorting of an instant vector, by value.

use std::cmp::Ordering;

use promql_parser::parser::Expr;

use crate::Error;
use crate::annotation::Place;
use crate::eval::Evaluator;
use crate::quantile::nan_first;
use crate::row::{Row, Steps};

impl Evaluator<'_> {
    pub(super) fn sort(
        &self,
        name: &str,
        argument: &Expr,
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = self.vector(argument, steps)?;
        if steps.count != 1 {
            let text =
                "sort is ineffective for range queries since results are always ordered by labels";
            self.warn(text, Place::call_of(argument));
            return Ok(rows);
        }
        match name {
            "sort" => rows.sort_by(|a, b| nan_last(a.cells[0], b.cells[0])),
            _ => rows.sort_by(|a, b| nan_first(b.cells[0], a.cells[0])),
        }
        Ok(rows)
    }
}

/// Ascending, with NaN above everything.
fn nan_last(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
