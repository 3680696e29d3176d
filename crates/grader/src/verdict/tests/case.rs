//! One drill, its facts, its right write-up, and what looking that up gives.

use record::{Frame, Measurement};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::super::*;
use crate::alert;
use crate::effect::expression::Expression;
use crate::effect::{Change, Direction, Effect, Feature};
use crate::evidence::{Deploy, DeployKind, Sample, Series};
use crate::lineup::Candidate;
use crate::moment::{Window, Windows};
use crate::pointer::{Detail, Finding, Outcome};
use crate::reference::{Metrics, Operation, Probe, Reference, Stretch, Trait};
use crate::vocabulary::{Component, Kind, Mechanism, Severity, TriggerKind};
use crate::writeup::{self, Address};

const KEY: &str = r#"
severity = ["sev2"]

[trigger]
kinds = ["deploy", "migration"]
deploy = "inventory@2026.11.8"

[cause]
component = "inventory"
mechanism = "missing-index"

[[cause.partial]]
component = "checkout"
role = "victim"
because = "Checkout waits for inventory."

[[cause.partial]]
mechanism = "defective-release"
role = "trigger"
because = "The release brought it, but what is it that the release does?"

[[cause.partial]]
component = "inventory"
mechanism = "cache-stampede"
role = "near"
because = "The cache only hid what a lookup costs."

[[contributing]]
about = "The cache hid it."
words = ["cache"]

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
        acted: None,
    };
    Facts {
        run: "r1".to_owned(),
        frame: Frame {
            started,
            page: Some(PAGE),
            ended,
            windows: Some(windows),
        },
        submitted_at: Some(ended),
        trigger_at: Some(change),
        impact: Some(ImpactTruth {
            start: Some(PAGE - Duration::minutes(1)),
            end: Some(PAGE + Duration::minutes(4)),
            counted: Counted {
                requests: 3000,
                failed: 0,
                slow: 600,
                p99_ms: Some(2400.0),
            },
            otherwise: Vec::new(),
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
            component: Some(Component::Checkout),
            mechanism: Some(Mechanism::PoolTooSmall),
            hypothesis: "Orders wait for a connection.".to_owned(),
            because: "they get one at once".to_owned(),
            evidence: vec!["promql:wait".to_owned()],
        }],
        mitigation: writeup::Mitigation {
            action: "rollback inventory".to_owned(),
            at: at(180),
            evidence: Vec::new(),
        },
        action_items: vec![writeup::ActionItem {
            what: "test migrations for query plans".to_owned(),
            owner: "inventory team".to_owned(),
        }],
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
    examined_in(writeup, &SLOW)
}

/// The same in a run in which these metrics rise.
pub(super) fn examined_in(writeup: &WriteUp, rising: &[&str]) -> Examined {
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
        pointers: look_up(writeup, rising),
        alert: outcome.map(|outcome| alert::Tried {
            expr: writeup.alert.expr.clone(),
            hold_s: writeup.alert.hold_s,
            outcome,
        }),
        reproduction: None,
    }
}

fn look_up(writeup: &WriteUp, rising: &[&str]) -> Vec<Executed> {
    writeup
        .pointers()
        .into_iter()
        .map(|(field, text)| look_up_one(field, text, rising))
        .collect()
}

fn look_up_one(field: Address, text: &str, rising: &[&str]) -> Executed {
    let (kind, outcome) = match text {
        "promql:down" => {
            let why = "Prometheus does not answer".to_owned();
            (Some(Kind::Promql), Outcome::Unchecked(why))
        }
        text => match found(text, rising) {
            None => {
                let why = "there is no such thing in this run".to_owned();
                (None, Outcome::Failed(why))
            }
            Some((kind, finding)) => (Some(kind), Outcome::Found(Box::new(finding))),
        },
    };
    Executed {
        field: Some(field),
        text: text.to_owned(),
        kind,
        outcome,
    }
}

/// What a pointer leads to.
fn found(text: &str, rising: &[&str]) -> Option<(Kind, Finding)> {
    let (kind, rest) = text.split_once(':')?;
    let kind: Kind = kind.parse().ok()?;
    let (at, effect, probe, detail) = match (kind, rest) {
        (Kind::Promql, metric) => {
            METRICS.iter().find(|(name, _)| *name == metric)?;
            let probe = probe(metric);
            let effect = probe.effect(&reference("here", rising)).ok()?;
            (0, effect, Some(probe), Detail::Plain)
        }
        (Kind::Trace, "slow") => (
            60,
            slow_trace(),
            Some(Probe::Trace(ORDER.to_owned())),
            Detail::Plain,
        ),
        (Kind::Trace, "usual") => (
            60,
            Effect::default(),
            Some(Probe::Trace(ORDER.to_owned())),
            Detail::Plain,
        ),
        (Kind::Deploy, "inventory") => (
            -120,
            Effect::refused("a coincidence"),
            None,
            deploy("inventory", "2026.11.8"),
        ),
        (Kind::Deploy, "checkout") => (
            -120,
            Effect::refused("a coincidence"),
            None,
            deploy("checkout", "2026.11.10"),
        ),
        _ => return None,
    };
    let finding = Finding {
        what: format!("what {text} shows"),
        at: Some(PAGE + Duration::seconds(at)),
        value: None,
        value_holds: None,
        effect,
        probe,
        detail,
    };
    Some((kind, finding))
}

/// The metrics that there are, with their services.
const METRICS: [(&str, &str); 6] = [
    ("query", "inventory"),
    ("p99", "gateway"),
    ("wait", "checkout"),
    ("requests", "gateway"),
    ("shared", "inventory"),
    ("always", "inventory"),
];
/// What rises in this drill.
const SLOW: [&str; 3] = ["query", "p99", "shared"];
const ORDER: &str = "gateway POST /v1/orders";
const QUERY: &str = "time in SELECT price in inventory";

fn probe(metric: &str) -> Probe {
    Probe::Promql(Expression::read(metric, 24.0).expect(metric))
}

/// A drill of half a minute before and half a minute of incident, in which these metrics rise from 1 to 9.
fn reference(id: &str, rising: &[&str]) -> Reference {
    let value = |second: u32, name: &str| match second >= 30 && rising.contains(&name) {
        true => 9.0,
        false => 1.0,
    };
    let series: Vec<Series> = METRICS
        .iter()
        .map(|(name, service)| Series {
            labels: [("__name__", *name), ("service", *service)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            samples: (0..60)
                .map(|second| Sample {
                    at_s: f64::from(second),
                    value: value(second, name),
                })
                .collect(),
        })
        .collect();
    let slow = Trait {
        name: QUERY.to_owned(),
        direction: Direction::Up,
        share: 1.0,
        size: 900.0,
    };
    let operation = Operation {
        baseline: 50,
        incident: 50,
        traits: rising
            .contains(&"query")
            .then_some(slow)
            .into_iter()
            .collect(),
    };
    Reference {
        id: id.to_owned(),
        page: "Slow".to_owned(),
        is_control: rising.is_empty(),
        baseline: Stretch {
            from_s: 5.0,
            to_s: 29.0,
        },
        incident: Stretch {
            from_s: 30.0,
            to_s: 59.0,
        },
        operations: [(ORDER.to_owned(), operation)].into(),
        metrics: Metrics::of(&series, 0.0),
        ..Reference::default()
    }
}

fn slow_trace() -> Effect {
    let feature = Feature {
        name: QUERY.to_owned(),
        direction: Direction::Up,
    };
    let change = Change {
        size: 880.0,
        strength: 9.0,
        services: ["inventory".to_owned()].into(),
        what: "900 ms in it".to_owned(),
        ..Change::default()
    };
    Effect {
        changes: [(feature, change)].into(),
        refused: None,
    }
}

/// The drills that raise the page: this one, two other incidents, and one in which nothing is wrong.
pub(super) fn lineup(of: &str) -> Lineup {
    let drill = |id: &str, rising: &[&str], cause| Candidate {
        id: id.to_owned(),
        title: format!("The one called {id}"),
        page: "Slow".to_owned(),
        symptom: crate::lineup::Symptom::default(),
        is_control: rising.is_empty(),
        causes: Option::into_iter(cause).collect(),
        suspects: vec![(Component::Payment, Mechanism::ThirdPartyQuota)],
        path: rising
            .iter()
            .map(|name| (format!("promql:{name}"), probe(name)))
            .collect(),
        reference: Ok(reference(id, rising)),
    };
    let catalogue = [
        drill(
            "slow",
            &SLOW,
            Some((Component::Inventory, Mechanism::MissingIndex)),
        ),
        drill(
            "queue",
            &["wait", "p99", "shared"],
            Some((Component::Checkout, Mechanism::PoolTooSmall)),
        ),
        drill(
            "surge",
            &["requests", "p99"],
            Some((Component::Clients, Mechanism::TrafficSurge)),
        ),
        drill("calm", &[], None),
    ];
    Lineup::of(of, "Slow", of == "calm", &catalogue)
}

fn deploy(service: &str, release: &str) -> Detail {
    Detail::Deploy(Box::new(Deploy {
        id: format!("{service}@{release}"),
        service: service.to_owned(),
        release: release.to_owned(),
        at: PAGE - Duration::minutes(2),
        role: String::new(),
        summary: String::new(),
        kind: DeployKind::Deploy,
        diff: String::new(),
        changes: Vec::new(),
        command: None,
    }))
}

pub(super) fn graded(writeup: &WriteUp, facts: &Facts) -> Verdict {
    grade(
        &rubric(),
        writeup,
        examined(writeup),
        facts,
        &lineup("slow"),
    )
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
