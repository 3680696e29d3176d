use super::*;
use crate::effect::Direction;

/// `name size strength` for each change, `-name` for one that goes down.
fn effect(changes: &[(&str, f64, f64)]) -> Effect {
    let mut effect = Effect::default();
    for (name, size, strength) in changes {
        let (direction, name) = match name.strip_prefix('-') {
            Some(name) => (Direction::Down, name),
            None => (Direction::Up, *name),
        };
        let change = Change {
            size: *size,
            strength: *strength,
            services: ["checkout".to_owned()].into(),
            what: format!("{size}"),
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
    let wait = &[("wait", 2.0, 5.0)][..];
    for (name, claim, here, own, there, expected) in [
        ("only here", Claim::Present, wait, wait, &[][..], true),
        ("here and there", Claim::Present, wait, wait, wait, false),
        (
            "a tenth there",
            Claim::Present,
            wait,
            wait,
            &[("wait", 0.1, 5.0)],
            true,
        ),
        (
            "faint there",
            Claim::Present,
            wait,
            wait,
            &[("wait", 1.0, 0.6)],
            false,
        ),
        (
            "the other way there",
            Claim::Present,
            wait,
            wait,
            &[("-wait", 2.0, 5.0)],
            true,
        ),
        (
            "faint here",
            Claim::Present,
            &[("wait", 2.0, 0.9)],
            wait,
            &[],
            false,
        ),
        (
            "not in its own reference",
            Claim::Present,
            wait,
            &[],
            &[],
            false,
        ),
        ("nothing anywhere", Claim::Present, &[], &[], &[], false),
        ("only there", Claim::Present, &[], &[], wait, false),
        ("absent here", Claim::Absent, &[], &[], wait, true),
        (
            "faint here, so not absent",
            Claim::Absent,
            &[("wait", 2.0, 0.6)],
            &[],
            wait,
            false,
        ),
        (
            "weak there",
            Claim::Absent,
            &[],
            &[],
            &[("wait", 2.0, 1.5)],
            false,
        ),
        (
            "its own reference has it",
            Claim::Absent,
            &[],
            wait,
            wait,
            false,
        ),
        (
            "present does not make absent",
            Claim::Absent,
            wait,
            wait,
            &[],
            false,
        ),
        ("either way", Claim::Either, &[], &[], wait, true),
    ] {
        let found = excludes(
            claim,
            &effect(here),
            Some(&effect(own)),
            &effect(there),
            ALIKE,
        );
        assert_eq!(found.is_some(), expected, "{name}: {found:?}");
    }
}

#[test]
fn what_grows_with_time_is_compared_at_the_same_age() {
    let (here, there) = (
        effect(&[("heap", 40.0, 9.0)]),
        effect(&[("heap", 2.0, 9.0)]),
    );
    let at = |here_s, there_s| {
        let lengths = Lengths { here_s, there_s };
        excludes(Claim::Present, &here, None, &there, lengths).is_some()
    };
    assert!(at(30.0, 30.0), "twenty times as much in the same time");
    assert!(!at(300.0, 30.0), "no more than ten times the time explains");
}

#[test]
fn a_pointer_that_can_show_nothing_rules_nothing_out() {
    let there = effect(&[("wait", 2.0, 5.0)]);
    let refused = Effect::refused("`up` says nothing");
    assert_eq!(excludes(Claim::Absent, &refused, None, &there, ALIKE), None);
}

fn shown(field: &str, here: &[(&str, f64, f64)], there: Vec<There>) -> Shown {
    Shown {
        field: field.to_owned(),
        here: Some(effect(here)),
        own: None,
        there,
    }
}

#[test]
fn pointers_exclude_together() {
    let a = &[("a", 1.0, 5.0)][..];
    let b = &[("b", 1.0, 5.0)][..];
    let none = || Ok(effect(&[]));
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
    let a = &[("a", 1.0, 5.0)][..];
    let damaged = || Err("its reference is damaged".to_owned());
    let pointers = [shown("cause.evidence[0]", a, vec![damaged()])];
    let claims: Vec<(Claim, &Shown)> = pointers.iter().map(|one| (Claim::Present, one)).collect();
    let outcome = judge("rival", 0, &claims, ALIKE);
    assert!(!outcome.is_excluded() && !outcome.stands(), "{outcome:?}");
}
