//! What a pointer shows: what is different in the incident from the baseline of the same run.
//!
//! ```text
//! series, lines, spans, functions of both windows ──one file a kind──> Effect ──┐
//! the same of another drill's reference ─────────────────────────────> Effect ──┴──> differential
//! ```
//! Everything here is pure: what the windows hold is given, and nothing is looked up.

pub mod expression;
pub mod heap;
pub mod log;
pub mod profile;
pub mod promql;
pub mod trace;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change that is this large for its margin is an effect; a smaller one of at least [`FAINT`] is only not excluded.
pub const CLEAR: f64 = 1.0;
/// From here on a change is not told from noise with certainty: it neither excludes, nor is it absent.
pub const FAINT: f64 = 0.5;
/// Changes of at least this share of the largest lead; those of one expression are in one unit.
const LEADING: f64 = 0.5;
/// A change of the same feature that is smaller by this factor is another effect.
const SAME_SIZE: f64 = 0.3;

/// Everything that one pointer shows to be different, by feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Clear and faint changes.
    #[serde(with = "list")]
    #[schemars(with = "Vec<list::One<Feature, Change>>")]
    pub changes: BTreeMap<Feature, Change>,
    /// Why there is no effect although there may be a difference, in one sentence without its full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What changed: a series without the labels that tell instances and releases apart, a pattern of log lines, a trait of
/// a trace, a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// Its name, for people and for comparison.
    pub name: String,
    /// Which way it changed.
    pub direction: Direction,
}

/// Which way something changed. What appears goes up, what disappears goes down.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More than before.
    Up,
    /// Less than before.
    Down,
}

/// How a feature changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "EffectChange")]
pub struct Change {
    /// By how much, in the unit of the feature; never negative.
    pub size: f64,
    /// Its share of the margin that tells it from noise; at least [`FAINT`].
    pub strength: f64,
    /// Services at which it shows, and those that are called there.
    pub services: BTreeSet<String>,
    /// Those of them that are called there and do not expose it themselves.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub called: BTreeSet<String>,
    /// In numbers, for people: `0.04 to 0.06 before, 2.3 then`.
    pub what: String,
}

/// As JSON, changes are a list: their features are more than a name.
mod list {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Change, Feature};

    #[derive(JsonSchema, Serialize, Deserialize)]
    #[schemars(rename = "FeatureChange")]
    pub(super) struct One<F, C> {
        #[serde(flatten)]
        feature: F,
        #[serde(flatten)]
        change: C,
    }

    pub(super) fn serialize<S: Serializer>(
        changes: &BTreeMap<Feature, Change>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let list = changes
            .iter()
            .map(|(feature, change)| One { feature, change });
        serializer.collect_seq(list)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Feature, Change>, D::Error> {
        let list = Vec::<One<Feature, Change>>::deserialize(deserializer)?;
        let pairs = list.into_iter().map(|one| (one.feature, one.change));
        Ok(pairs.collect())
    }
}

impl Change {
    /// The services that expose what changes.
    pub fn owners(&self) -> impl Iterator<Item = &String> {
        self.services.difference(&self.called)
    }

    /// The stronger of two, of equals the larger, with the services of both.
    fn joined(self, other: Self) -> Self {
        let services = self.services.union(&other.services).cloned().collect();
        let owners: BTreeSet<&String> = self.owners().chain(other.owners()).collect();
        let called = self.called.union(&other.called);
        let called = called
            .filter(|one| !owners.contains(one))
            .cloned()
            .collect();
        let rank = |one: &Self| (one.strength, one.size);
        let stronger = if rank(&other) > rank(&self) {
            other
        } else {
            self
        };
        Self {
            services,
            called,
            ..stronger
        }
    }
}

impl Effect {
    /// Only the changes that are at least so large.
    pub fn from_size(mut self, least: f64) -> Self {
        self.changes.retain(|_, change| change.size >= least);
        self
    }

    /// No effect, and why there can be none.
    pub fn refused(why: impl Into<String>) -> Self {
        Self {
            changes: BTreeMap::new(),
            refused: Some(why.into()),
        }
    }

    /// Adds a change; of two of one feature the stronger one stays, with the services of both.
    pub(crate) fn add(&mut self, name: &str, direction: Direction, change: Change) {
        let is_sound = change.strength.is_finite() && change.size.is_finite();
        if change.strength < FAINT || !is_sound {
            return;
        }
        let feature = Feature {
            name: name.to_owned(),
            direction,
        };
        let change = match self.changes.remove(&feature) {
            None => change,
            Some(known) => known.joined(change),
        };
        self.changes.insert(feature, change);
    }

    /// The changes that are told from noise.
    pub fn clear(&self) -> impl Iterator<Item = (&Feature, &Change)> {
        self.changes
            .iter()
            .filter(|(_, change)| change.strength >= CLEAR)
    }

    /// Whether anything is told from noise.
    pub fn is_clear(&self) -> bool {
        self.clear().next().is_some()
    }

    /// The clear changes of at least half the size of the largest: what is first seen of many series.
    pub fn leading(&self) -> impl Iterator<Item = (&Feature, &Change)> {
        let sizes = self.clear().map(|(_, change)| change.size);
        let least = LEADING * sizes.fold(0.0, f64::max);
        self.clear().filter(move |(_, change)| change.size >= least)
    }

    /// Whether the change of a feature is one of those that lead.
    pub fn is_led_by(&self, feature: &Feature) -> bool {
        self.leading().any(|(leading, _)| leading == feature)
    }

    /// The strongest clear change.
    pub fn strongest(&self) -> Option<(&Feature, &Change)> {
        // The first of equals, so that the same effect is always told in the same words.
        self.clear().fold(None, |best, next| match best {
            Some((_, known)) if known.strength >= next.1.strength => best,
            _ => Some(next),
        })
    }

    /// The strongest change that is not told from noise, where none is.
    pub fn faint(&self) -> Option<(&Feature, &Change)> {
        let rank = |one: &(&Feature, &Change), other: &(&Feature, &Change)| {
            one.1.strength.total_cmp(&other.1.strength)
        };
        self.changes
            .iter()
            .max_by(rank)
            .filter(|_| !self.is_clear())
    }

    /// Whether a feature changes here as well, in that direction and of a like size; `longer` is how much longer the other
    /// incident was, for what grows with time.
    pub fn resembles(&self, feature: &Feature, change: &Change, longer: f64) -> bool {
        self.changes
            .get(feature)
            .is_some_and(|here| here.size >= SAME_SIZE * change.size / longer.max(1.0))
    }

    /// Services at which something clear shows.
    pub fn services(&self) -> BTreeSet<&str> {
        self.clear()
            .flat_map(|(_, change)| change.services.iter().map(String::as_str))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(size: f64, strength: f64, service: &str) -> Change {
        Change {
            size,
            strength,
            services: [service.to_owned()].into(),
            ..Change::default()
        }
    }

    #[test]
    fn of_two_changes_of_one_feature_the_stronger_stays() {
        let mut effect = Effect::default();
        effect.add("x", Direction::Up, change(1.0, 2.0, "gateway"));
        effect.add("x", Direction::Up, change(3.0, 4.0, "checkout"));
        effect.add("x", Direction::Down, change(3.0, 0.7, "checkout"));
        effect.add("y", Direction::Up, change(3.0, 0.4, "checkout"));
        effect.add("z", Direction::Up, change(f64::NAN, 9.0, "checkout"));
        assert_eq!(effect.changes.len(), 2, "noise is no change: {effect:?}");
        assert_eq!(effect.faint(), None, "there are clear changes: {effect:?}");
        let (_, strongest) = effect.strongest().expect("one is clear");
        assert_eq!(strongest.size, 3.0);
        assert_eq!(effect.services(), ["checkout", "gateway"].into());
    }

    #[test]
    fn an_effect_is_read_as_it_was_written() {
        let mut effect = Effect::default();
        effect.add("x", Direction::Up, change(1.5, 2.0, "gateway"));
        let text = serde_json::to_string(&effect).expect("it can be written");
        assert_eq!(
            text,
            "{\"changes\":[{\"name\":\"x\",\"direction\":\"up\",\"size\":1.5,\"strength\":2.0,\"services\":[\"gateway\"],\"what\":\"\"}]}"
        );
        assert_eq!(serde_json::from_str::<Effect>(&text).ok(), Some(effect));
    }

    #[test]
    fn less_than_a_third_of_the_size_is_another_effect() {
        let mut there = Effect::default();
        there.add("x", Direction::Up, change(1.0, 0.6, "gateway"));
        let feature = |direction| Feature {
            name: "x".to_owned(),
            direction,
        };
        let here = |size| change(size, 5.0, "gateway");
        assert!(there.resembles(&feature(Direction::Up), &here(3.0), 1.0));
        assert!(!there.resembles(&feature(Direction::Up), &here(4.0), 1.0));
        assert!(there.resembles(&feature(Direction::Up), &here(4.0), 2.0));
        assert!(!there.resembles(&feature(Direction::Down), &here(1.0), 1.0));
    }
}
