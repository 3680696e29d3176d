//! The traces of a reference: what those of the incident show that was unusual before, by the operation they begin with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::effect::trace::{Usual, places_in};
use crate::effect::{self, CLEAR, Change, Direction, Effect, FAINT};
use crate::evidence::Trace;

/// A trait that fewer traces have is an accident of one of them.
const SELDOM: f64 = 0.03;
/// A trait that so many traces have would be seen in whichever is opened.
const NEARLY_ALL: f64 = 0.8;

/// Traces that begin with one operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Traces of the baseline.
    pub baseline: usize,
    /// Traces of the incident.
    pub incident: usize,
    /// What is unusual in those of the incident.
    pub traits: Vec<Trait>,
}

/// Something unusual that traces of the incident show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trait {
    /// What changes in the trace.
    pub name: String,
    /// Which way.
    pub direction: Direction,
    /// The share of the incident's traces that have it.
    pub share: f64,
    /// Its largest size.
    pub size: f64,
}

impl Operation {
    /// Of the traces of both windows.
    pub(super) fn of(baseline: &[Trace], incident: &[Trace]) -> Self {
        let usual = Usual::of(baseline);
        let mut found: BTreeMap<(String, Direction), (usize, f64)> = BTreeMap::new();
        for trace in incident {
            for (feature, change) in effect::trace::effect(trace, &usual).clear() {
                let key = (feature.name.clone(), feature.direction);
                let (count, size) = found.entry(key).or_default();
                *count += 1;
                *size = size.max(change.size);
            }
        }
        let traits = found
            .into_iter()
            .map(|((name, direction), (count, size))| Trait {
                name,
                direction,
                share: count as f64 / incident.len().max(1) as f64,
                size,
            });
        Self {
            baseline: baseline.len(),
            incident: incident.len(),
            traits: traits.filter(|one| one.share >= SELDOM).collect(),
        }
    }
}

/// What one of the traces that begin with an operation shows, if it is one of those that show something.
pub(super) fn found(operations: &BTreeMap<String, Operation>, operation: &str) -> Effect {
    let mut effect = Effect::default();
    for one in operations
        .get(operation)
        .map_or(&[][..], |known| &known.traits)
    {
        let change = Change {
            size: one.size,
            strength: 3.0 * CLEAR,
            services: places_in(&one.name),
            what: format!("in {:.0} of 100 such traces", 100.0 * one.share),
            ..Change::default()
        };
        effect.add(&one.name, one.direction, change);
    }
    effect
}

/// The effect of a trace that begins with this operation. What only other operations show is faint: it is not absent.
pub(super) fn effect(operations: &BTreeMap<String, Operation>, operation: &str) -> Effect {
    let mut effect = Effect::default();
    for (name, known) in operations {
        for one in &known.traits {
            let is_expected = name == operation && one.share >= NEARLY_ALL;
            let change = Change {
                size: one.size,
                strength: if is_expected { 3.0 * CLEAR } else { FAINT },
                services: Default::default(),
                what: format!(
                    "in {:.0} of 100 traces that begin with {name}",
                    100.0 * one.share
                ),
                ..Change::default()
            };
            effect.add(&one.name, one.direction, change);
        }
    }
    effect
}
