//! Which other causes of the same page the evidence excludes.
//!
//! ```text
//!                  this run          the reference of a rival
//! pointer ──> shows a change  and it is not there           ──> excluded (an incident is claimed)
//!         └─> shows none      where there is one there      ──> excluded (nothing wrong, or a hypothesis ruled out)
//! ```
//! Pure: the effects are given, and nothing is looked up.

mod rival;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::effect::{CLEAR, Change, Effect, Feature};

pub use rival::{Kin, rivals};

/// A change of this many margins counts even if the drill's own reference does not show it: one run does not vary that much.
const STRONG: f64 = 3.0;

/// A rival in whose reference nothing could be looked up is not held against anyone.
pub type There = Result<Effect, String>;

/// A pointer with what it shows in this run and in the references.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The field that carries it.
    pub field: String,
    /// In this run; none where it does not resolve.
    pub here: Option<Effect>,
    /// What of it may exclude a rival that does not have it.
    pub telling: Effect,
    /// Whether it is an expression, which may answer with all there is.
    pub is_expression: bool,
    /// Whether it was picked from many of its kind: then even a strong change may be chance.
    pub is_one_of_many: bool,
    /// Whether it is growth by function, of which there is always some: then what leads is the finding.
    pub is_growth: bool,
    /// In the reference of this run's own drill; none for a scenario from outside of the catalogue.
    pub own: Option<Effect>,
    /// In the references of the rivals, in their order.
    pub there: Vec<There>,
}

/// How a pointer is meant to exclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It shows something.
    Present,
    /// It shows the absence of something.
    Absent,
    /// One or the other: what is ruled out may be so by either.
    Either,
}

impl Shown {
    /// What shows this in this run, and everything of which may exclude; there is nothing to hold it against yet.
    pub fn here(field: &str, here: Option<Effect>) -> Self {
        Self {
            field: field.to_owned(),
            telling: here.clone().unwrap_or_default(),
            here,
            is_expression: false,
            is_one_of_many: false,
            is_growth: false,
            own: None,
            there: Vec::new(),
        }
    }

    /// Whether it may exclude nothing although it shows something.
    pub fn is_unfocused(&self) -> bool {
        let shows = self.here.as_ref().is_some_and(Effect::is_clear);
        shows && !self.telling.is_clear()
    }
}

impl Claim {
    /// What is wrong shows; where nothing is, everything that would show is absent.
    pub const fn of(is_control: bool) -> Self {
        match is_control {
            true => Self::Absent,
            false => Self::Present,
        }
    }
}

/// What became of one rival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RivalOutcome")]
pub struct Outcome {
    /// The drill's id.
    pub rival: String,
    /// Whether it is excluded, and by what.
    pub standing: Standing,
}

/// Whether a rival is still possible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Standing {
    /// It would have shown otherwise.
    Excluded {
        /// The pointers that say so, with what tells.
        by: Vec<Exclusion>,
    },
    /// Everything shown would look the same there.
    Standing,
    /// It cannot be judged, for want of a reference.
    Unchecked {
        /// Why, in one sentence without its full stop.
        why: String,
    },
}

/// Why a pointer excludes a rival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// The field that carries the pointer.
    pub field: String,
    /// What changes on one side only.
    pub feature: Feature,
    /// Whether it changes here; otherwise there.
    pub is_here: bool,
    /// In numbers, on the side on which it changes.
    pub what: String,
}

/// How much longer one incident is than another: what grows with time is compared at the same age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lengths {
    /// Of this run's incident, in seconds.
    pub here_s: f64,
    /// Of the reference's, in seconds.
    pub there_s: f64,
}

impl Lengths {
    fn longer(self) -> f64 {
        self.here_s.max(1.0) / self.there_s.max(1.0)
    }
}

/// Whether a pointer excludes a rival, and by what: the strongest change that one side has and the other has not.
pub fn excludes(
    claim: Claim,
    shown: &Shown,
    there: &Effect,
    lengths: Lengths,
) -> Option<(Feature, bool, String)> {
    let present = || present(shown, there, lengths).map(|found| told(found, true));
    let absent = || absent(shown, there, lengths).map(|found| told(found, false));
    match claim {
        Claim::Present => present(),
        Claim::Absent => absent(),
        Claim::Either if shown.is_expression && is_everywhere(there) => present(),
        Claim::Either => present().or_else(absent),
    }
}

/// Whether what leads is of several services: a dashboard that changes all over the shop in a rival is not about its cause, and
/// rules it out no more by not changing than it would show it by changing.
fn is_everywhere(effect: &Effect) -> bool {
    let leading = effect.leading();
    let owners: BTreeSet<&String> = leading.flat_map(|(_, change)| change.owners()).collect();
    owners.len() > 1
}

fn told((feature, change): (&Feature, &Change), is_here: bool) -> (Feature, bool, String) {
    (feature.clone(), is_here, change.what.clone())
}

/// What this run shows and the rival's does not. What the drill's own reference does not show either may be chance, or come
/// from what differs from one run of it to the next, unless it is strong.
fn present<'a>(
    shown: &'a Shown,
    there: &Effect,
    lengths: Lengths,
) -> Option<(&'a Feature, &'a Change)> {
    // A reference that cannot answer tells nothing.
    if there.refused.is_some() {
        return None;
    }
    let longer = lengths.longer();
    let own = shown.own.as_ref();
    let is_strong = |change: &Change| !shown.is_one_of_many && change.strength >= STRONG;
    // Buffers grow a little wherever something grows: a function that leads here and not there is another finding.
    let leads_here_alone = |feature: &Feature| {
        shown.is_growth && shown.telling.is_led_by(feature) && !there.is_led_by(feature)
    };
    strongest(shown.telling.clear().filter(|(feature, change)| {
        (is_strong(change) || own.is_none_or(|own| own.changes.contains_key(feature)))
            && (!there.resembles(feature, change, longer) || leads_here_alone(feature))
    }))
}

/// What the rival's run shows and this one does not.
fn absent<'a>(
    shown: &Shown,
    there: &'a Effect,
    lengths: Lengths,
) -> Option<(&'a Feature, &'a Change)> {
    let (here, own) = (shown.here.as_ref()?, shown.own.as_ref());
    // A pointer that shows nothing because it can show nothing rules nothing out.
    if here.refused.is_some() || there.refused.is_some() {
        return None;
    }
    let longer = 1.0 / lengths.longer();
    let is_absent = |effect: &Effect, feature: &Feature, change: &Change| {
        !effect.resembles(feature, change, longer)
    };
    strongest(there.clear().filter(|(feature, change)| {
        change.strength >= 2.0 * CLEAR
            && is_absent(here, feature, change)
            && own.is_none_or(|own| is_absent(own, feature, change))
    }))
}

/// The first of equals, so that the same evidence is always told in the same words.
fn strongest<'a>(
    changes: impl Iterator<Item = (&'a Feature, &'a Change)>,
) -> Option<(&'a Feature, &'a Change)> {
    changes.fold(None, |best, next| match best {
        Some((_, known)) if known.strength >= next.1.strength => best,
        _ => Some(next),
    })
}

/// What became of the rival at `index`: every pointer that excludes it, in the order of the write-up.
pub fn judge(rival: &str, index: usize, pointers: &[(Claim, &Shown)], lengths: Lengths) -> Outcome {
    let mut by = Vec::new();
    let mut unchecked = None;
    for (claim, shown) in pointers {
        if shown.here.is_none() {
            continue;
        }
        let there = match shown.there.get(index) {
            Some(Ok(there)) => there,
            Some(Err(why)) => {
                unchecked = Some(why.clone());
                continue;
            }
            None => continue,
        };
        let found = excludes(*claim, shown, there, lengths);
        by.extend(found.map(|(feature, is_here, what)| Exclusion {
            field: shown.field.clone(),
            feature,
            is_here,
            what,
        }));
    }
    let standing = match (by.is_empty(), unchecked) {
        (false, _) => Standing::Excluded { by },
        (true, Some(why)) => Standing::Unchecked { why },
        (true, None) => Standing::Standing,
    };
    Outcome {
        rival: rival.to_owned(),
        standing,
    }
}

impl Outcome {
    /// Whether the evidence excludes it.
    pub fn is_excluded(&self) -> bool {
        matches!(self.standing, Standing::Excluded { .. })
    }

    /// Whether it is still possible.
    pub fn stands(&self) -> bool {
        matches!(self.standing, Standing::Standing)
    }
}

#[cfg(test)]
mod tests;
