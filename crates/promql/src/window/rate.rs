//! `rate` and its relatives: how fast a counter or gauge went up within a window.

use promql_parser::parser::{Call, Expr};

use crate::annotation::Place;
use crate::eval::{Evaluator, unexpected};
use crate::range::Window;
use crate::row::{Row, Steps};
use crate::{Error, Sample};

/// Which part of the increase between two samples to return.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// A decrease means that the counter started again from 0.
    is_counter: bool,
    is_per_second: bool,
}

/// A gap at the edge of the window up to this multiple of the usual distance of samples is taken to be covered by the series.
const GAP_FACTOR: f64 = 1.1;

impl Evaluator<'_> {
    /// `rate`, `increase` and `delta`, extrapolated to the edges of the window.
    pub(super) fn extrapolated(&self, call: &Call, steps: Steps) -> Result<Vec<Row>, Error> {
        let [argument] = &call.args.args[..] else {
            return Err(unexpected("one argument"));
        };
        let kind = Kind {
            is_counter: call.func.name != "delta",
            is_per_second: call.func.name == "rate",
        };
        let ranges = self.ranges(argument, steps)?;
        // Found once for each series, so that a step costs the same however many samples its window has.
        let resets: Vec<Vec<usize>> = ranges
            .rows
            .iter()
            .map(|row| {
                if kind.is_counter {
                    resets(&row.samples)
                } else {
                    Vec::new()
                }
            })
            .collect();
        let rows = self.over_windows(&ranges, steps, false, |window| {
            extrapolate(window, &resets[window.row], kind)
        })?;
        if kind.is_counter && !rows.is_empty() {
            let names = ranges.rows.iter().filter_map(|row| row.labels.name());
            names.for_each(|name| self.check_counter(name, argument));
        }
        Ok(rows)
    }

    fn check_counter(&self, name: &str, argument: &Expr) {
        let endings = ["_total", "_sum", "_count", "_bucket"];
        if !endings.iter().any(|ending| name.ends_with(ending)) {
            let text =
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
            self.inform(format!("{text}: {name:?}"), Place::argument(argument));
        }
    }
}

/// Where a sample is lower than the one before it.
fn resets(samples: &[Sample]) -> Vec<usize> {
    let pairs = samples.windows(2).enumerate();
    pairs
        .filter(|(_, pair)| pair[1].value < pair[0].value)
        .map(|(index, _)| index + 1)
        .collect()
}

/// The increase between the first and the last sample, stretched to where the series probably begins and ends.
fn extrapolate(window: &Window, resets: &[usize], kind: Kind) -> Option<f64> {
    let [first, .., last] = window.samples else {
        return None;
    };
    let mut increase = last.value - first.value;
    let from = resets.partition_point(|reset| *reset <= window.place.start);
    let within = resets[from..]
        .iter()
        .take_while(|reset| **reset < window.place.end);
    for reset in within {
        increase += window.samples[reset - 1 - window.place.start].value;
    }

    let sampled_s = (last.t_ms - first.t_ms) as f64 / 1000.0;
    let distance_s = sampled_s / (window.samples.len() - 1) as f64;
    let gap_s = distance_s * GAP_FACTOR;
    let mut before_s = (first.t_ms - (window.end_ms - window.range_ms)) as f64 / 1000.0;
    let mut after_s = (window.end_ms - last.t_ms) as f64 / 1000.0;
    if before_s >= gap_s {
        before_s = distance_s / 2.0;
    }
    if kind.is_counter && increase > 0.0 && first.value >= 0.0 {
        // A counter cannot have been negative: it does not reach further back than to where it was 0.
        let to_zero_s = sampled_s * (first.value / increase);
        if to_zero_s < before_s {
            before_s = to_zero_s;
        }
    }
    if after_s >= gap_s {
        after_s = distance_s / 2.0;
    }
    let mut factor = (sampled_s + before_s + after_s) / sampled_s;
    if kind.is_per_second {
        factor /= window.range_ms as f64 / 1000.0;
    }
    Some(increase * factor)
}

pub(super) fn instant_rate(window: &Window) -> Option<f64> {
    let [.., before, last] = window.samples else {
        return None;
    };
    let increase = if last.value < before.value {
        last.value
    } else {
        last.value - before.value
    };
    Some(increase / ((last.t_ms - before.t_ms) as f64 / 1000.0))
}

pub(super) fn instant_delta(window: &Window) -> Option<f64> {
    let [.., before, last] = window.samples else {
        return None;
    };
    Some(last.value - before.value)
}
