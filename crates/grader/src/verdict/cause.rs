//! Whether the root cause is right, and how well it is shown.
//!
//! The shares are in the order in which an expert would rank the answers; a test holds the order for every drill.

use super::{Answer, Case, Item, settled};
use crate::rubric::{Cause, Equivalent, Partial, Role};
use crate::vocabulary::{Component, Mechanism};
use crate::writeup::{self, Field};

/// How near a named cause is to the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Nearness<'a> {
    /// It is the cause, or says the same.
    Right,
    /// It is another link of the causal chain.
    Link(&'a Partial),
    /// One half is right.
    ComponentOnly,
    /// One half is right.
    MechanismOnly,
    /// Neither is.
    Wrong,
    /// It is said not to be known.
    Unknown,
    /// Nothing was named.
    Unnamed,
}

pub(super) fn nearness<'a>(truth: &'a Cause, named: &writeup::Cause) -> Nearness<'a> {
    let component = named.component.filter(|c| *c != Component::Unknown);
    let mechanism = named.mechanism.filter(|m| *m != Mechanism::Unknown);
    if component.is_none() && mechanism.is_none() {
        let is_said = named.component.is_some() || named.mechanism.is_some();
        return if is_said {
            Nearness::Unknown
        } else {
            Nearness::Unnamed
        };
    }
    let says_same = |other: &Equivalent| {
        component == Some(other.component.unwrap_or(truth.component))
            && mechanism == Some(other.mechanism.unwrap_or(truth.mechanism))
    };
    let itself = Equivalent {
        component: None,
        mechanism: None,
    };
    if std::iter::once(&itself)
        .chain(&truth.equivalents)
        .any(says_same)
    {
        return Nearness::Right;
    }
    let is_link = |partial: &&Partial| {
        partial
            .component
            .is_none_or(|wanted| component == Some(wanted))
            && partial
                .mechanism
                .is_none_or(|wanted| mechanism == Some(wanted))
    };
    if let Some(link) = truth.partial.iter().find(is_link) {
        return Nearness::Link(link);
    }
    if component == Some(truth.component) {
        Nearness::ComponentOnly
    } else if mechanism == Some(truth.mechanism) {
        Nearness::MechanismOnly
    } else {
        Nearness::Wrong
    }
}

pub(super) fn item(case: &Case) -> Item {
    let weight = case.rubric.weights.cause;
    let named = &case.writeup.cause;
    let (share, why, hint) = match &case.rubric.cause {
        None => control(case),
        Some(truth) => incident(case, nearness(truth, named)),
    };
    Item::graded("root cause", share, weight, why).hint(hint)
}

fn control(case: &Case) -> Answer {
    let named = &case.writeup.cause;
    let is_clean = named.component.is_none_or(|c| c == Component::None)
        && named.mechanism.is_none_or(|m| m == Mechanism::NothingWrong);
    match (case.says_incident(), is_clean) {
        (Some(false), true) => (
            1.0,
            "You found that nothing was wrong, which is right.".to_owned(),
            None,
        ),
        (Some(false), false) => (
            0.3,
            "You report no incident but name a cause.".to_owned(),
            Some(
                "leave the cause empty, or write component `none` and mechanism `nothing-wrong`"
                    .to_owned(),
            ),
        ),
        (Some(true), _) => (
            0.0,
            "You name a cause, but nothing was wrong in this run.".to_owned(),
            None,
        ),
        (None, _) => (
            0.0,
            "`verdict` is missing: `incident` or `no incident`.".to_owned(),
            None,
        ),
    }
}

fn incident(case: &Case, nearness: Nearness<'_>) -> Answer {
    if case.says_incident() == Some(false) {
        return (
            0.0,
            "You report no incident, but there was one.".to_owned(),
            None,
        );
    }
    if nearness == Nearness::Right {
        return right(case);
    }
    let (share, what, hint) = share(nearness);
    match case.of(Field::Cause).any(|pointer| pointer.shows()) || share == 0.0 {
        true => (share, what, hint),
        false => (
            share * BARE,
            format!("{what} No evidence shows a difference from the baseline."),
            hint,
        ),
    }
}

/// What is left of the points for an answer that is not right when nothing is shown for it.
const BARE: f64 = 0.6;

fn right(case: &Case) -> Answer {
    let what = "Component and mechanism are right.";
    let say = |share, more: &str, hint: Option<&str>| {
        (share, format!("{what} {more}"), hint.map(str::to_owned))
    };
    if settled::ground(case.pointers, case.writeup.cause.component).is_none() {
        return say(
            0.5,
            "No evidence shows a difference from the baseline there, so it could be a guess.",
            Some(
                "point to something there that was different before: a slow trace, a value at a time, new log lines",
            ),
        );
    }
    match settled::is_settled(case) {
        true => say(
            1.0,
            "The evidence is there, and excludes every other cause.",
            None,
        ),
        false => say(
            0.75,
            "The evidence is there, but fits another cause as well.",
            Some(
                "what would look different if it were another cause of this page? `report check` counts those that are left",
            ),
        ),
    }
}

fn share(nearness: Nearness<'_>) -> Answer {
    let say = |share: f64, what: &str, hint: &str| (share, what.to_owned(), Some(hint.to_owned()));
    match nearness {
        Nearness::Right => (1.0, "Component and mechanism are right.".to_owned(), None),
        Nearness::Link(link) => {
            let (role, share) = match link.role {
                Role::Victim => ("That is a victim, not the cause:", 0.25),
                Role::Trigger => ("That is the trigger, not the cause:", 0.25),
                Role::Symptom => ("That is a symptom, not the cause:", 0.25),
                Role::Near => ("That is close:", 0.4),
            };
            say(
                share,
                &format!("{role} {}", link.because),
                "follow the chain one step further: why did that happen?",
            )
        }
        Nearness::ComponentOnly => say(
            0.2,
            "The component is right; the mechanism is not.",
            "you are in the right place: what exactly changed there?",
        ),
        Nearness::Unknown => say(
            0.15,
            "You say that the cause is not known, which is honest.",
            "which of the causes that are left can you exclude?",
        ),
        Nearness::MechanismOnly => say(
            0.1,
            "The mechanism is right; the component is not.",
            "follow one slow or failed trace down to the span that waits for no other span",
        ),
        Nearness::Wrong => say(
            0.03,
            "Neither component nor mechanism is right.",
            "compare a trace of an affected request with one from the baseline",
        ),
        Nearness::Unnamed => say(
            0.0,
            "No cause is named.",
            "`component` and `mechanism` take words from a fixed list; see the template",
        ),
    }
}
