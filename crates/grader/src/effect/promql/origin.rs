//! At which services a change shows whose series does not carry the name of one: where the samples behind it come from.

use std::collections::BTreeSet;

use super::{IDENTITY, Windowed, all_changes};
use crate::effect::{CLEAR, Change};
use crate::evidence::{Labels, Series};

/// Labels that name the service that exposes a series.
const OWNERS: [&str; 2] = ["service", "exported_service"];
/// Labels that name the service that is called.
const CALLED: [&str; 3] = ["target", "peer_service", "server_address"];

/// Where the answers of an expression come from, as far as they do not say so themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins {
    /// Whether the labels of an answer may have come from elsewhere than its value.
    is_relabelled: bool,
    /// Labels of the series behind the answers that change themselves.
    telling: Vec<Labels>,
    /// The services that all series behind the answers have in common.
    shared: Option<Named>,
}

/// The services that a series names: those that expose it, and those that are called.
#[derive(Debug, Clone, Default, PartialEq)]
struct Named {
    owners: BTreeSet<String>,
    called: BTreeSet<String>,
}

impl Origins {
    /// Of the series behind the answers, in both windows, one pair for each origin of the expression.
    pub fn of(is_labelled: bool, behind: &[Windowed]) -> Self {
        let mut telling = Vec::new();
        let mut shared: Option<Named> = None;
        for (before, during) in behind {
            let changes = all_changes(before, during, f64::NEG_INFINITY, None).into_iter();
            let clear = changes.filter(|one| one.told.2 >= CLEAR);
            telling.extend(clear.map(|one| one.labels));
            for series in before.iter().chain(during) {
                let named = Named::of(&series.labels);
                shared = Some(match shared {
                    None => named,
                    Some(known) => known.both(&named),
                });
            }
        }
        Self {
            is_relabelled: !is_labelled,
            telling,
            shared,
        }
    }

    /// Whether every one of these series says itself where it comes from, so that nothing behind them has to be looked up.
    pub fn are_told<'a>(mut series: impl Iterator<Item = &'a Series>) -> bool {
        series.all(|series| {
            OWNERS
                .iter()
                .any(|label| series.labels.contains_key(*label))
        })
    }

    /// A change of this series, with nothing but the services at which it shows.
    pub(super) fn at(&self, labels: &Labels) -> Change {
        let mut named = match self.is_relabelled {
            true => Named::default(),
            false => Named::of(labels),
        };
        if named.owners.is_empty() {
            let behind = self.telling.iter();
            let behind = behind.filter(|origin| self.is_relabelled || agree(labels, origin));
            let behind: Vec<Named> = behind.map(Named::of).collect();
            // If none of the series changes on its own, the labels that all of them share decide.
            let shared = self.shared.iter().filter(|_| behind.is_empty());
            for one in behind.iter().chain(shared) {
                named.owners.extend(one.owners.iter().cloned());
                named.called.extend(one.called.iter().cloned());
            }
        }
        Change {
            services: named.owners.union(&named.called).cloned().collect(),
            called: named.called.difference(&named.owners).cloned().collect(),
            ..Change::default()
        }
    }
}

impl Named {
    fn of(labels: &Labels) -> Self {
        let values = |names: &[&str]| {
            let values = names.iter().filter_map(|name| labels.get(*name));
            values.cloned().collect()
        };
        Self {
            owners: values(&OWNERS),
            called: values(&CALLED),
        }
    }

    fn both(&self, other: &Self) -> Self {
        let both = |one: &BTreeSet<String>, other| one.intersection(other).cloned().collect();
        Self {
            owners: both(&self.owners, &other.owners),
            called: both(&self.called, &other.called),
        }
    }
}

/// Whether an answer may contain samples of an origin: no label that both have differs.
fn agree(labels: &Labels, origin: &Labels) -> bool {
    labels.iter().all(|(name, value)| {
        let is_identity = name == "__name__" || IDENTITY.contains(&name.as_str());
        is_identity || origin.get(name).is_none_or(|other| other == value)
    })
}
