//! Type, help text and unit of metric families, as targets tell them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only rises, except when its process restarts.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts in buckets.
    Histogram,
    /// Counts in buckets that rise and fall.
    GaugeHistogram,
    /// Quantiles computed by the target.
    Summary,
    /// Labels that describe; the value is 1.
    Info,
    /// One series a state.
    Stateset,
    /// Not told.
    #[default]
    Unknown,
}

/// What a target says about a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Default)]
pub struct Metadata {
    /// The type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The help text, unescaped.
    pub help: String,
    /// The unit, such as `seconds`; often empty.
    pub unit: String,
}

/// Families kept; beyond that new ones are not described.
const MAX_FAMILIES: usize = 10_000;
/// Differing descriptions of one family kept.
const MAX_VERSIONS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<Arc<str>, Vec<Metadata>>);

impl Table {
    pub(super) fn insert(&mut self, family: &str, metadata: Metadata) {
        if let Some(known) = self.0.get_mut(family) {
            if known.len() < MAX_VERSIONS && !known.contains(&metadata) {
                known.push(metadata);
            }
        } else if self.0.len() < MAX_FAMILIES {
            self.0.insert(family.into(), vec![metadata]);
        }
    }

    pub(super) fn list(&self, family: Option<&str>) -> Vec<(Arc<str>, Vec<Metadata>)> {
        let entries = self
            .0
            .iter()
            .filter(|(name, _)| family.is_none_or(|family| family == &***name));
        entries
            .map(|(name, versions)| (Arc::clone(name), versions.clone()))
            .collect()
    }
}
