//! Exemplars: which trace a value of a series came from. Bounded by series and in total, oldest first.
//!
//! What is refused, and why, is as in Prometheus, so that both answer the same.

use std::collections::{HashMap, VecDeque};

use super::Limits;
use crate::promql::Labels;

/// Characters that the names and values of one exemplar may have, as OpenMetrics says.
const MOST_CHARACTERS: usize = 128;

/// When there are too many, this part of those allowed goes at once, so that it is done seldom.
const DROP_PARTS: usize = 16;

/// One value of a series, and what it was a value of.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// What names it.
    pub labels: ExemplarLabels,
    /// What was measured.
    pub value: f64,
    /// When, Unix milliseconds.
    pub t_ms: i64,
}

/// The labels of an exemplar. Nearly all are the ids of a span, which are kept as numbers: a fifth of the memory.
#[derive(Debug, Clone, PartialEq)]
pub enum ExemplarLabels {
    /// `span_id` and `trace_id`, both whole and in lower case.
    Span([u8; 16], [u8; 8]),
    /// Any others.
    Other(Labels),
}

impl ExemplarLabels {
    /// Takes pairs of name and value in any order.
    pub fn new<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> ExemplarLabels {
        let (mut trace_id, mut span_id, mut has_others) = (None, None, false);
        for (name, value) in pairs.clone() {
            match name {
                "trace_id" if trace_id.is_none() => trace_id = id(value),
                "span_id" if span_id.is_none() => span_id = id(value),
                _ => has_others = true,
            }
        }
        match (trace_id, span_id) {
            (Some(trace_id), Some(span_id)) if !has_others => {
                ExemplarLabels::Span(trace_id, span_id)
            }
            _ => ExemplarLabels::Other(Labels::new(pairs)),
        }
    }

    /// All of them, by name.
    pub fn to_labels(&self) -> Labels {
        match self {
            ExemplarLabels::Span(trace_id, span_id) => Labels::new([
                ("span_id", hex::encode(span_id)),
                ("trace_id", hex::encode(trace_id)),
            ]),
            ExemplarLabels::Other(labels) => labels.clone(),
        }
    }

    fn characters(&self) -> usize {
        match self {
            ExemplarLabels::Span(..) => 0,
            ExemplarLabels::Other(labels) => labels
                .iter()
                .map(|(name, value)| name.chars().count() + value.chars().count())
                .sum(),
        }
    }
}

/// An id in exactly this many digits, in lower case; anything else would not come back as it was.
fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut id = [0; N];
    let is_read = text.bytes().all(is_lower) && hex::decode_to_slice(text, &mut id).is_ok();
    is_read.then_some(id)
}

/// All exemplars of a store, by series.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_series: HashMap<u32, VecDeque<Exemplar>>,
    total: usize,
}

impl Table {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.total
    }

    /// Adds one to a series; says whether it did.
    pub(super) fn push(&mut self, id: u32, exemplar: &Exemplar, limits: &Limits) -> bool {
        if exemplar.labels.characters() > MOST_CHARACTERS || limits.exemplars == 0 {
            return false;
        }
        let known = self.by_series.entry(id).or_default();
        if known
            .back()
            .is_some_and(|newest| !follows(exemplar, newest))
        {
            return false;
        }
        known.push_back(exemplar.clone());
        self.total += 1;
        if known.len() > limits.exemplars_per_series.max(1) {
            known.pop_front();
            self.total -= 1;
        }
        if self.total > limits.exemplars {
            self.thin(limits.exemplars);
        }
        true
    }

    /// Those of a series within the bounds, by time.
    pub(super) fn read(&self, id: u32, from_ms: i64, to_ms: i64) -> Vec<Exemplar> {
        let Some(known) = self.by_series.get(&id) else {
            return Vec::new();
        };
        let first = known.partition_point(|exemplar| exemplar.t_ms < from_ms);
        let wanted = known.range(first..);
        wanted
            .take_while(|exemplar| exemplar.t_ms <= to_ms)
            .cloned()
            .collect()
    }

    /// Drops those of a series.
    pub(super) fn forget(&mut self, id: u32) {
        let gone = self.by_series.remove(&id);
        self.total -= gone.map_or(0, |gone| gone.len());
    }

    /// Drops those from before `before_ms`.
    pub(super) fn expire(&mut self, before_ms: i64) {
        self.by_series.retain(|_, known| {
            let gone = known.partition_point(|exemplar| exemplar.t_ms < before_ms);
            known.drain(..gone);
            self.total -= gone;
            !known.is_empty()
        });
    }

    /// Drops the oldest of all.
    fn thin(&mut self, limit: usize) {
        let mut times: Vec<i64> = self
            .by_series
            .values()
            .flatten()
            .map(|one| one.t_ms)
            .collect();
        let last = (times.len() - limit + limit / DROP_PARTS).min(times.len()) - 1;
        let (_, last_ms, _) = times.select_nth_unstable(last);
        self.expire(last_ms.saturating_add(1));
    }
}

/// Whether one may stand behind the newest of its series: it is another one, and not older.
fn follows(exemplar: &Exemplar, newest: &Exemplar) -> bool {
    match exemplar.t_ms.cmp(&newest.t_ms) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => exemplar.value > newest.value,
    }
}
