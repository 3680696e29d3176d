//! The drills that may be behind a page, with their references: what evidence is held against.

mod focus;
mod symptom;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::differential::{Claim, Lengths, Outcome, Shown, Standing, excludes, judge, rivals};
use crate::effect::{Effect, Feature};
use crate::reference::{Probe, Reference};
use crate::vocabulary::{Component, Mechanism};

pub use focus::places;
pub use symptom::Symptom;

use focus::Focus;

/// One drill of the catalogue, as far as a grade needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The drill's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The alert that pages.
    pub page: String,
    /// What that alert itself says.
    pub symptom: Symptom,
    /// Whether nothing is wrong in it.
    pub is_control: bool,
    /// Its cause in every accepted wording; empty in a control.
    pub causes: Vec<(Component, Mechanism)>,
    /// What a hurried look takes for its cause: who rules that out rules the drill out.
    pub suspects: Vec<(Component, Mechanism)>,
    /// What its debrief looks at, in the words of a pointer.
    pub path: Vec<(String, Probe)>,
    /// What it looks like; or why that is not known, in one sentence without its full stop.
    pub reference: Result<Reference, String>,
}

/// The rivals of one drill.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lineup {
    /// The alert that pages.
    page: String,
    /// What that alert itself says.
    symptom: Symptom,
    /// The drill's own reference; none for a scenario from outside of the catalogue.
    own: Option<Reference>,
    /// What the drill's own debrief looks at.
    path: Vec<(String, Probe)>,
    /// Where its cause is.
    component: Option<Component>,
    rivals: Vec<Candidate>,
}

/// One rival, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Rival")]
pub struct Row {
    /// Its title.
    pub title: String,
    /// Whether it raises the same page.
    pub has_page: bool,
    /// Whether it is excluded, and by what.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What would exclude it, where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<Remedy>,
}

/// Evidence that would have excluded a rival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The pointer.
    pub pointer: String,
    /// What tells.
    pub feature: Feature,
    /// Whether it changes in this drill; otherwise in the rival.
    pub is_here: bool,
    /// In numbers.
    pub what: String,
}

impl Candidate {
    /// The drill's rivals with the steps of its own debrief that exclude each, taken over the references alone: a run like
    /// the recorded one, written up with nothing but the debrief. Without a reference of its own there is nothing to tell.
    pub fn told_apart(&self, catalogue: &[Self]) -> Vec<Row> {
        self.told_apart_by(catalogue, &self.path)
    }

    /// The same by other pointers, in a write-up that names the right cause.
    pub fn told_apart_by(&self, catalogue: &[Self], pointers: &[(String, Probe)]) -> Vec<Row> {
        let Ok(own) = &self.reference else {
            return Vec::new();
        };
        let lineup = Lineup::of(&self.id, &self.page, self.is_control, catalogue);
        let shown = pointers.iter().map(|(pointer, probe)| {
            let here = probe.shown(own).ok();
            lineup.shown(pointer, here, Some(probe), self.component())
        });
        let shown: Vec<Shown> = shown.collect();
        let claims: Vec<(Claim, &Shown)> = shown
            .iter()
            .map(|one| (Claim::of(self.is_control), one))
            .collect();
        lineup.table(own.incident.length_s(), |_| claims.clone())
    }

    /// Where its cause is; none in a control.
    pub fn component(&self) -> Option<Component> {
        self.causes.first().map(|(component, _)| *component)
    }
}

impl Lineup {
    /// The rivals of `drill`, which raises `page`.
    pub fn of(drill: &str, page: &str, is_control: bool, catalogue: &[Candidate]) -> Self {
        let paging = catalogue.iter().find(|one| one.page == page);
        let symptom = paging.map(|one| one.symptom.clone()).unwrap_or_default();
        let kin = |one: &Candidate| match &one.reference {
            Ok(reference) => crate::differential::Kin {
                // Whoever has the page raises it.
                is_raised: one.page == page || symptom.is_raised_in(reference),
                ..reference.kin()
            },
            Err(_) => crate::differential::Kin {
                id: one.id.clone(),
                page: one.page.clone(),
                is_control: one.is_control,
                ..Default::default()
            },
        };
        let own = catalogue.iter().find(|one| one.id == drill);
        let kins: Vec<_> = catalogue.iter().map(kin).collect();
        let of = crate::differential::Kin {
            id: drill.to_owned(),
            page: page.to_owned(),
            is_control,
            changes: own.map(kin).unwrap_or_default().changes,
            is_raised: true,
        };
        let chosen = rivals(&of, &kins);
        let find = |id: &String| catalogue.iter().find(|one| one.id == *id).cloned();
        Self {
            page: page.to_owned(),
            symptom,
            component: own.and_then(Candidate::component),
            own: own.and_then(|own| own.reference.clone().ok()),
            path: own.map(|own| own.path.clone()).unwrap_or_default(),
            rivals: chosen.iter().filter_map(find).collect(),
        }
    }

    /// The alert that the drill is about; another one may have paged before it.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// The rivals, in the order of the table.
    pub fn rivals(&self) -> &[Candidate] {
        &self.rivals
    }

    /// A pointer with what it shows in this run and in every reference; `component` is the one that the write-up names.
    pub fn shown(
        &self,
        field: &str,
        here: Option<Effect>,
        probe: Option<&Probe>,
        component: Option<Component>,
    ) -> Shown {
        let there = |rival: &Candidate| match (&rival.reference, probe) {
            // A query that fails on a reference counts as showing nothing; as unchecked it would excuse the rival.
            (Ok(reference), Some(probe)) => {
                Ok(probe.effect(reference).unwrap_or_else(Effect::refused))
            }
            (Ok(_), None) => Ok(Effect::default()),
            (Err(why), _) => Err(why.clone()),
        };
        // A pointer that means nothing in a reference shows nothing here either.
        let here = here.filter(|_| probe.is_some());
        // Which two snapshots someone takes, no recording can know.
        let own_is_like = |probe: &&Probe| !matches!(probe, Probe::Heap(_) | Probe::Profile(_));
        let own = self.own.as_ref().zip(probe.filter(own_is_like));
        let focus = Focus {
            component,
            symptom: &self.symptom,
        };
        let both = here.as_ref().zip(probe);
        Shown {
            field: field.to_owned(),
            telling: both
                .map(|(here, probe)| focus.telling(here, probe))
                .unwrap_or_default(),
            here,
            is_expression: matches!(probe, Some(Probe::Promql(_))),
            is_one_of_many: matches!(probe, Some(Probe::Trace(_))),
            is_growth: matches!(probe, Some(Probe::Heap(_))),
            own: own.map(|(own, probe)| probe.effect(own).unwrap_or_else(Effect::refused)),
            there: self.rivals.iter().map(there).collect(),
        }
    }

    /// What becomes of every rival by the pointers that `claims` gives for it, together; `here_s` is the length of this run's
    /// incident.
    pub fn table<'a>(
        &self,
        here_s: f64,
        claims: impl Fn(&Candidate) -> Vec<(Claim, &'a Shown)>,
    ) -> Vec<Row> {
        let rows = self.rivals.iter().enumerate().map(|(index, rival)| {
            let pointers = claims(rival);
            let outcome = judge(&rival.id, index, &pointers, lengths(rival, here_s));
            let would = match outcome.standing {
                Standing::Standing => self.remedy(rival),
                _ => None,
            };
            Row {
                title: rival.title.clone(),
                has_page: rival.page == self.page,
                outcome,
                would,
            }
        });
        rows.collect()
    }

    /// Of the rivals that can be judged, those in which a pointer would look the same.
    pub fn alike(&self, claim: Claim, shown: &Shown, here_s: f64) -> Vec<&str> {
        let rivals = self.rivals.iter().enumerate();
        let alike = rivals.filter(|(index, rival)| {
            let pointers = [(claim, shown)];
            judge(&rival.id, *index, &pointers, lengths(rival, here_s)).stands()
        });
        alike.map(|(_, rival)| rival.id.as_str()).collect()
    }

    /// The step of the debrief that tells the drill from a rival most clearly.
    fn remedy(&self, rival: &Candidate) -> Option<Remedy> {
        let own = self.own.as_ref()?;
        let reference = rival.reference.as_ref().ok()?;
        let claim = Claim::of(own.is_control);
        let lengths = lengths(rival, own.incident.length_s());
        let focus = Focus {
            component: self.component,
            symptom: &self.symptom,
        };
        let mut best: Option<(f64, Remedy)> = None;
        for (pointer, probe) in &self.path {
            let (Ok(here), Ok(there)) = (probe.shown(own), probe.effect(reference)) else {
                continue;
            };
            let shown = Shown {
                telling: focus.telling(&here, probe),
                ..Shown::here(pointer, Some(here.clone()))
            };
            let Some((feature, is_here, what)) = excludes(claim, &shown, &there, lengths) else {
                continue;
            };
            let side = if is_here { &here } else { &there };
            let strength = side.changes.get(&feature).map_or(0.0, |one| one.strength);
            if best.as_ref().is_none_or(|(known, _)| strength > *known) {
                let pointer = pointer.clone();
                let remedy = Remedy {
                    pointer,
                    feature,
                    is_here,
                    what,
                };
                best = Some((strength, remedy));
            }
        }
        best.map(|(_, remedy)| remedy)
    }
}

fn lengths(rival: &Candidate, here_s: f64) -> Lengths {
    let there = rival.reference.as_ref().ok();
    Lengths {
        here_s,
        there_s: there.map_or(here_s, |reference| reference.incident.length_s()),
    }
}

#[cfg(test)]
mod tests;
