//! Aggregations: many rows of a vector to one row for each group, or to some of the rows of each group.

mod choice;
mod fold;

use std::collections::HashMap;

use promql_parser::label::Labels as Names;
use promql_parser::parser::token::{T_BOTTOMK, T_COUNT_VALUES, T_QUANTILE, T_TOPK};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};

use super::eval::{Evaluator, unexpected};
use super::row::{ABSENT, Row, Steps, is_present, unite};
use super::tree::without_parens;
use super::{Error, Labels, METRIC_NAME, quantile};

/// The rows that are aggregated together.
pub(super) struct Group {
    labels: Labels,
    members: Vec<usize>,
}

impl Evaluator<'_> {
    pub(super) fn aggregate(
        &self,
        aggregate: &AggregateExpr,
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        match aggregate.op.id() {
            T_COUNT_VALUES => self.count_values(aggregate, steps),
            T_QUANTILE => self.quantile(aggregate, steps),
            T_TOPK | T_BOTTOMK => self.choose(aggregate, steps),
            _ => self.fold(aggregate, steps),
        }
    }

    /// The numeric parameter of an aggregation, for each step.
    fn parameter(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<f64>, Error> {
        match &aggregate.param {
            Some(parameter) => self.scalar(parameter, steps),
            None => Err(unexpected("a parameter")),
        }
    }

    fn quantile(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Row>, Error> {
        let q = self.parameter(aggregate, steps)?;
        if let Some(parameter) = &aggregate.param {
            self.check_quantiles(&q, parameter);
        }
        let rows = self.vector(&aggregate.expr, steps)?;
        let mut values = Vec::new();
        self.over_groups(&rows, &aggregate.modifier, steps, |group, step| {
            values.clear();
            let cells = group.members.iter().map(|member| rows[*member].cells[step]);
            values.extend(cells.filter(|cell| is_present(*cell)));
            (!values.is_empty()).then(|| quantile::of_values(q[step], &mut values))
        })
    }

    /// Computes one row for each group, cell by cell.
    fn over_groups(
        &self,
        rows: &[Row],
        modifier: &Option<LabelModifier>,
        steps: Steps,
        mut function: impl FnMut(&Group, usize) -> Option<f64>,
    ) -> Result<Vec<Row>, Error> {
        let mut results = Vec::new();
        for group in group(rows, modifier) {
            self.charge(steps.count)?;
            let mut cells = Vec::with_capacity(steps.count);
            for step in 0..steps.count {
                self.tick(group.members.len())?;
                cells.push(function(&group, step).unwrap_or(ABSENT));
            }
            results.push(Row::new(group.labels, cells));
        }
        unite(results)
    }

    /// One row for each group and value: how many rows of the group have that value.
    fn count_values(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Row>, Error> {
        let label = match aggregate.param.as_deref().map(without_parens) {
            Some(Expr::StringLiteral(text)) if !text.val.is_empty() => text.val.as_str(),
            _ => {
                return Err(Error::Execution(
                    "invalid label name in count_values: it is empty".to_owned(),
                ));
            }
        };
        let keeps_label = match &aggregate.modifier {
            Some(LabelModifier::Exclude(excluded)) => {
                !excluded.labels.iter().any(|name| name == label)
            }
            _ => true,
        };
        let mut rows = self.vector(&aggregate.expr, steps)?;
        // The new label takes the place of one of the same name before groups are formed.
        for row in &mut rows {
            row.labels = row.labels.with(label, "");
        }
        let mut results: Vec<Row> = Vec::new();
        for group in group(&rows, &aggregate.modifier) {
            let mut places: HashMap<u64, usize> = HashMap::new();
            for row in group.members.iter().map(|member| &rows[*member]) {
                self.tick(steps.count)?;
                for (step, cell) in row
                    .cells
                    .iter()
                    .enumerate()
                    .filter(|(_, cell)| is_present(**cell))
                {
                    let key = if !keeps_label {
                        0
                    } else if cell.is_nan() {
                        f64::NAN.to_bits()
                    } else {
                        cell.to_bits()
                    };
                    let place = match places.get(&key) {
                        Some(place) => *place,
                        None => {
                            self.charge(steps.count)?;
                            let value = if keeps_label {
                                format_value(*cell)
                            } else {
                                String::new()
                            };
                            results.push(Row::new(
                                group.labels.with(label, &value),
                                vec![ABSENT; steps.count],
                            ));
                            places.insert(key, results.len() - 1);
                            results.len() - 1
                        }
                    };
                    let count = &mut results[place].cells[step];
                    *count = if is_present(*count) {
                        *count + 1.0
                    } else {
                        1.0
                    };
                }
            }
        }
        unite(results)
    }
}

/// The groups of a `by` or `without`, in the order in which they appear.
fn group(rows: &[Row], modifier: &Option<LabelModifier>) -> Vec<Group> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let labels = match modifier {
            None => Labels::empty(),
            Some(modifier) => chosen(modifier, &row.labels),
        };
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            groups.push(Group {
                labels,
                members: Vec::new(),
            });
            groups.len() - 1
        });
        groups[place].members.push(index);
    }
    groups
}

/// The labels that `by` and `on` keep, or `without` and `ignoring` leave.
pub(super) fn chosen(modifier: &LabelModifier, labels: &Labels) -> Labels {
    let is_among = |names: &Names, name: &str| names.labels.iter().any(|own| own == name);
    match modifier {
        LabelModifier::Include(names) => labels.retain(|name| is_among(names, name)),
        LabelModifier::Exclude(names) => {
            labels.retain(|name| name != METRIC_NAME && !is_among(names, name))
        }
    }
}

/// A number as `count_values` writes it into a label: never with an exponent.
pub(super) fn format_value(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
