//! Label sets: sorted by name, shared, cheap to clone and to compare.

use std::fmt;
use std::sync::Arc;

/// The label with the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A label set, sorted by name, each name once and none with an empty value; the metric's name is one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// Builds a label set from pairs in any order; a later pair wins over an earlier one of the same name.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Labels
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.retain(|(_, value)| !value.is_empty());
        Labels(pairs.into())
    }

    /// The set without any label.
    pub fn empty() -> Labels {
        Labels(Arc::new([]))
    }

    /// The value of a label, if the set has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        // Sets are small: a scan beats a binary search.
        self.0
            .iter()
            .find(|(candidate, _)| &**candidate == name)
            .map(|(_, value)| &**value)
    }

    /// The metric's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// All labels in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels for whose name `keep` says yes.
    pub fn retain(&self, mut keep: impl FnMut(&str) -> bool) -> Labels {
        if self.0.iter().all(|(name, _)| keep(name)) {
            return self.clone();
        }
        let kept = self.0.iter().filter(|(name, _)| keep(name)).cloned();
        Labels(kept.collect())
    }

    /// The set with one label set to a value; an empty value removes the label.
    pub fn with(&self, name: &str, value: &str) -> Labels {
        if self.get(name).unwrap_or_default() == value {
            return self.clone();
        }
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = self.0.to_vec();
        pairs.push((name.into(), value.into()));
        Labels::new(pairs)
    }

    /// The set without the metric's name.
    pub fn without_name(&self) -> Labels {
        self.retain(|name| name != METRIC_NAME)
    }
}

impl fmt::Display for Labels {
    /// Writes `name{label="value", …}` as Prometheus does in messages and in the legend of its graphs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or_default())?;
        let rest = self.iter().filter(|(name, _)| *name != METRIC_NAME);
        let text: Vec<String> = rest
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        if text.is_empty() && self.name().is_some() {
            return Ok(());
        }
        write!(f, "{{{}}}", text.join(", "))
    }
}
