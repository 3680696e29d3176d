//! A run, as far as a verdict needs it: the stand-ins' world, a rubric, facts, and the right write-up.

use grader::evidence::{Deploy, DeployKind, Sample, Series};
use grader::lineup::{Candidate, Lineup};
use grader::mitigation::Measurement;
use grader::moment::Moment;
use grader::reference::{Metrics, Reference, Stretch};
use grader::verdict::{Action, Counted, Facts, ImpactTruth};
use grader::writeup::{self, Claim, WriteUp};
use grader::{Component, Mechanism, Rubric, Severity, TriggerKind};
use text::format::rfc3339;

use crate::stub::{CHANGE, ENDED, PAGE, SLOW, World, frame, world};

const KEY: &str = r#"
severity = ["sev2"]

[trigger]
kinds = ["deploy"]
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
because = "The release brought it, but not what it does."

[mitigation]
indicator = "indicator"
below = 0.3
accept = ["rollback inventory"]
"#;

/// Everything about the run, apart from the write-up, that the grade depends on.
pub(crate) struct GradedRun {
    pub(crate) world: World,
    pub(crate) rubric: Rubric,
    pub(crate) facts: Facts,
    pub(crate) lineup: Lineup,
}

pub(crate) async fn graded_run() -> GradedRun {
    let world = world().await;
    let deploy = Deploy {
        id: "inventory@2026.11.8".to_owned(),
        service: "inventory".to_owned(),
        release: "2026.11.8".to_owned(),
        at: CHANGE,
        role: "engineer".to_owned(),
        summary: "Prices remember who set them".to_owned(),
        kind: DeployKind::Deploy,
        diff: String::new(),
        changes: Vec::new(),
        command: None,
    };
    let line = serde_json::to_string(&deploy).expect("it is plain");
    std::fs::write(world.folder.path().join("deploys.jsonl"), line + "\n").expect("there is room");
    let logs = world.folder.path().join("logs");
    std::fs::create_dir(&logs).expect("there is room");
    let line = format!(
        r#"{{"timestamp":"{}","level":"info","service":"checkout","message":"stored order"}}"#,
        rfc3339(PAGE)
    );
    std::fs::write(logs.join("checkout-1.jsonl"), line + "\n").expect("there is room");
    let rubric: Rubric = toml::from_str(KEY).expect("the key is right");
    assert_eq!(rubric.problems(), Vec::new());
    let facts = Facts {
        run: "r1".to_owned(),
        frame: frame(),
        submitted_at: None,
        trigger_at: Some(CHANGE),
        impact: Some(ImpactTruth {
            start: Some(CHANGE),
            end: Some(ENDED),
            counted: Counted {
                requests: 3000,
                failed: 0,
                slow: 600,
                p99_ms: Some(480.0),
            },
            otherwise: Vec::new(),
        }),
        deploys: vec![deploy],
        actions: vec![Action {
            at: PAGE,
            what: "rollback inventory".to_owned(),
        }],
        mitigation: Some(Measurement {
            value: Some(0.05),
            well_for_s: 30.0,
            is_settled: true,
            problem: None,
        }),
        looks: Vec::new(),
    };
    GradedRun {
        world,
        rubric,
        facts,
        lineup: lineup(),
    }
}

/// One other cause of the page: the same latency, by orders that wait for a connection.
fn lineup() -> Lineup {
    let samples = (0..60).map(|second| Sample {
        at_s: f64::from(second),
        value: if second < 30 { 0.04 } else { 0.48 },
    });
    let p99 = Series {
        labels: [("__name__".to_owned(), "p99".to_owned())].into(),
        samples: samples.collect(),
    };
    let reference = Reference {
        id: "queue".to_owned(),
        page: "OrdersSlow".to_owned(),
        baseline: Stretch {
            from_s: 0.0,
            to_s: 29.0,
        },
        incident: Stretch {
            from_s: 30.0,
            to_s: 59.0,
        },
        metrics: Metrics::of(&[p99], 0.0),
        ..Reference::default()
    };
    let rival = Candidate {
        id: "queue".to_owned(),
        title: "Orders wait for a connection".to_owned(),
        page: "OrdersSlow".to_owned(),
        symptom: grader::lineup::Symptom::default(),
        is_control: false,
        causes: vec![(Component::Checkout, Mechanism::PoolTooSmall)],
        suspects: Vec::new(),
        path: Vec::new(),
        reference: Ok(reference),
    };
    Lineup::of("slow", "OrdersSlow", false, &[rival])
}

/// A right write-up; each case spoils one thing about it.
pub(crate) fn right() -> WriteUp {
    let at = |offset: i64| Some(Moment::Page(time::Duration::seconds(offset)));
    let event = |offset: i64, what: &str, pointer: String| writeup::Event {
        at: at(offset),
        what: what.to_owned(),
        evidence: vec![pointer],
    };
    let slow = format!("trace:{SLOW}");
    WriteUp {
        verdict: Some(Claim::Incident),
        severity: Some(Severity::Sev2),
        confidence: Some(0.9),
        summary: "Orders were slow.".to_owned(),
        impact: writeup::Impact {
            start: at(-120),
            end: at(300),
            requests: Some(3000),
            failed: Some(0),
            slow: Some(600),
            ..writeup::Impact::default()
        },
        detection: writeup::Detection {
            at: at(0),
            by: "OrdersSlow".to_owned(),
            evidence: vec![],
        },
        timeline: vec![
            event(-120, "rolled out", "deploy:inventory@2026.11.8".to_owned()),
            event(0, "paged", "promql:p99@page".to_owned()),
            event(60, "a slow order", slow.clone()),
        ],
        trigger: writeup::Trigger {
            kind: Some(TriggerKind::Deploy),
            deploy: Some("inventory@2026.11.8".to_owned()),
            evidence: vec!["deploy:inventory@2026.11.8".to_owned()],
            ..writeup::Trigger::default()
        },
        cause: writeup::Cause {
            component: Some(Component::Inventory),
            mechanism: Some(Mechanism::MissingIndex),
            evidence: vec![slow, "promql:p99@page+30s => 0.48".to_owned()],
            ..writeup::Cause::default()
        },
        ruled_out: vec![writeup::RuledOut {
            component: Some(Component::Checkout),
            mechanism: Some(Mechanism::PoolTooSmall),
            hypothesis: "Orders wait for a connection.".to_owned(),
            because: "The query takes the time.".to_owned(),
            evidence: vec![format!("trace:{SLOW}")],
        }],
        mitigation: writeup::Mitigation {
            action: "rollback inventory".to_owned(),
            ..writeup::Mitigation::default()
        },
        action_items: vec![writeup::ActionItem {
            what: "test migrations for query plans".to_owned(),
            owner: "inventory team".to_owned(),
        }],
        alert: writeup::Alert {
            expr: "errors".to_owned(),
            hold_s: 5.0,
        },
        ..WriteUp::default()
    }
}
