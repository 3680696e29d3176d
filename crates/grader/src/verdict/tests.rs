//! Every plausible way to be wrong about a drill, and the right one.

mod case;
mod part;

use record::Measurement;

use super::*;
use crate::vocabulary::{Component, Mechanism, Severity, TriggerKind};
use crate::writeup;
use case::{PAGE, examined_in, facts, graded, item, lineup, points, right, unmet};

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
        let is_sentence = text.ends_with(['.', '?']) && !text.ends_with("..") && text.len() > 10;
        assert!(is_sentence, "{name}: {text}");
    }
}

#[test]
fn an_empty_or_a_wrong_answer_does_not_pass() {
    let check = does_not_pass::<fn(&mut WriteUp)>;
    let everything =
        "incident or not, root cause is right, evidence is at the cause, other causes are excluded";
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
        "root cause is right, evidence is at the cause",
    );
    check(
        "trigger as cause",
        |w| w.cause.mechanism = Some(Mechanism::DefectiveRelease),
        "root cause is right",
    );
    check(
        "no incident",
        |w| w.verdict = Some(Claim::NoIncident),
        "incident or not, other causes are excluded",
    );
}

#[test]
fn a_right_answer_without_evidence_for_it_does_not_pass() {
    let check = does_not_pass::<fn(&mut WriteUp)>;
    let ground = "evidence is at the cause, other causes are excluded";
    check(
        "right cause, no evidence",
        |w| {
            w.cause.evidence.clear();
            w.timeline.clear();
        },
        ground,
    );
    check(
        "true at all times",
        |w| w.cause.evidence = vec!["promql:always".to_owned(), "trace:usual".to_owned()],
        ground,
    );
    check(
        "another run",
        |w| w.cause.evidence = vec!["trace:other".to_owned()],
        ground,
    );
    check(
        "only deploys",
        |w| w.cause.evidence = vec!["deploy:inventory".to_owned()],
        ground,
    );
    check(
        "what every such page shows, and elsewhere",
        |w| w.cause.evidence = vec!["promql:p99".to_owned()],
        ground,
    );
    check(
        "the evidence in the timeline",
        |w| w.cause.evidence = vec!["promql:always".to_owned()],
        ground,
    );
}

/// What an expert would rank higher gets more, whatever else is in the write-up.
#[test]
fn answers_are_graded_in_the_order_of_their_worth() {
    type Spoil = fn(&mut WriteUp);
    let answers: [(&str, Spoil); 9] = [
        ("no answer", |w| *w = WriteUp::default()),
        ("wrong cause", |w| {
            w.cause.component = Some(Component::Gateway);
            w.cause.mechanism = Some(Mechanism::PoolTooSmall);
        }),
        ("mechanism at an impossible place", |w| {
            w.cause.component = Some(Component::Payment);
        }),
        ("unknown, with good evidence", |w| {
            w.cause.component = Some(Component::Unknown);
            w.cause.mechanism = Some(Mechanism::Unknown);
        }),
        ("victim", |w| w.cause.component = Some(Component::Checkout)),
        ("near mechanism", |w| {
            w.cause.mechanism = Some(Mechanism::CacheStampede)
        }),
        ("right, without evidence", |w| w.cause.evidence.clear()),
        ("right, grounded", |w| {
            w.cause.evidence = vec!["promql:shared".to_owned()];
            w.ruled_out[0].evidence = vec!["promql:p99".to_owned()];
        }),
        ("right, settled", |_| {}),
    ];
    for confidence in [None, Some(0.2), Some(0.5), Some(0.9)] {
        let mut below: Option<(&str, u32)> = None;
        for (name, spoil) in answers {
            let mut writeup = right();
            writeup.confidence = confidence;
            spoil(&mut writeup);
            let score = graded(&writeup, &facts()).score;
            if let Some((other, less)) = below {
                assert!(
                    less < score,
                    "{other}: {less}, {name}: {score} at {confidence:?}"
                );
            }
            below = Some((name, score));
        }
    }
}

#[test]
fn the_verdict_says_what_excludes_the_other_causes_and_what_would_have() {
    let told = |pointers: &[&str]| -> Vec<String> {
        let mut writeup = right();
        writeup.ruled_out.clear();
        writeup.cause.evidence = pointers.iter().map(|one| (*one).to_owned()).collect();
        let verdict = graded(&writeup, &facts());
        let one = |row: &Row| {
            let would = row.would.as_ref().map_or("", |would| &would.pointer);
            let is = if row.outcome.is_excluded() {
                "excluded"
            } else {
                "stands"
            };
            format!("{} {is} {would}", row.outcome.rival)
        };
        verdict.rivals.iter().map(one).collect()
    };
    assert_eq!(
        told(&["promql:query"]),
        ["calm excluded ", "queue excluded ", "surge excluded "]
    );
    assert_eq!(
        told(&["promql:shared"]),
        [
            "calm excluded ",
            "queue stands promql:query",
            "surge excluded "
        ]
    );
    assert_eq!(
        told(&["promql:p99"]),
        [
            "calm stands promql:query",
            "queue stands promql:query",
            "surge stands promql:query"
        ],
        "it is not at the component that is named"
    );
    let comparison = graded(&right(), &facts())
        .comparison
        .expect("one pointer is best");
    assert_eq!(comparison.field, "cause.evidence[0]");
    assert_eq!(comparison.there, [None, None, None]);
}

#[test]
fn a_hypothesis_counts_when_its_own_evidence_excludes_what_it_names() {
    let queue = (Some(Component::Checkout), Some(Mechanism::PoolTooSmall));
    let quota = (Some(Component::Payment), Some(Mechanism::ThirdPartyQuota));
    let outage = (Some(Component::Payment), Some(Mechanism::ThirdPartyOutage));
    let one = "1 cause that could be behind `Slow` is excluded by ruled_out[0]";
    let alike = "ruled_out[0]: it would look the same";
    let unknown = "ruled_out[0]: no known cause of it";
    for ((component, mechanism), pointer, expected, why) in [
        (queue, "promql:wait", 5.0, one),
        (queue, "promql:query", 5.0, "is excluded"),
        (quota, "promql:wait", 5.0, "is excluded by ruled_out[0]"),
        (queue, "promql:p99", 0.0, alike),
        (queue, "promql:always", 0.0, alike),
        ((queue.0, None), "promql:wait", 2.5, unknown),
        (outage, "promql:wait", 2.5, "counts half"),
        (outage, "promql:nowhere", 0.0, "would look the same"),
    ] {
        let mut writeup = right();
        writeup.ruled_out[0] = writeup::RuledOut {
            component,
            mechanism,
            evidence: vec![pointer.to_owned()],
            ..writeup::RuledOut::default()
        };
        let verdict = graded(&writeup, &facts());
        let item = item(&verdict, "ruled out");
        assert_eq!(item.points, expected, "{pointer}: {}", item.why);
        assert!(item.why.contains(why), "{pointer}: {}", item.why);
    }
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
    check(Component::Checkout, Mechanism::MissingIndex, 7.5);
    check(Component::Gateway, Mechanism::DefectiveRelease, 7.5);
    check(Component::Inventory, Mechanism::CacheStampede, 12.0);
    check(Component::Inventory, Mechanism::PoolTooSmall, 6.0);
    check(Component::Gateway, Mechanism::MissingIndex, 3.0);
    check(Component::Unknown, Mechanism::Unknown, 4.5);
    check(Component::Gateway, Mechanism::PoolTooSmall, 0.9);
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
    check("rollback checkout", true, 1.0, "had nothing to do with it");
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
    let doubts = ["evidence is at the cause", "other causes are excluded"];
    check("promql:down", mechanism, true, &doubts);
    // A backend that is away excuses no pointer that was looked up, and no wrong answer.
    check("promql:nowhere", mechanism, false, &[]);
    check("promql:down", Some(Mechanism::PoolTooSmall), false, &doubts);
}

/// The verdict of a write-up in a drill in which nothing is wrong.
fn graded_in_a_control(writeup: &WriteUp) -> Verdict {
    let control: Rubric =
        toml::from_str("control = true\nseverity = ['none', 'sev4']\n").expect("the key is right");
    assert_eq!(control.problems(), Vec::new());
    let facts = Facts {
        trigger_at: None,
        mitigation: None,
        actions: Vec::new(),
        impact: Some(ImpactTruth {
            start: None,
            end: None,
            counted: Counted {
                requests: 3000,
                failed: 2,
                slow: 4,
                p99_ms: Some(40.0),
            },
            otherwise: Vec::new(),
        }),
        ..facts()
    };
    let examined = examined_in(writeup, &[]);
    grade(&control, writeup, examined, &facts, &lineup("calm"))
}

/// The right write-up there.
fn calm() -> WriteUp {
    let mut calm = WriteUp {
        verdict: Some(Claim::NoIncident),
        severity: Some(Severity::None),
        trigger: writeup::Trigger::default(),
        cause: writeup::Cause::default(),
        impact: writeup::Impact {
            failed: Some(2),
            ..writeup::Impact::default()
        },
        alert: writeup::Alert::default(),
        ..right()
    };
    calm.mitigation.action = "none".to_owned();
    calm.ruled_out[0].evidence = ["query", "wait", "requests"]
        .map(|one| format!("promql:{one}"))
        .to_vec();
    calm.timeline[2].evidence = vec!["promql:p99".to_owned()];
    calm
}

#[test]
fn in_a_control_the_right_answer_is_that_nothing_is_wrong() {
    let verdict = graded_in_a_control(&calm());
    assert_eq!((verdict.passed, verdict.score), (true, 100), "{verdict:#?}");

    let mut alarm = right();
    alarm.confidence = Some(0.9);
    let verdict = graded_in_a_control(&alarm);
    let calibration = item(&verdict, "calibration");
    assert_eq!(calibration.points, 0.6, "{}", calibration.why);
    assert!(calibration.why.contains("it was a false alarm"));
    let alert = item(&verdict, "proposed alert");
    assert_eq!((alert.points, alert.of), (0.0, 4.0), "{}", alert.why);
    assert_eq!(
        (verdict.passed, unmet(&verdict).as_str()),
        (false, "incident or not, incidents are excluded")
    );
}

#[test]
fn no_incident_rests_on_what_every_incident_would_show() {
    for (pointers, open) in [
        (&[][..], "incidents are excluded"),
        (
            &["promql:always", "trace:usual", "deploy:inventory"],
            "incidents are excluded",
        ),
        (&["promql:query", "promql:wait"], "incidents are excluded"),
        (&["promql:p99"], ""),
    ] {
        let mut writeup = calm();
        writeup.ruled_out[0].evidence = pointers.iter().map(|one| (*one).to_owned()).collect();
        let verdict = graded_in_a_control(&writeup);
        assert_eq!(
            (verdict.passed, &*unmet(&verdict)),
            (open.is_empty(), open),
            "{pointers:?}"
        );
    }
}
