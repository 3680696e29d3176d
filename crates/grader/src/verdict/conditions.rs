//! What must be met whatever the points are: guessing, or evidence for something else, does not pass.

use std::collections::BTreeSet;

use super::cause::{Nearness, nearness};
use super::{Case, Condition, clinch};
use crate::rubric::Role;
use crate::vocabulary::Kind;
use crate::writeup::Field;

pub(super) fn all(case: &Case) -> Vec<Condition> {
    let mut all = vec![claim(case)];
    if case.rubric.control {
        all.push(grounds(case));
    } else {
        all.push(cause(case));
        all.push(proof(case));
        all.push(clincher(case));
    }
    all.push(kinds(case));
    all
}

fn condition(name: &str, met: bool, why: impl Into<String>) -> Condition {
    Condition {
        name: name.to_owned(),
        met,
        unchecked: false,
        why: why.into(),
    }
}

fn claim(case: &Case) -> Condition {
    let truth = !case.rubric.control;
    let why = match (case.says_incident(), truth) {
        (None, _) => "`verdict` is missing: `incident` or `no incident`.",
        (Some(true), true) => "There was an incident, as you report.",
        (Some(false), false) => "There was no incident, as you report.",
        (Some(true), false) => "You report an incident, but nothing was wrong: a false alarm.",
        (Some(false), true) => "You report no incident, but there was one.",
    };
    condition("incident or not", case.says_incident() == Some(truth), why)
}

fn cause(case: &Case) -> Condition {
    let nearness = case
        .rubric
        .cause
        .as_ref()
        .map(|truth| nearness(truth, &case.writeup.cause));
    let why = match nearness {
        Some(Nearness::Right) => "Component and mechanism are right.",
        Some(Nearness::Unnamed) => "No cause is named.",
        Some(Nearness::Link(link)) if link.role == Role::Near => {
            "Your cause is close, but it is not the root cause."
        }
        Some(Nearness::Link(_)) => "Your cause is part of the causal chain, but not its root.",
        Some(Nearness::ComponentOnly) => "The component is right; the mechanism is not.",
        Some(Nearness::MechanismOnly) => "The mechanism is right; the component is not.",
        _ => "Your cause is wrong.",
    };
    condition(
        "root cause is right",
        nearness == Some(Nearness::Right),
        why,
    )
}

fn proof(case: &Case) -> Condition {
    let pointers = case.of(Field::Cause).count();
    let proofs = case.proofs(Field::Cause).count();
    let why = match (pointers, proofs) {
        (0, _) => "The cause has no evidence.".to_owned(),
        (1, 0) => format!(
            "The cause's only pointer proves nothing: {}",
            case.why_not(Field::Cause)
        ),
        (many, 0) => format!(
            "None of the cause's {many} pointers proves anything. The first: {}",
            case.why_not(Field::Cause)
        ),
        (many, proofs) => {
            format!("{proofs} of the cause's {many} pointers prove a difference from the baseline.")
        }
    };
    condition("root cause is proven", proofs > 0, why)
}

fn clincher(case: &Case) -> Condition {
    let met: Vec<&str> = case
        .rubric
        .clinchers
        .iter()
        .filter(|clincher| {
            case.pointers
                .iter()
                .any(|pointer| clinch::meets(pointer, clincher, &case.facts.frame))
        })
        .map(|clincher| clincher.about.as_str())
        .collect();
    let why = match met.as_slice() {
        [] => "No pointer shows the deciding signal; your evidence fits other causes as well."
            .to_owned(),
        [first, ..] => {
            let first = first.trim_end_matches('.');
            let named = &case.writeup.cause;
            let truth = case.rubric.cause.as_ref();
            let is_read = truth.is_some_and(|truth| nearness(truth, named) == Nearness::Right)
                && case.says_incident() != Some(false);
            match is_read {
                true => format!("Your evidence contains the deciding signal: {first}."),
                false => format!(
                    "Your evidence contains the deciding signal, but your conclusion contradicts it: {first}."
                ),
            }
        }
    };
    condition("evidence is decisive", !met.is_empty(), why)
}

/// In a control there is nothing to prove, but "no incident" must rest on something looked at.
fn grounds(case: &Case) -> Condition {
    let ruled_out = case
        .writeup
        .ruled_out
        .iter()
        .enumerate()
        .filter(|(index, _)| {
            case.of(Field::RuledOut(*index))
                .any(|pointer| pointer.resolves())
        });
    let count = ruled_out.count();
    let needed = case.rubric.rule_out.max(1);
    condition(
        "hypotheses ruled out",
        count >= needed,
        format!(
            "{count} {} ruled out with a pointer that resolves; {needed} required.",
            if count == 1 {
                "hypothesis is"
            } else {
                "hypotheses are"
            }
        ),
    )
}

fn kinds(case: &Case) -> Condition {
    let used: BTreeSet<Kind> = case
        .pointers
        .iter()
        .filter(|pointer| pointer.resolves())
        .filter_map(|pointer| pointer.kind)
        .collect();
    let needed = &case.rubric.evidence;
    let missing: Vec<&str> = needed
        .iter()
        .filter(|kind| !used.contains(kind))
        .map(|kind| kind.as_str())
        .collect();
    let why = match missing.as_slice() {
        [] => format!(
            "All {} required kinds of evidence have a pointer that resolves.",
            needed.len()
        ),
        missing => format!(
            "No pointer resolves for these kinds: {}.",
            missing.join(", ")
        ),
    };
    condition("required evidence", missing.is_empty(), why)
}
