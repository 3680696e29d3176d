//! The exemplars of a store: bounded by series and in total, the oldest go first.
//!
//! What is refused, and why, is as in Prometheus, so that both answer the same.

use std::collections::{HashMap, VecDeque};

use super::Limits;
use crate::exemplar::{Exemplar, MOST_CHARACTERS};

/// When there are too many, this part of those allowed goes at once, so that it is done seldom.
const DROP_PARTS: usize = 16;

/// All exemplars of a store, by series.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_series: HashMap<u32, VecDeque<Exemplar>>,
    total: usize,
    /// Whether the clock went back, so that a new one may be older than those at hand.
    takes_earlier: bool,
}

impl Table {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.total
    }

    /// Takes earlier ones from here on.
    pub(super) fn turn_back(&mut self) {
        self.takes_earlier = true;
    }

    /// Adds one to a series; says whether it did.
    pub(super) fn push(&mut self, id: u32, exemplar: &Exemplar, limits: &Limits) -> bool {
        if exemplar.labels.characters() > MOST_CHARACTERS || limits.exemplars == 0 {
            return false;
        }
        let known = self.by_series.entry(id).or_default();
        let place = match self.takes_earlier {
            true => known.partition_point(|other| other.t_ms <= exemplar.t_ms),
            false => known.len(),
        };
        let before = place.checked_sub(1).and_then(|before| known.get(before));
        if before.is_some_and(|before| !follows(exemplar, before)) {
            return false;
        }
        known.insert(place, exemplar.clone());
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

/// Whether one may stand behind another of its series: it is another one, and not older.
fn follows(exemplar: &Exemplar, newest: &Exemplar) -> bool {
    match exemplar.t_ms.cmp(&newest.t_ms) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => exemplar.value > newest.value,
    }
}
