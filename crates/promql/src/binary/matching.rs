//! Operators between two vectors: which row of one side goes with which of the other.
//!
//! ```text
//! a{job="x",path="/1"} ─┐
//! a{job="x",path="/2"} ─┴─ key {job="x"} ── b{job="x"}      a / on(job) group_left b
//! ```
//!
//! Keys are formed once for a query; what depends on the step is only which rows have a value.

use std::collections::HashMap;

use promql_parser::parser::token::{T_LAND, T_LOR};
use promql_parser::parser::{BinaryExpr, LabelModifier, VectorMatchCardinality};

use super::Operator;
use crate::aggregate::chosen;
use crate::eval::Evaluator;
use crate::row::{ABSENT, Row, Steps, is_present, unite};
use crate::{Error, Labels};

/// By which labels rows are matched.
#[derive(Debug, Clone, Copy)]
struct Key<'a> {
    modifier: Option<&'a LabelModifier>,
}

impl Key<'_> {
    fn of(self, labels: &Labels) -> Labels {
        match self.modifier {
            None => labels.without_name(),
            Some(modifier) => chosen(modifier, labels),
        }
    }

    /// The rows of each key.
    fn index(self, rows: &[Row]) -> HashMap<Labels, Vec<usize>> {
        let mut index: HashMap<Labels, Vec<usize>> = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            index.entry(self.of(&row.labels)).or_default().push(place);
        }
        index
    }
}

/// Two rows of the same key, the first of the side that may have many of them.
struct Pair {
    many: usize,
    one: usize,
    labels: Labels,
}

impl Evaluator<'_> {
    /// `and`, `or` and `unless`.
    pub(super) fn set_operation(
        &self,
        binary: &BinaryExpr,
        mut left: Vec<Row>,
        mut right: Vec<Row>,
    ) -> Result<Vec<Row>, Error> {
        let key = key_of(binary);
        let op = binary.op.id();
        if op == T_LOR {
            let index = key.index(&left);
            for row in &mut right {
                self.mask(row, index.get(&key.of(&row.labels)), &left, false)?;
            }
            left.append(&mut right);
        } else {
            let index = key.index(&right);
            for row in &mut left {
                self.mask(row, index.get(&key.of(&row.labels)), &right, op == T_LAND)?;
            }
        }
        unite(left)
    }

    /// Clears the cells of a row at the steps at which `others` have a value, or at those at which they have none.
    fn mask(
        &self,
        row: &mut Row,
        places: Option<&Vec<usize>>,
        others: &[Row],
        wanted: bool,
    ) -> Result<(), Error> {
        let places = places.map_or(&[][..], |places| places);
        self.tick(row.cells.len().saturating_mul(places.len()))?;
        for (step, cell) in row.cells.iter_mut().enumerate() {
            if places
                .iter()
                .any(|place| is_present(others[*place].cells[step]))
                != wanted
            {
                *cell = ABSENT;
            }
        }
        Ok(())
    }

    /// Arithmetic and comparisons.
    pub(super) fn match_vectors(
        &self,
        binary: &BinaryExpr,
        operator: Operator,
        left: Vec<Row>,
        right: Vec<Row>,
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let key = key_of(binary);
        let is_swapped = matches!(cardinality(binary), VectorMatchCardinality::OneToMany(_));
        let (many, one) = if is_swapped {
            (right, left)
        } else {
            (left, right)
        };
        let index = key.index(&one);
        check_one_side(key, &many, &one, &index, is_swapped)?;
        let pairs = pairs(binary, operator, &many, &one, &index);
        check_pairs(binary, &pairs, &many, &one)?;

        let mut rows = Vec::with_capacity(pairs.len());
        for pair in pairs {
            self.charge(steps.count)?;
            let cells = many[pair.many].cells.iter().zip(&one[pair.one].cells);
            let cells = cells.map(|(many, one)| {
                let (left, right) = if is_swapped {
                    (*one, *many)
                } else {
                    (*many, *one)
                };
                if is_present(left) && is_present(right) {
                    operator.apply(left, right, left)
                } else {
                    ABSENT
                }
            });
            rows.push(Row::new(pair.labels, cells.collect()));
        }
        unite(rows)
    }
}

fn key_of(binary: &BinaryExpr) -> Key<'_> {
    let modifier = binary
        .modifier
        .as_ref()
        .and_then(|modifier| modifier.matching.as_ref());
    Key { modifier }
}

fn cardinality(binary: &BinaryExpr) -> &VectorMatchCardinality {
    match &binary.modifier {
        Some(modifier) => &modifier.card,
        None => &VectorMatchCardinality::OneToOne,
    }
}

/// Refuses two rows of one key, with a value at the same step, on the side that may have only one.
fn check_one_side(
    key: Key,
    many: &[Row],
    one: &[Row],
    index: &HashMap<Labels, Vec<usize>>,
    is_swapped: bool,
) -> Result<(), Error> {
    // A step at which the other side is empty has no matches and so no conflict.
    let is_empty = |step: usize| !many.iter().any(|row| is_present(row.cells[step]));
    let mut crowds: Vec<&Vec<usize>> = index.values().filter(|places| places.len() > 1).collect();
    // So that the same query names the same series each time.
    crowds.sort();
    for places in crowds {
        let Some((a, b)) = first_overlap(
            places,
            |place, step| is_present(one[place].cells[step]),
            one,
            is_empty,
        ) else {
            continue;
        };
        let (a, b) = (&one[a].labels, &one[b].labels);
        let mut both = [in_braces(a), in_braces(b)];
        both.sort();
        let side = if is_swapped { "left" } else { "right" };
        return Err(Error::Execution(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];\
             many-to-many matching not allowed: matching labels must be unique on one side",
            key.of(a),
            both[0],
            both[1],
        )));
    }
    Ok(())
}

/// All labels, the metric's name like any other.
fn in_braces(labels: &Labels) -> String {
    let labels = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"));
    format!("{{{}}}", labels.collect::<Vec<_>>().join(", "))
}

/// The first two places that are both taken at a step.
fn first_overlap(
    places: &[usize],
    is_taken: impl Fn(usize, usize) -> bool,
    rows: &[Row],
    is_skipped: impl Fn(usize) -> bool,
) -> Option<(usize, usize)> {
    let count = rows.first()?.cells.len();
    (0..count).find_map(|step| {
        let mut taken = places
            .iter()
            .copied()
            .filter(|place| is_taken(*place, step));
        match (taken.next(), taken.next()) {
            (Some(a), Some(b)) if !is_skipped(step) => Some((a, b)),
            _ => None,
        }
    })
}

/// All pairs of rows with the same key, and the labels of what is computed from each.
fn pairs(
    binary: &BinaryExpr,
    operator: Operator,
    many: &[Row],
    one: &[Row],
    index: &HashMap<Labels, Vec<usize>>,
) -> Vec<Pair> {
    let key = key_of(binary);
    let mut pairs = Vec::with_capacity(many.len());
    for (place, row) in many.iter().enumerate() {
        for other in index
            .get(&key.of(&row.labels))
            .map_or(&[][..], |places| places)
        {
            let labels = result_labels(binary, operator, &row.labels, &one[*other].labels);
            pairs.push(Pair {
                many: place,
                one: *other,
                labels,
            });
        }
    }
    pairs
}

fn result_labels(binary: &BinaryExpr, operator: Operator, many: &Labels, one: &Labels) -> Labels {
    let mut labels = many.clone();
    if operator.changes_metric() {
        labels = labels.without_name();
    }
    match (cardinality(binary), key_of(binary).modifier) {
        // The name of a comparison stays when labels are ignored.
        (VectorMatchCardinality::OneToOne, Some(LabelModifier::Exclude(names))) => {
            labels = labels.retain(|name| !names.labels.iter().any(|dropped| dropped == name));
        }
        (VectorMatchCardinality::OneToOne, Some(modifier)) => labels = chosen(modifier, &labels),
        (
            VectorMatchCardinality::ManyToOne(taken) | VectorMatchCardinality::OneToMany(taken),
            _,
        ) => {
            for name in &taken.labels {
                labels = labels.with(name, one.get(name).unwrap_or_default());
            }
        }
        _ => {}
    }
    labels
}

/// Refuses pairs that would answer the same question twice at a step.
fn check_pairs(
    binary: &BinaryExpr,
    pairs: &[Pair],
    many: &[Row],
    one: &[Row],
) -> Result<(), Error> {
    let is_one_to_one = matches!(cardinality(binary), VectorMatchCardinality::OneToOne);
    let key = key_of(binary);
    // One to one: by key alone, whatever the labels of the result.
    let mut rivals: HashMap<(Labels, Option<&Labels>), Vec<usize>> = HashMap::new();
    for (place, pair) in pairs.iter().enumerate() {
        let labels = (!is_one_to_one).then_some(&pair.labels);
        let key = key.of(&many[pair.many].labels);
        rivals.entry((key, labels)).or_default().push(place);
    }
    let is_taken = |place: usize, step: usize| {
        let pair: &Pair = &pairs[place];
        is_present(many[pair.many].cells[step]) && is_present(one[pair.one].cells[step])
    };
    for places in rivals.values().filter(|places| places.len() > 1) {
        if first_overlap(places, is_taken, many, |_| false).is_some() {
            let text = if is_one_to_one {
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            } else {
                "multiple matches for labels: grouping labels must ensure unique matches"
            };
            return Err(Error::Execution(text.to_owned()));
        }
    }
    Ok(())
}
