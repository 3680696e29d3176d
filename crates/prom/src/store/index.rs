//! Which series carry which label value, and the selection of series by matchers over that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use promql::{Labels, MatchOp, Matcher};

/// Ids in ascending order.
pub(super) type Ids = Vec<u32>;

#[derive(Debug, Default)]
pub(super) struct Index {
    by_name: HashMap<Arc<str>, BTreeMap<Arc<str>, Ids>>,
    /// Every series, ascending.
    all: Ids,
}

impl Index {
    /// Adds a series; ids only ever grow, so that the lists stay sorted.
    pub(super) fn insert(&mut self, id: u32, labels: &[(Arc<str>, Arc<str>)]) {
        for (name, value) in labels {
            let values = self.by_name.entry(Arc::clone(name)).or_default();
            values.entry(Arc::clone(value)).or_default().push(id);
        }
        self.all.push(id);
    }

    /// Takes out the series that `is_gone` names, given the labels that they had.
    pub(super) fn remove(&mut self, gone: &[(u32, Labels)]) {
        let is_gone = |id: &u32| gone.binary_search_by_key(id, |(id, _)| *id).is_ok();
        self.all.retain(|id| !is_gone(id));
        for (_, labels) in gone {
            for (name, value) in labels.iter() {
                self.thin(name, value, is_gone);
            }
        }
    }

    fn thin(&mut self, name: &str, value: &str, is_gone: impl Fn(&u32) -> bool) {
        let Some(values) = self.by_name.get_mut(name) else {
            return;
        };
        if let Some(ids) = values.get_mut(value) {
            ids.retain(|id| !is_gone(id));
            if ids.is_empty() {
                values.remove(value);
            }
        }
        if values.is_empty() {
            self.by_name.remove(name);
        }
    }

    /// The series that satisfy all matchers, ascending.
    pub(super) fn select(&self, matchers: &[Matcher]) -> Ids {
        let (strict, lax): (Vec<_>, Vec<_>) =
            matchers.iter().partition(|matcher| !matcher.is_match(""));
        let mut found: Option<Ids> = None;
        for matcher in strict {
            let ids = match &matcher.op {
                MatchOp::Equal => self.posting(&matcher.name, &matcher.value),
                _ => self.union(&matcher.name, |value| matcher.is_match(value)),
            };
            found = Some(match found {
                Some(before) => intersect(&before, &ids),
                None => ids,
            });
            if found.as_ref().is_some_and(Vec::is_empty) {
                return Ids::new();
            }
        }
        let mut found = found.unwrap_or_else(|| self.all.clone());
        // A matcher that the empty text satisfies also selects series without the label: subtract what it refuses.
        for matcher in lax {
            let refused = self.union(&matcher.name, |value| !matcher.is_match(value));
            if !refused.is_empty() {
                found.retain(|id| refused.binary_search(id).is_err());
            }
        }
        found
    }

    fn posting(&self, name: &str, value: &str) -> Ids {
        let ids = self.by_name.get(name).and_then(|values| values.get(value));
        ids.cloned().unwrap_or_default()
    }

    fn union(&self, name: &str, is_wanted: impl Fn(&str) -> bool) -> Ids {
        let Some(values) = self.by_name.get(name) else {
            return Ids::new();
        };
        let mut lists = values
            .iter()
            .filter(|(value, _)| is_wanted(value))
            .map(|(_, ids)| ids);
        let Some(first) = lists.next() else {
            return Ids::new();
        };
        let mut ids = first.clone();
        let mut is_merged = false;
        for list in lists {
            ids.extend_from_slice(list);
            is_merged = true;
        }
        if is_merged {
            // A series has one value of a label, so the lists are disjoint.
            ids.sort_unstable();
        }
        ids
    }

    /// Every pair of label and value, with how many series carry it.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, usize)> {
        self.by_name.iter().flat_map(|(name, values)| {
            let values = values.iter();
            values.map(move |(value, ids)| (name, value, ids.len()))
        })
    }
}

fn intersect(left: &[u32], right: &[u32]) -> Ids {
    let (small, large) = if left.len() < right.len() {
        (left, right)
    } else {
        (right, left)
    };
    small
        .iter()
        .copied()
        .filter(|id| large.binary_search(id).is_ok())
        .collect()
}
