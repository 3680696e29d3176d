//! Range vectors: from range selectors and subqueries to windows that slide over samples.

use std::collections::HashSet;
use std::ops::Range;

use promql_parser::parser::{Expr, MatrixSelector, SubqueryExpr};

use super::eval::{Evaluator, unexpected};
use super::row::{ABSENT, Row, Steps, is_present, same_labels};
use super::select::{Moments, millis};
use super::tree::without_parens;
use super::{Error, Labels, Sample, Series, is_stale};

/// A range vector: samples of each series, and where the window of each step lies.
pub(super) struct Ranges {
    pub(super) rows: Vec<RangeRow>,
    /// The width of a window.
    pub(super) range_ms: i64,
    moments: Moments,
}

/// All samples of one series that some window may need, without staleness markers.
pub(super) struct RangeRow {
    pub(super) labels: Labels,
    pub(super) samples: Vec<Sample>,
}

/// The samples of one series within the window of one step; a window includes its end but not its start.
pub(super) struct Window<'a> {
    /// Never empty.
    pub(super) samples: &'a [Sample],
    /// Where these are among the samples of the row.
    pub(super) place: Range<usize>,
    pub(super) row: usize,
    pub(super) step: usize,
    /// The moment of the step, which is not the window's end if there is an offset or `@`.
    pub(super) step_time_ms: i64,
    pub(super) end_ms: i64,
    pub(super) range_ms: i64,
}

impl Evaluator<'_> {
    /// Evaluates a range vector selector or a subquery for the windows of all steps.
    pub(super) fn ranges(&self, expr: &Expr, steps: Steps) -> Result<Ranges, Error> {
        match without_parens(expr) {
            Expr::MatrixSelector(selector) => self.select_ranges(selector, steps),
            Expr::Subquery(subquery) => self.subquery(subquery, steps),
            _ => Err(unexpected("a range vector")),
        }
    }

    fn select_ranges(&self, selector: &MatrixSelector, steps: Steps) -> Result<Ranges, Error> {
        let moments = self.moments(&selector.vs.at, &selector.vs.offset);
        let range_ms = millis(selector.range);
        // The sample on the left edge of a window is not in it.
        let from_ms = moments.at(steps.start_ms).saturating_sub(range_ms - 1);
        let selected = self.select(&selector.vs, from_ms, moments.at(steps.end_ms()))?;
        let rows = selected
            .into_iter()
            .map(
                |Series {
                     labels,
                     mut samples,
                 }| {
                    samples.retain(|sample| !is_stale(sample.value));
                    RangeRow { labels, samples }
                },
            )
            .collect();
        Ok(Ranges {
            rows,
            range_ms,
            moments,
        })
    }

    /// Evaluates the inner expression once on a grid that covers the windows of all steps.
    fn subquery(&self, subquery: &SubqueryExpr, steps: Steps) -> Result<Ranges, Error> {
        let moments = self.moments(&subquery.at, &subquery.offset);
        let range_ms = millis(subquery.range);
        let step_ms = match subquery.step.map_or(0, millis) {
            0 => self.options.subquery_step_ms.max(1),
            step_ms => step_ms,
        };
        // The grid is aligned to multiples of its step, whatever the query's start; its first point is after the left edge.
        let before_ms = moments.at(steps.start_ms).saturating_sub(range_ms);
        let start_ms = before_ms
            .div_euclid(step_ms)
            .saturating_add(1)
            .saturating_mul(step_ms);
        let end_ms = moments.at(steps.end_ms());
        let mut rows = Vec::new();
        if start_ms <= end_ms {
            let count = (end_ms.saturating_sub(start_ms) / step_ms) as usize + 1;
            self.charge(count)?;
            let grid = Steps {
                start_ms,
                step_ms,
                count,
            };
            let inner = self.vector(&subquery.expr, grid)?;
            rows.extend(inner.into_iter().map(|row| range_row(row, grid)));
        }
        Ok(Ranges {
            rows,
            range_ms,
            moments,
        })
    }

    /// Applies a function to each window that has a sample.
    pub(super) fn over_windows(
        &self,
        ranges: &Ranges,
        steps: Steps,
        keeps_name: bool,
        function: impl Fn(&Window) -> Option<f64>,
    ) -> Result<Vec<Row>, Error> {
        let mut rows: Vec<Row> = Vec::with_capacity(ranges.rows.len());
        for (index, range_row) in ranges.rows.iter().enumerate() {
            self.charge(steps.count)?;
            let mut cells = Vec::with_capacity(steps.count);
            let mut place = 0..0;
            for (step, step_time_ms) in steps.times().enumerate() {
                let end_ms = ranges.moments.at(step_time_ms);
                slide(&mut place, &range_row.samples, end_ms, ranges.range_ms);
                self.tick(place.len())?;
                let window = Window {
                    samples: &range_row.samples[place.clone()],
                    place: place.clone(),
                    row: index,
                    step,
                    step_time_ms,
                    end_ms,
                    range_ms: ranges.range_ms,
                };
                let value = if place.is_empty() {
                    None
                } else {
                    function(&window)
                };
                cells.push(value.unwrap_or(ABSENT));
            }
            let mut row = Row::new(range_row.labels.clone(), cells);
            if !keeps_name {
                row.drop_name();
            }
            if !row.is_empty() {
                rows.push(row);
            }
        }
        refuse_same_labels(rows)
    }
}

impl Ranges {
    /// Calls `found` with each step in whose window the row has a sample.
    pub(super) fn for_each_window(&self, row: usize, steps: Steps, mut found: impl FnMut(usize)) {
        let mut place = 0..0;
        for (step, time_ms) in steps.times().enumerate() {
            slide(
                &mut place,
                &self.rows[row].samples,
                self.moments.at(time_ms),
                self.range_ms,
            );
            if !place.is_empty() {
                found(step);
            }
        }
    }

    /// The samples within the window of the first step, for a query that asks for nothing else.
    pub(super) fn into_series(self, steps: Steps) -> Vec<Series> {
        let end_ms = self.moments.at(steps.start_ms);
        let rows = self.rows.into_iter().map(|row| {
            let mut place = 0..0;
            slide(&mut place, &row.samples, end_ms, self.range_ms);
            Series {
                labels: row.labels,
                samples: row.samples[place].to_vec(),
            }
        });
        rows.filter(|series| !series.samples.is_empty()).collect()
    }
}

/// Moves a window's place forward, to the samples with `end_ms - range_ms < t_ms <= end_ms`.
fn slide(place: &mut Range<usize>, samples: &[Sample], end_ms: i64, range_ms: i64) {
    let start_ms = end_ms.saturating_sub(range_ms);
    while samples
        .get(place.end)
        .is_some_and(|sample| sample.t_ms <= end_ms)
    {
        place.end += 1;
    }
    while place.start < place.end && samples[place.start].t_ms <= start_ms {
        place.start += 1;
    }
}

fn range_row(row: Row, grid: Steps) -> RangeRow {
    let cells = grid.times().zip(row.cells);
    RangeRow {
        labels: row.labels,
        samples: cells
            .filter(|(_, value)| is_present(*value))
            .map(|(t_ms, value)| Sample { t_ms, value })
            .collect(),
    }
}

/// Functions of ranges do not join series that end up with the same labels, even if their samples do not overlap.
fn refuse_same_labels(rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    let mut seen = HashSet::with_capacity(rows.len());
    if rows.iter().all(|row| seen.insert(&row.labels)) {
        return Ok(rows);
    }
    Err(same_labels())
}
