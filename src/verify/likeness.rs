//! Whether a fresh run shows what the drill's reference shows, in every step of the debrief and every signature, and what the
//! debrief says of the evidence that misled.

use grader::effect::{CLEAR, Change, Effect, Feature};
use grader::reference::{Probe, Reference};
use scenario::{Scenario, references};

/// So many differences of one run are chance: it was held on a machine that did something else besides.
const CHANCE: usize = 1;

/// What of the drill's own evidence shows otherwise than in its reference, or than its debrief says; a sentence each.
pub(super) fn differences(
    scenario: &Scenario,
    known: &Reference,
    fresh: &Reference,
) -> Vec<String> {
    let evidence = references::evidence(scenario, known.baseline.length_s());
    let differences = evidence.iter().filter_map(|(pointer, probe)| {
        let why = difference(probe, known, fresh)?;
        Some(format!("`{pointer}` {why}"))
    });
    differences
        .chain(references::untrue(scenario, fresh))
        .collect()
}

/// What is not as it should be: more differences than chance has.
pub(super) fn problem(differences: &[String]) -> Option<String> {
    (differences.len() > CHANCE).then(|| {
        format!(
            "it does not show what its reference or its debrief says: {}",
            differences.join("; ")
        )
    })
}

fn difference(probe: &Probe, known: &Reference, fresh: &Reference) -> Option<String> {
    if let Probe::Heap(service) = probe
        && !fresh.heaps.contains_key(service)
    {
        return None;
    }
    let effect = |reference: &Reference| probe.shown(reference).unwrap_or_default();
    let (before, now) = (effect(known), effect(fresh));
    let longer = known.incident.length_s() / fresh.incident.length_s().max(1.0);
    match main(probe, known, &before) {
        Some((feature, change)) if now.resembles(feature, change, longer) => None,
        Some((feature, change)) => Some(format!(
            "shows no change of {} like {}",
            feature.name, change.what
        )),
        None => {
            let mut new = now.clear().filter(|(feature, change)| {
                change.strength >= 2.0 * CLEAR && !before.changes.contains_key(feature)
            });
            let (feature, change) = new.next()?;
            Some(format!("shows {}: {}", feature.name, change.what))
        }
    }
}

/// What a probe shows above all: of traces, what most of them have.
fn main<'e>(
    probe: &Probe,
    known: &Reference,
    effect: &'e Effect,
) -> Option<(&'e Feature, &'e Change)> {
    let Probe::Trace(operation) = probe else {
        return effect.strongest();
    };
    let traits = &known.operations.get(operation)?.traits;
    let most = traits
        .iter()
        .max_by(|one, other| one.share.total_cmp(&other.share))?;
    let is_it =
        |feature: &Feature| feature.name == most.name && feature.direction == most.direction;
    effect.clear().find(|(feature, _)| is_it(feature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_difference_is_chance_and_two_are_a_problem() {
        let differences = ["`up` shows x".to_owned(), "`log:x` shows y".to_owned()];
        assert_eq!(problem(&differences[..1]), None);
        let told = "it does not show what its reference or its debrief says: `up` shows x; `log:x` shows y";
        assert_eq!(problem(&differences).as_deref(), Some(told));
    }

    #[test]
    fn a_recording_is_like_itself_and_unlike_every_other() {
        for one in references::candidates()
            .iter()
            .filter(|one| !one.is_control)
        {
            let scenario = scenario::catalogue::load(&one.id).expect("a drill");
            let known = one.reference.as_ref().expect("a reference");
            assert_eq!(differences(&scenario, known, known), Vec::<String>::new());
            for other in references::candidates()
                .iter()
                .filter(|other| other.id != one.id)
            {
                let fresh = other.reference.as_ref().expect("a reference");
                let found = differences(&scenario, known, fresh);
                assert!(!found.is_empty(), "{} and {}", one.id, other.id);
            }
        }
    }
}
