//! Quantiles and fractions of classic histograms, whose buckets are series with an upper bound in the label `le`.

use std::collections::HashMap;

use promql_parser::parser::Expr;

use crate::annotation::Place;
use crate::eval::{Evaluator, unexpected};
use crate::quantile::{self, Bucket};
use crate::row::{ABSENT, Row, Steps, is_present, unite};
use crate::{Error, Labels};

const BUCKET_LABEL: &str = "le";
const FORCED: &str = "input to histogram_quantile needed to be fixed for monotonicity \
                      (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

/// The buckets of one histogram.
struct Histogram {
    labels: Labels,
    /// Upper bounds, ascending, and the rows of their counts.
    buckets: Vec<(f64, Row)>,
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(
        &self,
        arguments: &[Box<Expr>],
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let [place, argument] = arguments else {
            return Err(unexpected("two arguments"));
        };
        let q = self.scalar(place, steps)?;
        self.check_quantiles(&q, place);
        let mut is_forced = false;
        let rows = self.over_histograms(argument, steps, |step, buckets| {
            let (value, was_forced) = quantile::of_buckets(q[step], buckets);
            is_forced |= was_forced;
            value
        })?;
        if is_forced {
            self.inform(FORCED, Place::argument(argument));
        }
        Ok(rows)
    }

    pub(super) fn histogram_fraction(
        &self,
        arguments: &[Box<Expr>],
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let [lower, upper, argument] = arguments else {
            return Err(unexpected("three arguments"));
        };
        let lower = self.scalar(lower, steps)?;
        let upper = self.scalar(upper, steps)?;
        self.over_histograms(argument, steps, |step, buckets| {
            quantile::fraction(lower[step], upper[step], buckets)
        })
    }

    /// Applies a function to the buckets of each histogram at each step.
    fn over_histograms(
        &self,
        argument: &Expr,
        steps: Steps,
        mut function: impl FnMut(usize, &mut Vec<Bucket>) -> f64,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        let mut buckets = Vec::new();
        for histogram in self.histograms(self.vector(argument, steps)?, argument) {
            self.charge(steps.count)?;
            let mut cells = vec![ABSENT; steps.count];
            for (step, cell) in cells.iter_mut().enumerate() {
                self.tick(histogram.buckets.len())?;
                buckets.clear();
                let counts = histogram.buckets.iter().map(|(upper, row)| Bucket {
                    upper: *upper,
                    count: row.cells[step],
                });
                buckets.extend(counts.filter(|bucket| is_present(bucket.count)));
                if !buckets.is_empty() {
                    *cell = function(step, &mut buckets);
                }
            }
            let mut row = Row::new(histogram.labels, cells);
            row.drop_name();
            rows.push(row);
        }
        unite(rows)
    }

    /// Groups buckets by all their labels but the bound; `argument` is where they come from.
    fn histograms(&self, rows: Vec<Row>, argument: &Expr) -> Vec<Histogram> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut histograms: Vec<Histogram> = Vec::new();
        for row in rows {
            let bound = row.labels.get(BUCKET_LABEL).unwrap_or_default();
            let Some(upper) = bound.parse::<f64>().ok().filter(|upper| !upper.is_nan()) else {
                let text = format!(
                    "bucket label {BUCKET_LABEL:?} is missing or has a malformed value of {bound:?}"
                );
                self.warn(text, Place::argument(argument));
                continue;
            };
            let labels = row.labels.retain(|name| name != BUCKET_LABEL);
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                histograms.push(Histogram {
                    labels,
                    buckets: Vec::new(),
                });
                histograms.len() - 1
            });
            histograms[place].buckets.push((upper, row));
        }
        for histogram in &mut histograms {
            histogram.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        histograms
    }
}
