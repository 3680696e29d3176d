//! Selectors: which samples of the source an expression sees at a step.

use std::time::{Duration, UNIX_EPOCH};

use promql_parser::parser::{AtModifier, Offset, VectorSelector};

use super::eval::Evaluator;
use super::row::{ABSENT, Row, Steps};
use super::tree::matchers_of;
use super::{Error, Sample, Series, is_stale};

/// Times beyond this are taken for it, so that sums of a few of them cannot overflow; about 36 million years.
pub(super) const FAR_MS: i64 = i64::MAX / 8;

/// At which moment a selector looks, for each step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    fixed_ms: Option<i64>,
    offset_ms: i64,
}

impl Moments {
    pub(super) fn at(self, step_time_ms: i64) -> i64 {
        self.fixed_ms
            .unwrap_or(step_time_ms)
            .saturating_sub(self.offset_ms)
    }
}

impl Evaluator<'_> {
    /// The newest sample of each series at each step, if it is not older than the lookback nor a staleness marker.
    pub(super) fn select_instant(
        &self,
        selector: &VectorSelector,
        steps: Steps,
        pick: impl Fn(&Sample) -> f64,
    ) -> Result<Vec<Row>, Error> {
        let moments = self.moments(&selector.at, &selector.offset);
        let lookback_ms = self.options.lookback_ms;
        let from_ms = moments.at(steps.start_ms).saturating_sub(lookback_ms - 1);
        let to_ms = moments.at(steps.end_ms());
        let selected = match steps.count {
            1 => self.charged(self.source.newest(&matchers_of(selector), from_ms, to_ms))?,
            _ => self.select(selector, from_ms, to_ms)?,
        };
        let mut rows = Vec::with_capacity(selected.len());
        for Series { labels, samples } in selected {
            self.charge(steps.count)?;
            let mut next = 0;
            let newest = |time_ms: i64| {
                let at_ms = moments.at(time_ms);
                while samples.get(next).is_some_and(|sample| sample.t_ms <= at_ms) {
                    next += 1;
                }
                let sample = samples[..next].last()?;
                let is_recent = sample.t_ms > at_ms.saturating_sub(lookback_ms);
                (is_recent && !is_stale(sample.value)).then(|| pick(sample))
            };
            let cells: Vec<f64> = steps
                .times()
                .map(newest)
                .map(|cell| cell.unwrap_or(ABSENT))
                .collect();
            let row = Row::new(labels, cells);
            if !row.is_empty() {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Asks the source for all samples within the bounds.
    pub(super) fn select(
        &self,
        selector: &VectorSelector,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Series>, Error> {
        self.charged(self.source.select(&matchers_of(selector), from_ms, to_ms))
    }

    /// Charges what the source answered.
    fn charged(&self, series: Vec<Series>) -> Result<Vec<Series>, Error> {
        self.charge(series.iter().map(|series| series.samples.len()).sum())?;
        Ok(series)
    }

    pub(super) fn moments(&self, at: &Option<AtModifier>, offset: &Option<Offset>) -> Moments {
        let fixed_ms = at.as_ref().map(|at| match at {
            AtModifier::Start => self.query.start_ms,
            AtModifier::End => self.query_end_ms,
            AtModifier::At(time) => match time.duration_since(UNIX_EPOCH) {
                Ok(since) => millis(since),
                Err(error) => -millis(error.duration()),
            },
        });
        let offset_ms = offset.as_ref().map_or(0, |offset| match offset {
            Offset::Pos(duration) => millis(*duration),
            Offset::Neg(duration) => -millis(*duration),
        });
        Moments {
            fixed_ms,
            offset_ms,
        }
    }
}

/// A duration in milliseconds, at most [`FAR_MS`].
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(FAR_MS, |ms| ms.min(FAR_MS))
}
