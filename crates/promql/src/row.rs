//! The evaluator's own shape of a vector: one row for each series, one cell for each step.
//!
//! ```text
//!                step 0   step 1   step 2
//! {path="/a"}      1        2      absent
//! {path="/b"}    absent     7        7
//! ```
//!
//! So labels are hashed and grouped once in a query and not once in a step.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Error, Labels, STALE, is_stale};

/// The content of a cell without a sample. No expression computes it: the markers of the source are dropped on selection,
/// and arithmetic on NaN never yields this signalling one.
pub(super) const ABSENT: f64 = STALE;

/// Whether a cell has a sample.
pub(super) fn is_present(cell: f64) -> bool {
    !is_stale(cell)
}

/// The moments at which an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Steps {
    pub(super) start_ms: i64,
    pub(super) step_ms: i64,
    pub(super) count: usize,
}

impl Steps {
    pub(super) fn at(self, step: usize) -> i64 {
        self.start_ms + self.step_ms * step as i64
    }

    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.at(step))
    }

    /// The last moment.
    pub(super) fn end_ms(self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }
}

/// One series of a vector.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) labels: Labels,
    /// A value for each step, or [`ABSENT`].
    pub(super) cells: Vec<f64>,
}

impl Row {
    pub(super) fn new(labels: Labels, cells: Vec<f64>) -> Row {
        Row { labels, cells }
    }

    /// Takes the metric's name away.
    pub(super) fn drop_name(&mut self) {
        self.labels = self.labels.without_name();
    }

    /// Replaces every value by what `function` makes of it.
    pub(super) fn map(&mut self, function: impl Fn(f64) -> f64) {
        for cell in self.cells.iter_mut().filter(|cell| is_present(**cell)) {
            *cell = function(*cell);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.cells.iter().copied().any(is_present)
    }
}

/// Drops rows without a value and joins those that an operation gave the same labels.
///
/// Two of them with a value at the same step are an error, for then the vector of that step has no meaning.
pub(super) fn unite(rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    let mut seen: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut united: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| !row.is_empty()) {
        match seen.entry(row.labels.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(united.len());
                united.push(row);
            }
            Entry::Occupied(entry) => {
                let kept = &mut united[*entry.get()].cells;
                for (kept, cell) in kept.iter_mut().zip(row.cells) {
                    if !is_present(cell) {
                        continue;
                    }
                    if is_present(*kept) {
                        return Err(same_labels());
                    }
                    *kept = cell;
                }
            }
        }
    }
    Ok(united)
}

pub(super) fn same_labels() -> Error {
    Error::Execution("vector cannot contain metrics with the same labelset".to_owned())
}
