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
        ("a tenth there", Present, wait, wait, "wait 0.1 5", true),
        ("faint there", Present, wait, wait, "wait 1 0.6", false),
        ("reversed there", Present, wait, wait, "-wait 2 5", true),
        ("faint here", Present, "wait 2 0.9", wait, "", false),
        ("not in its own reference", Present, wait, "", "", false),
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
        let (here, own, there) = (effect(here), effect(own), effect(there));
        let found = excludes(claim, &here, Some(&own), &there, ALIKE);
        assert_eq!(found.is_some(), expected, "{name}: {found:?}");
    }
}

#[test]
fn what_grows_with_time_is_compared_at_the_same_age() {
    let (here, there) = (effect("heap 40 9"), effect("heap 2 9"));
    let at = |here_s, there_s| {
        let lengths = Lengths { here_s, there_s };
        excludes(Claim::Present, &here, None, &there, lengths).is_some()
    };
    assert!(at(30.0, 30.0), "twenty times as much in the same time");
    assert!(!at(300.0, 30.0), "no more than ten times the time explains");
}

#[test]
fn a_pointer_that_can_show_nothing_rules_nothing_out() {
    let there = effect("wait 2 5");
    let refused = Effect::refused("`up` says nothing");
    assert_eq!(excludes(Claim::Absent, &refused, None, &there, ALIKE), None);
}

fn shown(field: &str, here: &str, there: Vec<There>) -> Shown {
    Shown {
        field: field.to_owned(),
        here: Some(effect(here)),
        own: None,
        there,
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
