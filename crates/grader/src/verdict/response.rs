//! Trigger and mitigation: what set it off, and what was done about it on the live system.

use super::{Action, Answer, Case, Item};
use crate::moment::clock_text;
use crate::pointer::Detail;
use crate::rubric;
use crate::vocabulary::TriggerKind;
use crate::writeup::Field;
use text::format::number;

pub(super) fn trigger(case: &Case) -> Item {
    let weight = case.rubric.weights.trigger;
    let said = &case.writeup.trigger;
    let Some(truth) = &case.rubric.trigger else {
        let is_clean =
            said.kind.is_none_or(|kind| kind == TriggerKind::None) && said.deploy.is_none();
        let why = match is_clean {
            true => "There was no trigger, and you name none.",
            false => "You name a trigger, but there was none.",
        };
        return Item::graded("trigger", f64::from(u8::from(is_clean)), weight, why);
    };
    let kind_is_right = said.kind.is_some_and(|kind| truth.kinds.contains(&kind));
    let pointed = case
        .of(Field::Trigger)
        .filter_map(|pointer| match &pointer.finding()?.detail {
            Detail::Deploy(deploy) => Some(deploy.id.clone()),
            _ => None,
        });
    let named: Vec<String> = said.deploy.iter().cloned().chain(pointed).collect();
    let backed = case.of(Field::Trigger).any(|pointer| pointer.resolves());
    let is_bare = case.of(Field::Trigger).next().is_none();
    let right = named
        .iter()
        .filter(|id| {
            truth
                .deploy
                .as_ref()
                .is_some_and(|pattern| like(pattern, id))
        })
        .count();
    let (deploy_share, deploy_why) = match (&truth.deploy, right, named.len() - right) {
        (None, ..) => (f64::from(u8::from(kind_is_right)), ""),
        (Some(_), 0, 0) => (0.0, "; no deploy is named"),
        (Some(_), 0, _) => (0.0, "; the deploy is wrong"),
        (Some(_), _, 0) if kind_is_right => (1.0, ", and so is the deploy"),
        (Some(_), _, 0) => (1.0, "; the deploy is right"),
        (Some(_), ..) => (
            0.5,
            "; the deploy is among those that you name, and one would do",
        ),
    };
    let share = 0.3 * f64::from(u8::from(kind_is_right))
        + 0.5 * deploy_share
        + 0.2 * f64::from(u8::from(backed && deploy_share > 0.0));
    let kind = match (said.kind, kind_is_right) {
        (None, _) => "No kind of trigger is named",
        (_, true) => "The kind is right",
        (_, false) => "The kind is wrong",
    };
    let evidence = match (backed, is_bare) {
        (true, _) => "",
        (false, true) => " No evidence is given for it.",
        (false, false) => " No evidence for it resolves.",
    };
    let hint = (deploy_share < 1.0).then(|| "compare the start of the symptom with the deploy log: what changed shortly before, and where?".to_owned());
    Item::graded(
        "trigger",
        share,
        weight,
        format!("{kind}{deploy_why}.{evidence}"),
    )
    .hint(hint)
}

/// Whether `id` fits `pattern`, in which `*` stands for anything.
pub(super) fn like(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((head, rest)) => id.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len())
                .filter(|at| tail.is_char_boundary(*at))
                .any(|at| like(rest, &tail[at..]))
        }),
    }
}

pub(super) fn mitigation(case: &Case) -> Item {
    let weight = case.rubric.weights.mitigation;
    let Some(wanted) = &case.rubric.mitigation else {
        let (share, why) = left_alone(case);
        return Item::graded("mitigation", share, weight, why);
    };
    let measured = case.facts.mitigation.clone().unwrap_or_default();
    if let Some(problem) = &measured.problem {
        return Item::unchecked(
            "mitigation",
            &format!("The indicator could not be measured ({problem}); not counted."),
        );
    }
    let Some(value) = measured.value else {
        return Item::unchecked("mitigation", "The indicator was not measured; not counted.");
    };
    let limit = wanted.below.map(|limit| format!("below {}", number(limit)));
    let limit = limit
        .or_else(|| wanted.above.map(|limit| format!("above {}", number(limit))))
        .unwrap_or_default();
    let (value, well_for_s) = (number(value), measured.well_for_s);
    let state = match measured.is_settled {
        true => format!("The indicator is {value} and has been {limit} for {well_for_s:.0} s."),
        false => format!(
            "The indicator is {value}; it must be {limit} for {} s and has been for {well_for_s:.0} s.",
            wanted.settle_s
        ),
    };
    let (share, why, hint) = judge(case, wanted, measured.is_settled);
    let did_nothing = case.facts.actions.is_empty() && says_nothing(case);
    let recorded = reported(case) || did_nothing;
    let share = share * if recorded || share == 0.0 { 1.0 } else { 0.8 };
    let report = if recorded {
        ""
    } else {
        " The write-up does not name a recorded action."
    };
    Item::graded(
        "mitigation",
        share,
        weight,
        format!("{why} {state}{report}"),
    )
    .hint(hint)
}

/// Where nothing was wrong nothing is to be done: the share of the points, and why.
fn left_alone(case: &Case) -> (f64, String) {
    let changes: Vec<&Action> = case
        .facts
        .actions
        .iter()
        .filter(|action| is_change(action))
        .collect();
    match changes.as_slice() {
        [] if says_nothing(case) => (1.0, "No action was needed, and you took none.".to_owned()),
        [] => (
            0.5,
            "No action was needed or taken, but the write-up names one.".to_owned(),
        ),
        [first, ..] => (
            0.3,
            format!(
                "No action was needed, but you ran `{}` at {}.",
                first.what,
                clock_text(first.at)
            ),
        ),
    }
}

/// What one needless change costs, of all points for the mitigation.
const NEEDLESS: f64 = 0.2;

/// Judged by what the actions did: the indicator came back after the last of them, or did not.
fn judge(case: &Case, wanted: &rubric::Mitigation, is_settled: bool) -> Answer {
    let changes = || case.facts.actions.iter().filter(|action| is_change(action));
    let is_in =
        |list: &[String], action: &Action| list.iter().any(|known| covers(known, &action.what));
    let bought = changes()
        .rev()
        .find(|action| is_in(&wanted.buys_time, action));
    let accepted = changes().rev().find(|action| is_in(&wanted.accept, action));
    let at = |action: &Action| format!("`{}` at {}", action.what, clock_text(action.at));
    let hint = |text: &str| Some(text.to_owned());
    let (share, why, hint) = match (ending(case), accepted, bought) {
        (Some(action), ..) if is_in(&wanted.accept, action) => {
            (1.0, format!("{} ended it.", at(action)), None)
        }
        (Some(action), ..) if is_in(&wanted.buys_time, action) => (
            0.3,
            format!("{} only buys time: the symptom comes back.", at(action)),
            hint("what would remove the cause instead of the symptom?"),
        ),
        (Some(action), ..) => (
            0.6,
            format!(
                "After {} the indicator came back, but the cause is still there.",
                at(action)
            ),
            hint("what would remove the cause?"),
        ),
        (None, Some(action), _) if !is_settled => (
            0.4,
            format!(
                "{} may be right, but the system has not been healthy for long enough.",
                at(action)
            ),
            hint("wait until the indicator has settled, then submit"),
        ),
        (None, _, Some(action)) => (
            0.3,
            format!("{} only buys time: the symptom comes back.", at(action)),
            hint("what would remove the cause instead of the symptom?"),
        ),
        (None, ..) if is_settled => (
            0.3,
            "The system is healthy again, but none of your actions explains it.".to_owned(),
            None,
        ),
        (None, ..) => (
            0.0,
            "No recorded action ended it.".to_owned(),
            hint("act on the running system before you submit"),
        ),
    };
    let needless: Vec<&Action> = changes()
        .filter(|action| !is_in(&wanted.accept, action) && !is_in(&wanted.buys_time, action))
        .filter(|action| ending(case).is_none_or(|ending| *action != ending))
        .collect();
    match needless.as_slice() {
        [] => (share, why, hint),
        [first, ..] => (
            (share - NEEDLESS * needless.len() as f64).max(0.0),
            format!("{why} {} had nothing to do with it.", at(first)),
            hint,
        ),
    }
}

/// An indicator that comes back later than this after an action came back for another reason.
const SOON: time::Duration = time::Duration::seconds(90);

/// The action that ended it, if the indicator came back: an accepted one, else the last one before that.
pub(super) fn ending<'a>(case: &Case<'a>) -> Option<&'a Action> {
    let wanted = case.rubric.mitigation.as_ref()?;
    let measured = case.facts.mitigation.as_ref()?;
    let recovered = case.facts.frame.ended - time::Duration::seconds_f64(measured.well_for_s);
    let changes = || {
        case.facts
            .actions
            .iter()
            .rev()
            .filter(|action| is_change(action))
    };
    let is_accepted = |action: &&Action| {
        let mut accepted = wanted.accept.iter();
        accepted.any(|known| covers(known, &action.what))
    };
    let last = || changes().find(|action| (action.at..action.at + SOON).contains(&recovered));
    // An incident in waves may be well for a moment when it is ended.
    let ended = changes().find(is_accepted).or_else(last);
    ended.filter(|_| measured.is_settled)
}

/// Whether the write-up says that nothing was done.
fn says_nothing(case: &Case) -> bool {
    let said = case.writeup.mitigation.action.trim();
    said.is_empty() || said.eq_ignore_ascii_case("none")
}

/// Whether the write-up names something that is on record.
fn reported(case: &Case) -> bool {
    let said = case.writeup.mitigation.action.trim();
    !said.is_empty()
        && case
            .facts
            .actions
            .iter()
            .any(|action| same(said, &action.what) || same(&action.what, said))
}

/// Whether an action is one that a rubric means: its first word is the rubric's, and the others are among the rest in their
/// order; `*` stands for anything in a word. `config set gateway pages.*` covers `config set gateway limiter.burst=1 pages.ttl_ms=5`.
fn covers(meant: &str, done: &str) -> bool {
    let mut done = done.split_whitespace();
    let mut meant = meant.split_whitespace();
    let first = meant.next().zip(done.next());
    first.is_some_and(|(meant, done)| like(meant, done))
        && meant.all(|meant| done.any(|done| like(meant, done)))
}

/// `known` is `done`, or the begin of it: `rollback inventory` covers `rollback inventory 2026.11.3`.
fn same(known: &str, done: &str) -> bool {
    let known: Vec<String> = known.split_whitespace().map(str::to_lowercase).collect();
    let done: Vec<String> = done.split_whitespace().map(str::to_lowercase).collect();
    let known = known
        .strip_prefix(&["firedrill".to_owned()])
        .unwrap_or(&known);
    let done = done
        .strip_prefix(&["firedrill".to_owned()])
        .unwrap_or(&done);
    !known.is_empty() && done.starts_with(known)
}

fn is_change(action: &Action) -> bool {
    let verb = action
        .what
        .split_whitespace()
        .find(|word| *word != "firedrill");
    matches!(
        verb,
        Some("rollback" | "restart" | "deploy" | "config" | "scale" | "flush" | "outbox")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rubric_means_actions_by_their_words() {
        for (meant, done, expected) in [
            ("rollback inventory", "rollback inventory", true),
            ("rollback inventory", "rollback checkout", false),
            (
                "deploy checkout 2026.11.4",
                "deploy checkout 2026.11.4",
                true,
            ),
            (
                "deploy checkout 2026.11.4",
                "deploy checkout 2026.11.40",
                false,
            ),
            (
                "config set gateway pages.*",
                "config set gateway limiter.burst=1 pages.ttl_ms=5",
                true,
            ),
            (
                "config set gateway pages.*",
                "config set gateway limiter.burst=1",
                false,
            ),
            (
                "config set gateway pages.*",
                "config unset gateway pages.ttl_ms",
                false,
            ),
            (
                "config set checkout hold_policy=none",
                "config set checkout hold_policy=held",
                false,
            ),
            ("outbox skip", "outbox skip", true),
            ("outbox skip", "outbox", false),
            ("", "restart gateway", false),
        ] {
            assert_eq!(covers(meant, done), expected, "{meant} / {done}");
        }
    }

    #[test]
    fn patterns_and_actions_match_by_their_begin() {
        assert!(like("inventory@2026.11.4", "inventory@2026.11.4"));
        assert!(like("inventory@*", "inventory@2026.11.4"));
        assert!(like("*@2026.11.4", "inventory@2026.11.4"));
        assert!(!like("inventory@*", "checkout@2026.11.4"));
        assert!(!like("inventory@2026.11.4", "inventory@2026.11.40"));
        assert!(same("rollback inventory", "rollback inventory 2026.11.3"));
        assert!(same("firedrill rollback inventory", "rollback inventory"));
        assert!(!same("rollback inventory", "rollback"));
        assert!(!same("", "rollback inventory"));
    }
}
