//! Every plausible way to be wrong about a drill, and the right one.

mod case;
mod part;

use record::Measurement;

use super::*;
use crate::vocabulary::{Component, Mechanism, Severity, TriggerKind};
use crate::writeup;
use case::{PAGE, examined, facts, graded, item, points, right, unmet};

#[test]
fn a_right_write_up_passes_with_all_points() {
    let verdict = graded(&right(), &facts());
    assert_eq!(
        (verdict.passed, verdict.score, unmet(&verdict)),
        (true, 100, String::new()),
        "{verdict:#?}"
    );
    assert!(!verdict.incomplete);
}

/// Every sentence of the verdict is one, too.
fn does_not_pass<F: Fn(&mut WriteUp)>(name: &str, spoil: F, expected: &str) {
    let mut writeup = right();
    spoil(&mut writeup);
    let verdict = graded(&writeup, &facts());
    assert!(!verdict.passed, "{name} passes with {}", verdict.score);
    assert_eq!(unmet(&verdict), expected, "{name}");
    for text in verdict
        .items
        .iter()
        .map(|item| &item.why)
        .chain(verdict.conditions.iter().map(|c| &c.why))
    {
        let is_sentence = text.ends_with('.') && !text.ends_with("..") && text.len() > 10;
        assert!(is_sentence, "{name}: {text}");
    }
}

#[test]
fn an_empty_or_a_wrong_answer_does_not_pass() {
    let check = does_not_pass::<fn(&mut WriteUp)>;
    let everything = "incident or not, root cause is right, root cause is proven, evidence is decisive, required evidence";
    check("empty", |w| *w = WriteUp::default(), everything);
    check(
        "unknown",
        |w| {
            *w = WriteUp::default();
            w.summary = "unknown".to_owned();
            w.cause.component = Some(Component::Unknown);
            w.cause.mechanism = Some(Mechanism::Unknown);
            w.cause.evidence = vec!["unknown".to_owned()];
            w.trigger.kind = Some(TriggerKind::Unknown);
        },
        everything,
    );
    check(
        "right evidence, wrong cause",
        |w| w.cause.mechanism = Some(Mechanism::PoolTooSmall),
        "root cause is right",
    );
    check(
        "victim blamed",
        |w| w.cause.component = Some(Component::Checkout),
        "root cause is right",
    );
    check(
        "trigger as cause",
        |w| w.cause.mechanism = Some(Mechanism::DefectiveRelease),
        "root cause is right",
    );
    check(
        "no incident",
        |w| w.verdict = Some(Claim::NoIncident),
        "incident or not",
    );
}

#[test]
fn a_right_answer_without_its_proof_does_not_pass() {
    let check = does_not_pass::<fn(&mut WriteUp)>;
    check(
        "right cause, no evidence",
        |w| {
            w.cause.evidence.clear();
            w.timeline.clear();
            w.contributing.clear();
        },
        "root cause is proven, evidence is decisive, required evidence",
    );
    check(
        "true at all times",
        |w| {
            w.cause.evidence = vec!["promql:always".to_owned(), "trace:usual".to_owned()];
            w.timeline.clear();
        },
        "root cause is proven, evidence is decisive",
    );
    check(
        "another run",
        |w| {
            w.cause.evidence = vec!["trace:other".to_owned()];
            w.timeline.clear();
        },
        "root cause is proven, evidence is decisive, required evidence",
    );
    check(
        "all to one trace",
        |w| {
            let one = vec!["trace:slow".to_owned()];
            w.cause.evidence = one.clone();
            w.trigger.evidence = one.clone();
            w.contributing.clear();
            w.ruled_out.clear();
            w.timeline
                .iter_mut()
                .for_each(|event| event.evidence = one.clone());
        },
        "required evidence",
    );
    check(
        "proof of something else",
        |w| {
            w.cause.evidence = vec!["promql:p99".to_owned()];
            w.timeline
                .iter_mut()
                .for_each(|event| event.evidence = vec!["trace:usual".to_owned()]);
        },
        "evidence is decisive",
    );
}

#[test]
fn part_of_the_points_follows_the_causal_chain() {
    fn check(component: Component, mechanism: Mechanism, expected: f64) {
        let mut writeup = right();
        writeup.cause.component = Some(component);
        writeup.cause.mechanism = Some(mechanism);
        let verdict = graded(&writeup, &facts());
        assert_eq!(
            points(&verdict, "root cause"),
            expected,
            "{component} {mechanism}"
        );
    }
    check(Component::Inventory, Mechanism::MissingIndex, 30.0);
    check(Component::Checkout, Mechanism::MissingIndex, 6.0);
    check(Component::Gateway, Mechanism::DefectiveRelease, 9.0);
    check(Component::Inventory, Mechanism::PoolTooSmall, 7.5);
    check(Component::Gateway, Mechanism::MissingIndex, 7.5);
    check(Component::Gateway, Mechanism::PoolTooSmall, 0.0);
}

#[test]
fn mitigation_is_judged_by_the_live_system() {
    fn check(action: &str, settled: bool, expected: f64, why: &str) {
        let mut facts = facts();
        facts.actions = vec![Action {
            at: PAGE,
            what: action.to_owned(),
        }];
        facts.actions.retain(|action| !action.what.is_empty());
        facts.mitigation = Some(Measurement {
            value: Some(0.2),
            well_for_s: 9.0,
            is_settled: settled,
            problem: None,
        });
        let mut writeup = right();
        writeup.mitigation.action = action.to_owned();
        let verdict = graded(&writeup, &facts);
        let item = verdict
            .items
            .iter()
            .find(|item| item.name == "mitigation")
            .expect("it is graded");
        assert_eq!(item.points, expected, "{action}: {}", item.why);
        assert!(item.why.contains(why), "{action}: {}", item.why);
    }
    check("rollback inventory", true, 10.0, "ended it");
    check(
        "rollback inventory",
        false,
        4.0,
        "not been healthy for long enough",
    );
    check("restart inventory", true, 3.0, "only buys time");
    check(
        "rollback checkout",
        true,
        3.0,
        "none of your actions explains it",
    );
    check("", false, 0.0, "No recorded action ended it");
}

#[test]
fn what_could_not_be_checked_is_said_and_not_counted() {
    let mut facts = facts();
    facts.impact = None;
    facts.mitigation = Some(Measurement {
        problem: Some("no answer".to_owned()),
        ..Measurement::default()
    });
    facts.frame.page = None;
    let verdict = graded(&right(), &facts);
    let of: f64 = verdict.items.iter().map(|item| item.of).sum();
    assert_eq!((verdict.passed, of), (true, 70.0), "{verdict:#?}");
    let mut writeup = right();
    writeup.cause.evidence.push("promql:down".to_owned());
    let verdict = graded(&writeup, &facts);
    assert!(
        verdict.incomplete && verdict.passed,
        "an unchecked pointer is not the responder's mistake"
    );
}

#[test]
fn a_condition_that_depends_on_unchecked_evidence_does_not_count_against_anyone() {
    let check = |pointer: &str, mechanism, passed: bool, unchecked: &[&str]| {
        let mut writeup = right();
        writeup.cause.evidence = vec![pointer.to_owned()];
        writeup.cause.mechanism = mechanism;
        let verdict = graded(&writeup, &facts());
        let open = verdict.conditions.iter().filter(|one| one.unchecked);
        let open: Vec<&str> = open.map(|condition| &*condition.name).collect();
        assert_eq!(
            (verdict.passed, &*open),
            (passed, unchecked),
            "{pointer}: {verdict:#?}"
        );
    };
    let mechanism = right().cause.mechanism;
    let doubts = ["root cause is proven"];
    check("promql:down", mechanism, true, &doubts);
    // A backend that is away excuses no pointer that was looked up, and no wrong answer.
    check("promql:nowhere", mechanism, false, &[]);
    check("promql:down", Some(Mechanism::PoolTooSmall), false, &doubts);
}

#[test]
fn in_a_control_the_right_answer_is_that_nothing_is_wrong() {
    let control: Rubric = toml::from_str(
        "control = true\nseverity = ['none', 'sev4']\nevidence = ['promql', 'deploy']\n[[hypotheses]]\nabout = 'The release.'\nwords = ['checkout@']\n",
    )
    .expect("the key is right");
    assert_eq!(control.problems(), Vec::new());
    let mut facts = facts();
    facts.trigger_at = None;
    facts.mitigation = None;
    facts.actions.clear();
    facts.impact = Some(ImpactTruth {
        start: None,
        end: None,
        requests: 3000,
        failed: 2,
        slow: 4,
        p99_ms: Some(40.0),
    });
    let mut calm = right();
    calm.verdict = Some(Claim::NoIncident);
    calm.severity = Some(Severity::None);
    calm.trigger = writeup::Trigger::default();
    calm.cause = writeup::Cause::default();
    calm.impact = writeup::Impact {
        failed: Some(2),
        ..writeup::Impact::default()
    };
    calm.mitigation.action = "none".to_owned();
    calm.alert = writeup::Alert::default();
    let verdict = grade(&control, &calm, examined(&calm), &facts);
    assert_eq!((verdict.passed, verdict.score), (true, 100), "{verdict:#?}");

    let mut alarm = right();
    alarm.confidence = Some(0.9);
    let verdict = grade(&control, &alarm, examined(&alarm), &facts);
    let calibration = item(&verdict, "calibration");
    assert_eq!(calibration.points, 0.6, "{}", calibration.why);
    assert!(calibration.why.contains("it was a false alarm"));
    let alert = item(&verdict, "proposed alert");
    assert_eq!((alert.points, alert.of), (0.0, 4.0), "{}", alert.why);
    assert_eq!(
        (verdict.passed, unmet(&verdict).as_str()),
        (false, "incident or not")
    );

    let mut lazy = calm.clone();
    lazy.ruled_out.clear();
    lazy.timeline.clear();
    let verdict = grade(&control, &lazy, examined(&lazy), &facts);
    assert_eq!(
        (verdict.passed, unmet(&verdict).as_str()),
        (false, "hypotheses ruled out, required evidence")
    );
}
