//! Functions of range vectors: one number for the samples within a window.

mod rate;
mod regression;

use promql_parser::parser::{Call, Expr};

use super::aggregate::format_value;
use super::annotation::Place;
use super::eval::{Evaluator, unexpected};
use super::kahan::{Mean, Sum};
use super::range::Window;
use super::row::{ABSENT, Row, Steps, is_present};
use super::tree::labels_of_absent;
use super::{Error, Sample, quantile};

type Function = fn(&Window) -> Option<f64>;

/// The function of that name, if it takes nothing but a range vector and looks at nothing but a window.
fn function(name: &str) -> Option<Function> {
    let function: Function = match name {
        "avg_over_time" => |window| Some(mean(window.samples)),
        "changes" => |window| Some(count_pairs(window.samples, is_change)),
        "count_over_time" => |window| Some(window.samples.len() as f64),
        "deriv" => regression::slope,
        "first_over_time" => |window| window.samples.first().map(|sample| sample.value),
        "idelta" => rate::instant_delta,
        "irate" => rate::instant_rate,
        "last_over_time" => |window| window.samples.last().map(|sample| sample.value),
        "max_over_time" => {
            |window| extreme(window.samples, |a, b| a > b).map(|sample| sample.value)
        }
        "min_over_time" => {
            |window| extreme(window.samples, |a, b| a < b).map(|sample| sample.value)
        }
        "present_over_time" => |_| Some(1.0),
        "resets" => |window| Some(count_pairs(window.samples, |a, b| b < a)),
        "stddev_over_time" => |window| Some(variance(window.samples).sqrt()),
        "stdvar_over_time" => |window| Some(variance(window.samples)),
        "sum_over_time" => |window| Some(sum(window.samples)),
        _ => return None,
    };
    Some(function)
}

/// Whether there is a function of range vectors of that name.
pub(super) fn is_supported(name: &str) -> bool {
    let names = [
        "absent_over_time",
        "delta",
        "increase",
        "predict_linear",
        "quantile_over_time",
        "rate",
    ];
    names.contains(&name) || function(name).is_some()
}

impl Evaluator<'_> {
    /// Evaluates a call if it is one of a function of a range vector.
    pub(super) fn window_call(&self, call: &Call, steps: Steps) -> Option<Result<Vec<Row>, Error>> {
        let name = call.func.name;
        let rows = match name {
            "absent_over_time" => self.absent_over_time(call, steps),
            "delta" | "increase" | "rate" => self.extrapolated(call, steps),
            "predict_linear" => self.predicted(call, steps),
            "quantile_over_time" => self.quantile_over_time(call, steps),
            _ => {
                let function = function(name)?;
                // These two select a sample, as an offset does, and so keep the metric's name.
                let keeps_name = matches!(name, "first_over_time" | "last_over_time");
                let argument = call.args.args.first()?;
                self.ranges(argument, steps)
                    .and_then(|ranges| self.over_windows(&ranges, steps, keeps_name, function))
            }
        };
        Some(rows)
    }

    fn absent_over_time(&self, call: &Call, steps: Steps) -> Result<Vec<Row>, Error> {
        let [argument] = &call.args.args[..] else {
            return Err(unexpected("one argument"));
        };
        let ranges = self.ranges(argument, steps)?;
        let mut cells = vec![1.0; steps.count];
        for index in 0..ranges.rows.len() {
            self.charge(steps.count)?;
            ranges.for_each_window(index, steps, |step| cells[step] = ABSENT);
        }
        let row = Row::new(labels_of_absent(argument), cells);
        Ok(Vec::from_iter((!row.is_empty()).then_some(row)))
    }

    fn quantile_over_time(&self, call: &Call, steps: Steps) -> Result<Vec<Row>, Error> {
        let [place, argument] = &call.args.args[..] else {
            return Err(unexpected("two arguments"));
        };
        let q = self.scalar(place, steps)?;
        let ranges = self.ranges(argument, steps)?;
        self.over_windows(&ranges, steps, false, |window| {
            self.check_quantiles(&q[window.step..=window.step], place);
            let mut values: Vec<f64> = window.samples.iter().map(|sample| sample.value).collect();
            Some(quantile::of_values(q[window.step], &mut values))
        })
    }

    fn predicted(&self, call: &Call, steps: Steps) -> Result<Vec<Row>, Error> {
        let [argument, ahead_s] = &call.args.args[..] else {
            return Err(unexpected("two arguments"));
        };
        let ahead_s = self.scalar(ahead_s, steps)?;
        let ranges = self.ranges(argument, steps)?;
        self.over_windows(&ranges, steps, false, |window| {
            regression::predict(window, ahead_s[window.step])
        })
    }

    /// Warns of quantiles that are not between 0 and 1; `argument` is where they come from.
    pub(super) fn check_quantiles(&self, quantiles: &[f64], argument: &Expr) {
        let is_wrong = |q: &&f64| is_present(**q) && !(0.0..=1.0).contains(*q);
        if let Some(q) = quantiles.iter().find(is_wrong) {
            let q = format_value(*q);
            let text = format!("quantile value should be between 0 and 1, got {q}");
            self.warn(text, Place::argument(argument));
        }
    }
}

fn mean(samples: &[Sample]) -> f64 {
    let mut mean = Mean::default();
    samples.iter().for_each(|sample| mean.add(sample.value));
    mean.value()
}

fn sum(samples: &[Sample]) -> f64 {
    let mut sum = Sum::default();
    samples.iter().for_each(|sample| sum.add(sample.value));
    sum.value()
}

fn variance(samples: &[Sample]) -> f64 {
    let mut mean = Sum::default();
    let mut squares = Sum::default();
    for (index, sample) in samples.iter().enumerate() {
        let delta = sample.value - mean.value();
        mean.add(delta / (index + 1) as f64);
        squares.add(delta * (sample.value - mean.value()));
    }
    squares.value() / samples.len() as f64
}

/// The sample that beats all before it; a NaN is beaten by anything.
fn extreme(samples: &[Sample], beats: fn(f64, f64) -> bool) -> Option<&Sample> {
    let mut best = samples.first()?;
    for sample in &samples[1..] {
        if beats(sample.value, best.value) || best.value.is_nan() {
            best = sample;
        }
    }
    Some(best)
}

/// How many pairs of neighbours satisfy a predicate.
fn count_pairs(samples: &[Sample], predicate: fn(f64, f64) -> bool) -> f64 {
    let pairs = samples.windows(2);
    pairs
        .filter(|pair| predicate(pair[0].value, pair[1].value))
        .count() as f64
}

fn is_change(a: f64, b: f64) -> bool {
    a != b && !(a.is_nan() && b.is_nan())
}
