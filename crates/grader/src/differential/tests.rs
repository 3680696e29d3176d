use super::*;
use crate::effect::Direction;

/// `NAME SIZE STRENGTH` for each change, separated by commas; `-NAME` for one that goes down.
fn effect(changes: &str) -> Effect {
    let mut effect = Effect::default();
    for change in changes.split(',').filter(|change| !change.is_empty()) {
        let words: Vec<&str> = change.split_whitespace().collect();
        let number = |at: usize| words[at].parse().expect("a number");
        let (direction, name) = match words[0].strip_prefix('-') {
            Some(name) => (Direction::Down, name),
            None => (Direction::Up, words[0]),
        };
        let change = Change {
            size: number(1),
            strength: number(2),
            services: ["checkout".to_owned()].into(),
            what: words[1].to_owned(),
            ..Change::default()
        };
        effect.add(name, direction, change);
    }
    effect
}

const ALIKE: Lengths = Lengths {
    here_s: 30.0,
    there_s: 30.0,
};

#[test]
fn a_pointer_excludes_by_what_one_side_has_and_the_other_has_not() {
    use Claim::{Absent, Either, Present};
    let wait = "wait 2 5";
    // What is claimed; the effect here, in the drill's own reference and in the rival's; whether the rival is excluded.
    for (name, claim, here, own, there, expected) in [
        ("only here", Present, wait, wait, "", true),
        ("here and there", Present, wait, wait, wait, false),
        ("a quarter there", Present, wait, wait, "wait 0.5 5", true),
        ("half there", Present, wait, wait, "wait 1 5", false),
        ("faint there", Present, wait, wait, "wait 1 0.6", false),
        ("reversed there", Present, wait, wait, "-wait 2 5", true),
        ("faint here", Present, "wait 2 0.9", wait, "", false),
        (
            "not in its own reference",
            Present,
            "wait 2 2.9",
            "",
            "",
            false,
        ),
        ("too strong to be chance", Present, "wait 2 3", "", "", true),
        ("nothing anywhere", Present, "", "", "", false),
        ("only there", Present, "", "", wait, false),
        ("absent here", Absent, "", "", wait, true),
        (
            "faint here, so present",
            Absent,
            "wait 2 0.6",
            "",
            wait,
            false,
        ),
        ("weak there", Absent, "", "", "wait 2 1.5", false),
        ("in its own reference", Absent, "", wait, wait, false),
        ("present, so not absent", Absent, wait, wait, "", false),
        ("either way", Either, "", "", wait, true),
    ] {
        let shown = Shown {
            own: Some(effect(own)),
            ..Shown::here(name, Some(effect(here)))
        };
        let found = excludes(claim, &shown, &effect(there), ALIKE);
        assert_eq!(found.is_some(), expected, "{name}: {found:?}");
    }
}

/// Of a hundred traces one is slow by chance, however slow it is.
#[test]
fn one_of_many_may_be_an_accident_however_strong_it_is() {
    let wait = Shown {
        own: Some(Effect::default()),
        is_one_of_many: true,
        ..Shown::here("a trace", Some(effect("wait 2 9")))
    };
    assert_eq!(
        excludes(Claim::Present, &wait, &Effect::default(), ALIKE),
        None
    );
}

#[test]
fn a_function_that_leads_the_growth_here_alone_is_another_finding() {
    for (is_growth, there, expected) in [
        (true, "requests 12 6,buffers 3 3", true),
        (true, "requests 5 6,buffers 3 3", false),
        (true, "buffers 3 3", false),
        (false, "requests 12 6,buffers 3 3", false),
    ] {
        let heap = Shown {
            is_growth,
            ..Shown::here("a heap", Some(effect("buffers 6 3")))
        };
        let found = excludes(Claim::Present, &heap, &effect(there), ALIKE);
        assert_eq!(found.is_some(), expected, "{is_growth} {there}: {found:?}");
    }
}

#[test]
fn a_dashboard_that_changes_everywhere_in_a_rival_rules_it_out_no_more() {
    let change = |name: &str, size: f64, service: &str| {
        let mut effect = Effect::default();
        let change = Change {
            size,
            strength: 5.0,
            services: [service.to_owned()].into(),
            ..Change::default()
        };
        effect.add(name, Direction::Up, change);
        effect
    };
    let both = |one: Effect, other: Effect| Effect {
        changes: one.changes.into_iter().chain(other.changes).collect(),
        refused: None,
    };
    let errors = || change("errors", 9.0, "checkout");
    for (name, there, is_expression, claim, expected) in [
        ("at one service", errors(), true, Claim::Either, true),
        (
            "led by one service",
            both(errors(), change("b", 3.0, "gateway")),
            true,
            Claim::Either,
            true,
        ),
        (
            "everywhere",
            both(errors(), change("b", 9.0, "gateway")),
            true,
            Claim::Either,
            false,
        ),
        (
            "everywhere in one trace",
            both(errors(), change("b", 9.0, "gateway")),
            false,
            Claim::Either,
            true,
        ),
        (
            "everywhere, and nothing is wrong here",
            both(errors(), change("b", 9.0, "gateway")),
            true,
            Claim::Absent,
            true,
        ),
    ] {
        let shown = Shown {
            is_expression,
            ..Shown::here(name, Some(Effect::default()))
        };
        let found = excludes(claim, &shown, &there, ALIKE);
        assert_eq!(found.is_some(), expected, "{name}");
    }
}

#[test]
fn what_grows_with_time_is_compared_at_the_same_age() {
    let (here, there) = (effect("heap 40 9"), effect("heap 2 9"));
    let here = Shown::here("heap", Some(here));
    let at = |here_s, there_s| {
        let lengths = Lengths { here_s, there_s };
        excludes(Claim::Present, &here, &there, lengths).is_some()
    };
    assert!(at(30.0, 30.0), "twenty times as much in the same time");
    assert!(!at(300.0, 30.0), "no more than ten times the time explains");
}

#[test]
fn a_pointer_that_can_show_nothing_rules_nothing_out() {
    let there = effect("wait 2 5");
    let refused = Effect::refused("`up` says nothing");
    let refused = Shown::here("up", Some(refused));
    assert_eq!(excludes(Claim::Absent, &refused, &there, ALIKE), None);
}

fn shown(field: &str, here: &str, there: Vec<There>) -> Shown {
    Shown {
        there,
        ..Shown::here(field, Some(effect(here)))
    }
}

#[test]
fn pointers_exclude_together() {
    let a = "a 1 5";
    let b = "b 1 5";
    let none = || Ok(effect(""));
    let pointers = [
        shown(
            "cause.evidence[0]",
            a,
            vec![none(), Ok(effect(a)), Ok(effect(a))],
        ),
        shown("cause.evidence[1]", b, vec![none(), none(), Ok(effect(b))]),
    ];
    let claims: Vec<(Claim, &Shown)> = pointers.iter().map(|one| (Claim::Present, one)).collect();
    let outcome = |index| judge("rival", index, &claims, ALIKE);
    let fields = |outcome: Outcome| match outcome.standing {
        Standing::Excluded { by } => by.into_iter().map(|one| one.field).collect(),
        _ => Vec::new(),
    };
    assert_eq!(
        fields(outcome(0)),
        ["cause.evidence[0]", "cause.evidence[1]"]
    );
    assert_eq!(fields(outcome(1)), ["cause.evidence[1]"]);
    assert!(outcome(2).stands());
}

#[test]
fn a_rival_without_a_reference_is_unchecked_and_neither_excluded_nor_standing() {
    let a = "a 1 5";
    let damaged = || Err("its reference is damaged".to_owned());
    let pointers = [shown("cause.evidence[0]", a, vec![damaged()])];
    let claims: Vec<(Claim, &Shown)> = pointers.iter().map(|one| (Claim::Present, one)).collect();
    let outcome = judge("rival", 0, &claims, ALIKE);
    assert!(!outcome.is_excluded() && !outcome.stands(), "{outcome:?}");
}
