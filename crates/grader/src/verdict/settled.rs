//! Whether the diagnosis is grounded and settled: which other causes of the page its evidence excludes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, of};
use crate::differential::{self, Shown, Standing};
use crate::effect::{Change, Feature};
use crate::lineup::{Candidate, Row, places};
use crate::pointer::Executed;
use crate::unit::Unit;
use crate::vocabulary::Component;
use crate::writeup::{self, Field};

/// The best pointer's change in this run and in the rivals, on one scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The field that carries the pointer.
    pub field: String,
    /// As written, shortened.
    pub pointer: String,
    /// What changes.
    pub feature: Feature,
    /// The unit of what changes.
    #[serde(default)]
    pub unit: Unit,
    /// By how much here.
    pub here: f64,
    /// By how much in each rival, in the order of the table; none where it does not change or is not known.
    pub there: Vec<Option<f64>>,
}

/// Every pointer with what it shows here and in the references.
pub(super) fn shown(case: &Case) -> Vec<Shown> {
    let one = |executed: &Executed| {
        let probe = executed
            .finding()
            .and_then(|finding| finding.probe.as_ref());
        let here = executed.effect().cloned();
        let component = case.writeup.cause.component;
        case.lineup
            .shown(&executed.address(), here, probe, component)
    };
    case.pointers.iter().map(one).collect()
}

/// What becomes of every rival.
pub(super) fn table(case: &Case) -> Vec<Row> {
    let Some(windows) = case.facts.frame.windows else {
        return Vec::new();
    };
    let length_s = windows.shown().length().as_seconds_f64();
    case.lineup.table(length_s, |rival| claims(case, rival))
}

/// The pointers that may exclude a rival, and how.
fn claims<'a>(case: &Case<'a>, rival: &Candidate) -> Vec<(differential::Claim, &'a Shown)> {
    let says_incident = case.says_incident() != Some(false);
    let claim = |executed: &Executed| match executed.field?.field {
        Field::Cause if says_incident => Some(differential::Claim::Present),
        Field::Cause => Some(differential::Claim::Absent),
        Field::RuledOut(_) if !says_incident => Some(differential::Claim::Absent),
        Field::RuledOut(index) => {
            let entry = case.writeup.ruled_out.get(index)?;
            names(entry, rival).then_some(differential::Claim::Either)
        }
        _ => None,
    };
    let pairs = case.pointers.iter().zip(case.shown);
    pairs
        .filter_map(|(executed, shown)| Some((claim(executed)?, shown)))
        .collect()
}

/// Whether a hypothesis is what happens in a rival, or what a hurried look takes for it.
pub(super) fn names(entry: &writeup::RuledOut, rival: &Candidate) -> bool {
    let said = entry.component.zip(entry.mechanism);
    let mut about = rival.causes.iter().chain(&rival.suspects);
    said.is_some_and(|said| about.any(|one| *one == said))
}

/// Whether nothing of what was shown leaves another cause possible. What could not be looked up is not held against anyone.
pub(super) fn is_settled(case: &Case) -> bool {
    let is_granted = |executed: &Executed| {
        let is_evidence = executed
            .field
            .is_some_and(|at| matches!(at.field, Field::Cause | Field::RuledOut(_)));
        is_evidence && executed.is_granted()
    };
    case.pointers.iter().any(is_granted) || case.rows.iter().all(|row| !row.outcome.stands())
}

/// How many pointers of the cause show something and exclude nothing, because it is not the named component that changes
/// most there.
pub(super) fn unfocused(case: &Case) -> usize {
    if case.says_incident() == Some(false) {
        return 0;
    }
    let pairs = case.pointers.iter().zip(case.shown);
    let is_unfocused = |(executed, shown): &(&Executed, &Shown)| {
        let is_of_cause = executed.field.is_some_and(|at| at.field == Field::Cause);
        is_of_cause && executed.shows() && shown.is_unfocused()
    };
    pairs.filter(is_unfocused).count()
}

/// A pointer, and the clearest change that it shows at a place; none of a pointer that is taken for granted.
pub(super) type Ground<'a> = (&'a Executed, Option<(&'a Feature, &'a Change)>);

/// The first pointer of the cause that shows something at the component that the write-up names, or at the calls to it.
pub(super) fn ground<'a>(
    pointers: &'a [Executed],
    component: Option<Component>,
) -> Option<Ground<'a>> {
    let places = places(component?);
    let is_there = |change: &Change| match &places {
        Some(places) => change
            .services
            .iter()
            .any(|one| places.contains(&one.as_str())),
        None => !change.services.is_empty(),
    };
    let shown = |executed: &'a Executed| {
        let clear = executed.effect()?.clear();
        let there = clear.filter(|(_, change)| is_there(change));
        there.max_by(|one, other| one.1.strength.total_cmp(&other.1.strength))
    };
    of(pointers, Field::Cause).find_map(|executed| {
        let found = shown(executed);
        (found.is_some() || executed.is_granted()).then_some((executed, found))
    })
}

/// The pointer that excludes most rivals by what it shows, for a picture.
pub(super) fn comparison(case: &Case) -> Option<Comparison> {
    let excludes = |one: &Shown| {
        let rows = case
            .rows
            .iter()
            .filter_map(|row| match &row.outcome.standing {
                Standing::Excluded { by } => {
                    by.iter().find(|by| by.field == one.field && by.is_here)
                }
                _ => None,
            });
        rows.collect::<Vec<_>>()
    };
    let mut best: Option<(usize, Vec<_>)> = None;
    for (index, one) in case.shown.iter().enumerate() {
        let found = excludes(one);
        let is_better = best
            .as_ref()
            .is_none_or(|(_, known)| found.len() > known.len());
        if is_better && !found.is_empty() {
            best = Some((index, found));
        }
    }
    let (index, found) = best?;
    let (one, feature) = (&case.shown[index], &found.first()?.feature);
    let probe = case.pointers[index].finding()?.probe.as_ref();
    let size = |effect: &crate::effect::Effect| effect.changes.get(feature).map(|one| one.size);
    Some(Comparison {
        field: one.field.clone(),
        pointer: case.pointers[index].text.clone(),
        feature: feature.clone(),
        unit: probe.map_or(Unit::default(), |probe| Unit::of(probe, feature)),
        here: size(one.here.as_ref()?)?,
        there: one
            .there
            .iter()
            .map(|there| there.as_ref().ok().and_then(size))
            .collect(),
    })
}
