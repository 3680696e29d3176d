//! Sorting of an instant vector, by value or by labels.

use std::cmp::Ordering;

use promql_parser::parser::Expr;

use super::{first, text};
use crate::promql::Error;
use crate::promql::eval::Evaluator;
use crate::promql::quantile::nan_first;
use crate::promql::row::{Row, Steps};

impl Evaluator<'_> {
    pub(super) fn sort(
        &self,
        name: &str,
        arguments: &[Box<Expr>],
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = self.vector(first(arguments)?, steps)?;
        if steps.count != 1 {
            self.warn(format!(
                "{name} is ineffective for range queries: their results are sorted by labels"
            ));
            return Ok(rows);
        }
        let labels: Result<Vec<&str>, Error> = (1..arguments.len())
            .map(|index| text(arguments, index))
            .collect();
        let labels = labels?;
        match name {
            "sort" => rows.sort_by(|a, b| nan_last(a.cells[0], b.cells[0])),
            "sort_desc" => rows.sort_by(|a, b| nan_first(b.cells[0], a.cells[0])),
            "sort_by_label" => rows.sort_by(|a, b| by_labels(a, b, &labels)),
            _ => rows.sort_by(|a, b| by_labels(b, a, &labels)),
        }
        Ok(rows)
    }
}

/// Ascending, with NaN above everything.
fn nan_last(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// By the named labels, numbers within them by size; then by all labels.
fn by_labels(a: &Row, b: &Row, names: &[&str]) -> Ordering {
    for name in names {
        let a = a.labels.get(name).unwrap_or_default();
        let b = b.labels.get(name).unwrap_or_default();
        let order = natural(a, b);
        if order != Ordering::Equal {
            return order;
        }
    }
    a.labels.cmp(&b.labels)
}

/// Compares texts with their runs of digits taken as numbers: `node-2` comes before `node-10`.
fn natural(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() && !b.is_empty() {
        let (head_a, rest_a) = split_run(a);
        let (head_b, rest_b) = split_run(b);
        let order = match (is_number(head_a), is_number(head_b)) {
            (true, true) => {
                let (short_a, short_b) = (
                    head_a.trim_start_matches('0'),
                    head_b.trim_start_matches('0'),
                );
                short_a
                    .len()
                    .cmp(&short_b.len())
                    .then_with(|| short_a.cmp(short_b))
            }
            _ => head_a.cmp(head_b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// Splits off the run of digits, or of anything else, at the start.
fn split_run(text: &str) -> (&str, &str) {
    let is_number = is_number(text);
    let end = text.find(|c: char| c.is_ascii_digit() != is_number);
    text.split_at(end.unwrap_or(text.len()))
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}
