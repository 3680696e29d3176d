//! One drill, its facts, its right write-up, and what looking that up gives.

use record::{Frame, Measurement};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::super::*;
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

pub(super) fn rubric() -> Rubric {
    let rubric: Rubric = toml::from_str(KEY).expect("the key is right");
    assert_eq!(rubric.problems(), Vec::new());
    rubric
}

pub(super) const PAGE: OffsetDateTime = datetime!(2026-11-23 10:05:00 UTC);

pub(super) fn facts() -> Facts {
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
pub(super) fn right() -> WriteUp {
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
pub(super) fn examined(writeup: &WriteUp) -> Examined {
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
    let (kind, outcome) = match text {
        "promql:down" => {
            let why = "Prometheus does not answer".to_owned();
            (Some(Kind::Promql), Outcome::Unchecked(why))
        }
        text => match detail(text) {
            None => {
                let why = "there is no such thing in this run".to_owned();
                (None, Outcome::Failed(why))
            }
            Some((kind, at, tells, detail)) => {
                let finding = Finding {
                    what: format!("what {text} shows"),
                    at: Some(PAGE + Duration::seconds(at)),
                    value: None,
                    value_holds: None,
                    tells,
                    detail,
                };
                (Some(kind), Outcome::Found(Box::new(finding)))
            }
        },
    };
    Executed {
        field: Some(field),
        text: text.to_owned(),
        kind,
        outcome,
    }
}

/// What a pointer leads to: its kind, seconds after the page, whether it proves something, and the thing itself.
fn detail(text: &str) -> Option<(Kind, i64, Tells, Detail)> {
    let query =
        "rate(db_client_operation_duration_seconds_sum{db_query_summary=\"SELECT price\"}[1m])";
    let promql = |expr: &str| Detail::Promql(expr.to_owned());
    let slow = || vec![span("root", 1000), span("SELECT price", 900)];
    let yes = || Tells::Yes("it was not so before".to_owned());
    let no = || Tells::No("it was so before".to_owned());
    Some(match text {
        "trace:slow" => (Kind::Trace, 60, yes(), trace(slow())),
        "trace:usual" => (Kind::Trace, 60, no(), trace(vec![span("root", 1000)])),
        "promql:query" => (Kind::Promql, 0, yes(), promql(query)),
        "promql:p99" => (Kind::Promql, 0, yes(), promql("p99")),
        "promql:always" => (Kind::Promql, 0, no(), promql(query)),
        "deploy:inventory" => {
            let deploy = deploy("inventory", "2026.11.8");
            (Kind::Deploy, -120, Tells::NotAsked, deploy)
        }
        "deploy:checkout" => {
            let deploy = deploy("checkout", "2026.11.10");
            (Kind::Deploy, -120, Tells::NotAsked, deploy)
        }
        "log:noise" => {
            let line = LogLine {
                at: None,
                fields: Default::default(),
            };
            (Kind::Log, 0, yes(), Detail::Log(vec![line]))
        }
        _ => return None,
    })
}

fn deploy(service: &str, release: &str) -> Detail {
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
}

fn span(name: &str, ms: u64) -> Span {
    Span {
        service: "inventory".to_owned(),
        name: name.to_owned(),
        end_ns: ms * 1_000_000,
        parent: (ms < 1000).then(|| "aa".to_owned()),
        ..Span::default()
    }
}

fn trace(spans: Vec<Span>) -> Detail {
    Detail::Trace(Box::new(Trace {
        id: "ab".to_owned(),
        spans,
    }))
}

pub(super) fn graded(writeup: &WriteUp, facts: &Facts) -> Verdict {
    grade(&rubric(), writeup, examined(writeup), facts)
}

pub(super) fn points(verdict: &Verdict, name: &str) -> f64 {
    verdict
        .items
        .iter()
        .find(|item| item.name == name)
        .expect(name)
        .points
}

pub(super) fn unmet(verdict: &Verdict) -> String {
    let names: Vec<&str> = verdict
        .conditions
        .iter()
        .filter(|condition| !condition.met)
        .map(|condition| condition.name.as_str())
        .collect();
    names.join(", ")
}

/// An item of a verdict by its name.
pub(super) fn item<'a>(verdict: &'a Verdict, name: &str) -> &'a Item {
    let mut items = verdict.items.iter();
    items.find(|item| item.name == name).expect(name)
}
