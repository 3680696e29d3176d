//! One drill, its right write-up, and every plausible way to be wrong about it.

use record::{Frame, Measurement};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::alert;
use crate::evidence::{Deploy, DeployKind, LogLine, Span, Trace};
use crate::moment::{Window, Windows};
use crate::pointer::{Detail, Finding, Outcome};
use crate::vocabulary::{Component, Kind, Mechanism, Severity, TriggerKind};
use crate::writeup::{self, Address};

const KEY: &str = r#"
severity = ["sev2"]
evidence = ["trace", "promql", "deploy"]

[trigger]
kinds = ["deploy", "migration"]
deploy = "inventory@2026.11.8"

[cause]
component = "inventory"
mechanism = "missing-index"

[[cause.partial]]
component = "checkout"
role = "victim"
credit = 0.2
because = "Checkout waits for inventory."

[[cause.partial]]
mechanism = "defective-release"
role = "trigger"
credit = 0.3
because = "The release brought it, but what is it that the release does?"

[[contributing]]
about = "The cache hid it."
words = ["cache"]

[[hypotheses]]
about = "The checkout release."
words = ["checkout@2026.11.10"]

[[clinchers]]
about = "One query takes almost all of the time."
trace = { service = "inventory", span = "SELECT price", min_share = 0.5 }

[[clinchers]]
about = "That query became slow, the others did not."
promql = { mentions = ["db_client_operation_duration_seconds", "SELECT price|db_query_summary"] }

[mitigation]
indicator = "x"
below = 0.3
accept = ["rollback inventory"]
buys_time = ["restart inventory"]
"#;

fn rubric() -> Rubric {
    let rubric: Rubric = toml::from_str(KEY).expect("the key is right");
    assert_eq!(rubric.problems(), Vec::new());
    rubric
}

const PAGE: OffsetDateTime = datetime!(2026-11-23 10:05:00 UTC);

fn facts() -> Facts {
    let change = PAGE - Duration::minutes(2);
    let started = PAGE - Duration::minutes(5);
    let ended = PAGE + Duration::minutes(6);
    let windows = Windows {
        baseline: Window {
            from: started,
            to: change,
        },
        incident: Window {
            from: change,
            to: ended,
        },
    };
    Facts {
        run: "r1".to_owned(),
        frame: Frame {
            started,
            page: Some(PAGE),
            ended,
            windows: Some(windows),
        },
        trigger_at: Some(change),
        impact: Some(ImpactTruth {
            start: Some(PAGE - Duration::minutes(1)),
            end: Some(PAGE + Duration::minutes(4)),
            requests: 3000,
            failed: 0,
            slow: 600,
            p99_ms: Some(2400.0),
        }),
        deploys: Vec::new(),
        actions: vec![Action {
            at: PAGE + Duration::minutes(3),
            what: "rollback inventory".to_owned(),
        }],
        mitigation: Some(Measurement {
            value: Some(0.05),
            well_for_s: 30.0,
            is_settled: true,
            problem: None,
        }),
        looks: Vec::new(),
    }
}

/// The right write-up. Its pointers are texts that [`look_up`] knows.
fn right() -> WriteUp {
    let at = |offset: i64| Some(crate::Moment::Page(Duration::seconds(offset)));
    let event = |offset: i64, what: &str, pointer: &str| writeup::Event {
        at: at(offset),
        what: what.to_owned(),
        evidence: vec![pointer.to_owned()],
    };
    let item = |what: &str| writeup::ActionItem {
        what: what.to_owned(),
        owner: "inventory team".to_owned(),
    };
    WriteUp {
        verdict: Some(Claim::Incident),
        severity: Some(Severity::Sev2),
        summary: "Orders were slow.".to_owned(),
        impact: writeup::Impact {
            start: at(-60),
            end: at(240),
            requests: Some(2900),
            failed: Some(0),
            p99_ms: Some(2500.0),
            ..writeup::Impact::default()
        },
        detection: writeup::Detection {
            at: at(0),
            by: "alert".to_owned(),
            evidence: Vec::new(),
        },
        timeline: vec![
            event(-120, "deploy", "deploy:inventory"),
            event(0, "page", "promql:p99"),
            event(60, "slow order", "trace:slow"),
        ],
        trigger: writeup::Trigger {
            kind: Some(TriggerKind::Deploy),
            deploy: Some("inventory@2026.11.8".to_owned()),
            evidence: vec!["deploy:inventory".to_owned()],
            ..writeup::Trigger::default()
        },
        cause: writeup::Cause {
            component: Some(Component::Inventory),
            mechanism: Some(Mechanism::MissingIndex),
            evidence: vec!["trace:slow".to_owned(), "promql:query".to_owned()],
            ..writeup::Cause::default()
        },
        contributing: vec![writeup::Contribution {
            what: "the cache hid it".to_owned(),
            evidence: vec!["promql:p99".to_owned()],
            ..writeup::Contribution::default()
        }],
        ruled_out: vec![writeup::RuledOut {
            hypothesis: "checkout@2026.11.10".to_owned(),
            because: "its own time is as before".to_owned(),
            evidence: vec!["deploy:checkout".to_owned()],
        }],
        mitigation: writeup::Mitigation {
            action: "rollback inventory".to_owned(),
            at: at(180),
            evidence: Vec::new(),
        },
        action_items: vec![item("test migrations for query plans")],
        alert: writeup::Alert {
            expr: "paged".to_owned(),
            hold_s: 10.0,
        },
        confidence: Some(1.0),
        ..WriteUp::default()
    }
}

/// What looking it up gives; the alert `steady` is silent and the alert `paged` fires as the page does.
fn examined(writeup: &WriteUp) -> Examined {
    let firing = |from: i64, to: i64| alert::Ran {
        firing: vec![Window {
            from: PAGE + Duration::seconds(from),
            to: PAGE + Duration::seconds(to),
        }],
        longest_s: 60.0,
    };
    let outcome = match writeup.alert.expr.as_str() {
        "" => None,
        "paged" => Some(alert::Outcome::Ran(firing(-20, 200))),
        "after" => Some(alert::Outcome::Ran(firing(90, 200))),
        "always" => Some(alert::Outcome::Ran(firing(-300, 360))),
        "short" => Some(alert::Outcome::Ran(alert::Ran {
            firing: Vec::new(),
            longest_s: 7.2,
        })),
        "down" => Some(alert::Outcome::Unchecked("no answer".to_owned())),
        other => Some(alert::Outcome::Refused(format!("`{other}` is malformed"))),
    };
    Examined {
        pointers: look_up(writeup),
        alert: outcome.map(|outcome| alert::Tried {
            expr: writeup.alert.expr.clone(),
            hold_s: writeup.alert.hold_s,
            outcome,
        }),
        looks: Vec::new(),
        reproduction: None,
    }
}

fn look_up(writeup: &WriteUp) -> Vec<Executed> {
    writeup
        .pointers()
        .into_iter()
        .map(|(field, text)| look_up_one(field, text))
        .collect()
}

fn look_up_one(field: Address, text: &str) -> Executed {
    let deploy = |service: &str, release: &str| {
        Detail::Deploy(Deploy {
            id: format!("{service}@{release}"),
            service: service.to_owned(),
            release: release.to_owned(),
            at: PAGE - Duration::minutes(2),
            role: String::new(),
            summary: String::new(),
            kind: DeployKind::Deploy,
            changes: Vec::new(),
            command: None,
        })
    };
    let span = |name: &str, ms: u64| Span {
        service: "inventory".to_owned(),
        name: name.to_owned(),
        end_ns: ms * 1_000_000,
        parent: (ms < 1000).then(|| "aa".to_owned()),
        ..Span::default()
    };
    let trace = |spans: Vec<Span>| {
        Detail::Trace(Box::new(Trace {
            id: "ab".to_owned(),
            spans,
        }))
    };
    let query =
        "rate(db_client_operation_duration_seconds_sum{db_query_summary=\"SELECT price\"}[1m])";
    let yes = || Tells::Yes("it was not so before".to_owned());
    let no = || Tells::No("it was so before".to_owned());
    let (kind, at, tells, detail) = match text {
        "trace:slow" => (
            Kind::Trace,
            60,
            yes(),
            trace(vec![span("root", 1000), span("SELECT price", 900)]),
        ),
        "trace:usual" => (Kind::Trace, 60, no(), trace(vec![span("root", 1000)])),
        "promql:query" => (Kind::Promql, 0, yes(), Detail::Promql(query.to_owned())),
        "promql:p99" => (Kind::Promql, 0, yes(), Detail::Promql("p99".to_owned())),
        "promql:always" => (Kind::Promql, 0, no(), Detail::Promql(query.to_owned())),
        "log:noise" => (
            Kind::Log,
            0,
            yes(),
            Detail::Log(vec![LogLine {
                at: None,
                fields: Default::default(),
            }]),
        ),
        "deploy:inventory" => (
            Kind::Deploy,
            -120,
            Tells::NotAsked,
            deploy("inventory", "2026.11.8"),
        ),
        "deploy:checkout" => (
            Kind::Deploy,
            -120,
            Tells::NotAsked,
            deploy("checkout", "2026.11.10"),
        ),
        "promql:down" => {
            return executed(
                field,
                text,
                Some(Kind::Promql),
                Outcome::Unchecked("Prometheus does not answer".to_owned()),
            );
        }
        other => {
            return executed(
                field,
                other,
                None,
                Outcome::Failed("there is no such thing in this run".to_owned()),
            );
        }
    };
    let finding = Finding {
        what: format!("what {text} shows"),
        at: Some(PAGE + Duration::seconds(at)),
        value: None,
        value_holds: None,
        tells,
        detail,
    };
    executed(field, text, Some(kind), Outcome::Found(Box::new(finding)))
}

fn executed(field: Address, text: &str, kind: Option<Kind>, outcome: Outcome) -> Executed {
    Executed {
        field: Some(field),
        text: text.to_owned(),
        kind,
        outcome,
    }
}

fn graded(writeup: &WriteUp, facts: &Facts) -> Verdict {
    grade(&rubric(), writeup, examined(writeup), facts)
}

fn points(verdict: &Verdict, name: &str) -> f64 {
    verdict
        .items
        .iter()
        .find(|item| item.name == name)
        .expect(name)
        .points
}

fn unmet(verdict: &Verdict) -> String {
    let names: Vec<&str> = verdict
        .conditions
        .iter()
        .filter(|condition| !condition.met)
        .map(|condition| condition.name.as_str())
        .collect();
    names.join(", ")
}

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

#[test]
fn a_wrong_write_up_does_not_pass() {
    fn check(name: &str, spoil: impl Fn(&mut WriteUp), expected: &str) {
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
        "right cause, no evidence",
        |w| {
            w.cause.evidence.clear();
            w.timeline.clear();
            w.contributing.clear();
        },
        "root cause is proven, evidence is decisive, required evidence",
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
    check(
        "no incident",
        |w| w.verdict = Some(Claim::NoIncident),
        "incident or not",
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
fn impact_is_compared_with_the_load_generators_record() {
    fn check(change: impl Fn(&mut writeup::Impact), window: f64, numbers: f64) {
        let mut writeup = right();
        change(&mut writeup.impact);
        let verdict = graded(&writeup, &facts());
        let found = (
            points(&verdict, "impact window"),
            points(&verdict, "impact numbers"),
        );
        assert_eq!(found, (window, numbers), "{:?}", writeup.impact);
    }
    let at = |offset: i64| Some(crate::Moment::Page(Duration::seconds(offset)));
    check(|_| {}, 5.0, 8.0);
    check(|impact| impact.start = at(-3000), 2.5, 8.0);
    check(|impact| impact.start = at(40), 3.8, 8.0);
    check(|impact| impact.start = None, 2.5, 8.0);
    check(|impact| impact.p99_ms = Some(900.0), 5.0, 4.0);
    check(
        |impact| (impact.p99_ms, impact.slow) = (None, Some(580)),
        5.0,
        8.0,
    );
    check(|impact| impact.requests = Some(1_000_000), 5.0, 4.0);
    check(|impact| *impact = writeup::Impact::default(), 0.0, 0.0);
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

fn item<'a>(verdict: &'a Verdict, name: &str) -> &'a Item {
    let mut items = verdict.items.iter();
    items.find(|item| item.name == name).expect(name)
}

#[test]
fn a_proposed_alert_must_be_silent_before_and_fire_in_the_incident() {
    fn check(expr: &str, expected: (f64, f64), why: &str) {
        let mut writeup = right();
        writeup.alert.expr = expr.to_owned();
        let verdict = graded(&writeup, &facts());
        let item = item(&verdict, "proposed alert");
        assert_eq!((item.points, item.of), expected, "{expr}: {}", item.why);
        assert!(item.why.contains(why), "{expr}: {}", item.why);
        assert_eq!(verdict.incomplete, expr == "down", "{expr}");
    }
    check("paged", (4.0, 4.0), "at 10:04:40, 20 s before the page.");
    check(
        "after",
        (2.0, 4.0),
        "90 s after the page, which is too late",
    );
    check("always", (0.0, 4.0), "at 10:00:00, before the incident");
    check(
        "short",
        (0.0, 4.0),
        "lasted 7 s at most, and `for` is 10 s.",
    );
    check(
        "nonsense",
        (0.0, 4.0),
        "It cannot be used: `nonsense` is malformed.",
    );
    check("down", (0.0, 0.0), "could not be evaluated (no answer)");
    check("", (0.0, 4.0), "None is proposed.");
}

#[test]
fn confidence_earns_by_its_brier_score() {
    fn check(said: Option<f64>, is_right: bool, expected: (f64, f64), why: &str) {
        let mut writeup = right();
        writeup.confidence = said;
        if !is_right {
            writeup.cause.mechanism = Some(Mechanism::PoolTooSmall);
        }
        let verdict = graded(&writeup, &facts());
        let item = item(&verdict, "calibration");
        assert_eq!((item.points, item.of), expected, "{said:?}: {}", item.why);
        assert!(item.why.contains(why), "{said:?}: {}", item.why);
    }
    check(None, true, (0.0, 0.0), "`confidence` (0 to 1) is missing");
    check(Some(1.0), true, (3.0, 3.0), "Brier score 0 ");
    check(Some(0.8), true, (2.9, 3.0), "Brier score 0.04 ");
    check(Some(0.2), true, (1.1, 3.0), "too cautious.");
    check(
        Some(0.5),
        false,
        (2.3, 3.0),
        "with 0.5 you should be right in 5 of 10 drills.",
    );
    check(Some(0.9), false, (0.6, 3.0), "Brier score 0.81 ");
    check(Some(1.0), false, (0.0, 3.0), "Brier score 1 ");
}

#[test]
fn a_reproduction_must_show_the_symptom_with_the_change_and_not_without() {
    use crate::reproduction::{Answered, Reproduced, Trial};
    let trial = |failed: usize| Trial {
        commands: vec![Answered {
            requests: 20,
            failed,
            p90_ms: 9.0,
        }],
        grown: None,
    };
    let ran = |suspect: usize, predecessor: usize| Reproduced::Ran {
        suspect: trial(suspect),
        predecessor: trial(predecessor),
    };
    let check = |is_asked: bool, given: &[&str], outcome, expected, why: &str| {
        let mut rubric = rubric();
        rubric.reproduction = is_asked.then_some(crate::rubric::Reproduction {
            failed_share: Some(0.3),
            slower_ms: None,
            only_last: false,
            growth: None,
        });
        assert_eq!(rubric.problems(), Vec::new());
        let mut writeup = right();
        writeup.reproduction.commands = given.iter().map(|line| (*line).to_owned()).collect();
        let mut examined = examined(&writeup);
        examined.reproduction = outcome;
        let verdict = grade(&rubric, &writeup, examined, &facts());
        let item = item(&verdict, "reproduction");
        assert_eq!((item.points, item.of), expected, "{}", item.why);
        assert!(item.why.contains(why), "{}", item.why);
    };
    let line = &["firedrill request GET /v1/products"][..];
    check(
        true,
        line,
        Some(ran(9, 0)),
        (4.0, 4.0),
        "With the change: 9 of 20 requests failed",
    );
    check(
        true,
        line,
        Some(ran(9, 8)),
        (0.0, 4.0),
        "It shows the symptom without the change too.",
    );
    check(
        true,
        line,
        Some(ran(1, 0)),
        (0.0, 4.0),
        "It does not show the symptom.",
    );
    check(
        true,
        line,
        Some(ran(0, 9)),
        (0.0, 4.0),
        "only without the change.",
    );
    let refused = Reproduced::Refused("`rm -r /` is not a `firedrill request`".to_owned());
    check(
        true,
        line,
        Some(refused),
        (0.0, 4.0),
        "Not run: `rm -r /` is not a",
    );
    let away = Reproduced::Unchecked("no room".to_owned());
    check(
        true,
        line,
        Some(away),
        (0.0, 0.0),
        "could not be run (no room)",
    );
    check(
        true,
        line,
        None,
        (0.0, 0.0),
        "the shop is no longer running",
    );
    check(true, &[], None, (0.0, 4.0), "None is given.");
    check(false, line, None, (0.0, 0.0), "Not run: in this drill");
    check(false, &[], None, (0.0, 0.0), "this drill needs none");
}
