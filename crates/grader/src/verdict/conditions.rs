//! What must be met whatever the points are: guessing, or evidence for something else, does not pass.

use super::cause::{Nearness, nearness};
use super::{Case, Condition, of, settled};
use crate::differential::Standing;
use crate::lineup::Row;
use crate::pointer::Executed;
use crate::rubric::Role;
use crate::vocabulary::Component;
use crate::writeup::Field;
use text::format::counted;

/// The requirement that an incident is reported where there was one.
pub const CLAIM: &str = "incident or not";
/// The requirement on the cause.
pub const CAUSE: &str = "root cause is right";
/// The requirement on the evidence where something was wrong.
pub const OTHERS: &str = "other causes are excluded";
/// The requirement on the evidence where nothing was wrong.
pub const CONTROL: &str = "incidents are excluded";

pub(super) fn all(case: &Case) -> Vec<Condition> {
    match case.rubric.control {
        true => vec![claim(case), exclusion(case)],
        false => {
            let component = case.writeup.cause.component;
            let ground = grounded(case.pointers, component);
            vec![claim(case), cause(case), ground, exclusion(case)]
        }
    }
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
    condition(CLAIM, case.says_incident() == Some(truth), why)
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
        Some(Nearness::Unknown) => "You say that the cause is not known.",
        Some(Nearness::Link(link)) if link.role == Role::Near => {
            "Your cause is close, but it is not the root cause."
        }
        Some(Nearness::Link(_)) => "Your cause is part of the causal chain, but not its root.",
        Some(Nearness::ComponentOnly) => "The component is right; the mechanism is not.",
        Some(Nearness::MechanismOnly) => "The mechanism is right; the component is not.",
        Some(Nearness::Wrong) | None => "Your cause is wrong.",
    };
    condition(CAUSE, nearness == Some(Nearness::Right), why)
}

/// The requirement that the cause's evidence shows something at the component that the write-up names, or at the calls to it.
pub fn grounded(pointers: &[Executed], component: Option<Component>) -> Condition {
    let ground = settled::ground(pointers, component);
    let place = component.map_or("the component that you name", |component| {
        component.as_str()
    });
    let telling = of(pointers, Field::Cause).filter(|one| one.shows()).count();
    let why = match (ground, of(pointers, Field::Cause).count(), telling) {
        (Some(pointer), _, _) => shows(pointer, place),
        (None, 0, _) => "The cause has no evidence.".to_owned(),
        (None, 1, 0) => format!(
            "The cause's only pointer shows no difference from the baseline: {}",
            why_not(pointers)
        ),
        (None, many, 0) => format!(
            "None of the cause's {many} pointers shows a difference from the baseline. The first: {}",
            why_not(pointers)
        ),
        (None, _, some) => format!(
            "{} of the cause {} a difference from the baseline, but none at {place} or at the calls to it.",
            counted(some as u64, "pointer"),
            if some == 1 { "shows" } else { "show" }
        ),
    };
    condition("evidence is at the cause", ground.is_some(), why)
}

/// Why the first pointer of the cause shows nothing.
fn why_not(pointers: &[Executed]) -> String {
    let Some(pointer) = of(pointers, Field::Cause).next() else {
        return "there is none.".to_owned();
    };
    let why = match pointer.finding() {
        Some(finding) if finding.value_holds == Some(false) => {
            format!("the claimed value is wrong: {}", finding.what)
        }
        Some(finding) => match &finding.effect.refused {
            Some(why) => why.clone(),
            None => format!("it was like that before ({})", finding.what),
        },
        None => pointer.sentence(),
    };
    let why = why.trim_end_matches('.');
    format!("`{}`: {why}.", crate::evidence::shorten(&pointer.text, 80))
}

fn shows((pointer, change): settled::Ground<'_>, place: &str) -> String {
    let text = crate::evidence::shorten(&pointer.text, 80);
    match change {
        Some((feature, change)) => {
            let what = change.what.trim_end_matches('.');
            format!("`{text}` shows it at {place}: {} ({what}).", feature.name)
        }
        None => format!("`{text}` could not be looked up."),
    }
}

fn exclusion(case: &Case) -> Condition {
    let name = match case.rubric.control {
        true => CONTROL,
        false => OTHERS,
    };
    let titles = |is: fn(&Row) -> bool| -> Vec<&str> {
        let rows = case.rows.iter().filter(|row| is(row));
        rows.map(|row| row.title.as_str()).collect()
    };
    let standing = titles(|row| row.outcome.stands());
    let unchecked = titles(|row| matches!(row.outcome.standing, Standing::Unchecked { .. }));
    let (all, page) = (case.rows.len(), case.lineup.page());
    let mut why = match (standing.as_slice(), all) {
        (_, 0) => "No other drill is known that could be meant.".to_owned(),
        ([], all) => format!(
            "Your evidence excludes all {} that `{page}` could mean as well.",
            counted(all as u64, "cause")
        ),
        (some, all) if some.len() == all => format!(
            "What you show would look the same in all {} that `{page}` could mean as well.",
            counted(all as u64, "cause")
        ),
        (some, all) => format!(
            "What you show would look the same in {} of {all} others: {}.",
            some.len(),
            some.join("; ")
        ),
    };
    let unfocused = settled::unfocused(case);
    if unfocused > 0 && !standing.is_empty() {
        why += &format!(
            " {} of the cause {} mostly changes of other components, or what the page says already; such a pointer excludes nothing.",
            counted(unfocused as u64, "pointer"),
            if unfocused == 1 { "shows" } else { "show" },
        );
    }
    if !unchecked.is_empty() {
        why += &format!(
            " {} could not be checked and {} not count against you: {}.",
            unchecked.len(),
            if unchecked.len() == 1 { "does" } else { "do" },
            unchecked.join("; ")
        );
    }
    condition(name, settled::is_settled(case), why)
}
