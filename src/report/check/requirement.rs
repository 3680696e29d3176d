//! The requirements of a verdict, as far as a responder can know them: what is said, and what the evidence shows. Whether
//! it is right, only the verdict tells.

use grader::pointer::Executed;
use grader::verdict::{CAUSE, CLAIM, CONTROL, Condition, OTHERS, grounded};
use grader::writeup::{Claim, Field};
use grader::{Component, Mechanism, WriteUp};

use super::Alike;

/// Every requirement that the verdict will have if what the write-up says is right.
pub(super) fn all(
    writeup: &WriteUp,
    pointers: &[Executed],
    diagnosis: Option<Alike>,
) -> Vec<Condition> {
    let claim = match writeup.verdict {
        None => unmet(CLAIM, "`verdict` is missing: `incident` or `no incident`."),
        Some(Claim::Incident) => open(CLAIM, "You report an incident."),
        Some(Claim::NoIncident) => {
            let why = "You report that there was no incident.";
            return vec![open(CLAIM, why), incidents(diagnosis)];
        }
    };
    let ground = grounded(pointers, writeup.cause.component);
    let rules_out = pointers.iter().any(|pointer| {
        let field = pointer.field.map(|at| at.field);
        matches!(field, Some(Field::RuledOut(_))) && pointer.resolves()
    });
    vec![claim, cause(writeup), ground, others(diagnosis, rules_out)]
}

fn cause(writeup: &WriteUp) -> Condition {
    let cause = &writeup.cause;
    match (cause.component, cause.mechanism) {
        (None, None) => unmet(CAUSE, "`component` and `mechanism` are missing."),
        (None, _) => unmet(CAUSE, "`component` is missing."),
        (_, None) => unmet(CAUSE, "`mechanism` is missing."),
        (Some(Component::Unknown), _) | (_, Some(Mechanism::Unknown)) => {
            unmet(CAUSE, "You say that the cause is not known.")
        }
        (Some(component), Some(mechanism)) => {
            let said = format!("You say {}, {}.", component.as_str(), mechanism.as_str());
            open(CAUSE, said)
        }
    }
}

/// Of all known drills the one that runs is one, and which one is not known here.
fn others(diagnosis: Option<Alike>, rules_out: bool) -> Condition {
    let Some(alike) = diagnosis else {
        return unmet(OTHERS, NOTHING);
    };
    let same = told(alike, "cause");
    match alike.same {
        // A run may show more than any recording: at another pace, or after more time.
        0 => met(
            OTHERS,
            format!("{same} None shows it as strongly as this run does, which is fine."),
        ),
        1 => met(
            OTHERS,
            format!("{same} Best is 1: the drill that you are in."),
        ),
        _ if rules_out => open(
            OTHERS,
            format!("{same} Best is 1; what you rule out may exclude the others."),
        ),
        _ => unmet(
            OTHERS,
            format!("{same} Best is 1: the drill that you are in."),
        ),
    }
}

fn incidents(diagnosis: Option<Alike>) -> Condition {
    let Some(alike) = diagnosis else {
        return unmet(CONTROL, NOTHING);
    };
    let same = told(alike, "cause and the hypotheses");
    let why = format!("{same} Best is 0: no known incident would look like this.");
    match alike.same {
        0 => met(CONTROL, why),
        _ => unmet(CONTROL, why),
    }
}

const NOTHING: &str = "There is no evidence yet that could be compared with the known drills.";

fn told(Alike { same, of }: Alike, what: &str) -> String {
    format!(
        "All evidence of the {what} together would look the same in {same} of {of} known drills."
    )
}

fn condition(name: &str, why: impl Into<String>, met: bool, unchecked: bool) -> Condition {
    Condition {
        name: name.to_owned(),
        met,
        unchecked,
        why: why.into(),
    }
}

fn met(name: &str, why: impl Into<String>) -> Condition {
    condition(name, why, true, false)
}

fn unmet(name: &str, why: impl Into<String>) -> Condition {
    condition(name, why, false, false)
}

/// What only the verdict can tell.
fn open(name: &str, why: impl Into<String>) -> Condition {
    condition(name, why, false, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each requirement with its mark, in one line.
    fn told(head: &str, same: Option<usize>) -> String {
        let text = format!("+++\n{head}\n+++\n");
        let (writeup, _) = crate::report::draft("draft", &text).expect(head);
        let alike = same.map(|same| Alike { same, of: 6 });
        let marked = |one: Condition| match (one.met, one.unchecked) {
            (true, _) => format!("yes {}", one.name),
            (false, true) => format!("? {}", one.name),
            (false, false) => format!("no {}", one.name),
        };
        let told: Vec<String> = all(&writeup, &[], alike).into_iter().map(marked).collect();
        told.join(", ")
    }

    #[test]
    fn what_is_missing_is_not_met_and_what_is_said_is_left_to_the_verdict() {
        let ground = "no evidence is at the cause";
        for (head, same, expected) in [
            (
                "",
                None,
                format!("no {CLAIM}, no {CAUSE}, {ground}, no {OTHERS}"),
            ),
            (
                "verdict = \"incident\"\n[cause]\ncomponent = \"checkout\"",
                Some(2),
                format!("? {CLAIM}, no {CAUSE}, {ground}, no {OTHERS}"),
            ),
            (
                "verdict = \"incident\"\n[cause]\ncomponent = \"checkout\"\nmechanism = \"pool-too-small\"",
                Some(1),
                format!("? {CLAIM}, ? {CAUSE}, {ground}, yes {OTHERS}"),
            ),
            (
                "verdict = \"incident\"\n[cause]\ncomponent = \"checkout\"\nmechanism = \"unknown\"",
                Some(0),
                format!("? {CLAIM}, no {CAUSE}, {ground}, yes {OTHERS}"),
            ),
            (
                "verdict = \"no incident\"",
                Some(0),
                format!("? {CLAIM}, yes {CONTROL}"),
            ),
            (
                "verdict = \"no incident\"",
                Some(1),
                format!("? {CLAIM}, no {CONTROL}"),
            ),
        ] {
            assert_eq!(told(head, same), expected, "{head} {same:?}");
        }
    }
}
