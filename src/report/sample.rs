//! A verdict with something of everything, for the tests of its shapes.

use grader::evidence::{By, LookKind};
use grader::pointer::{Detail, Executed, Finding, Outcome, Tells};
use grader::verdict::{Condition, Conduct, Glance, Item, Taken, Worth};
use grader::writeup::{ActionItem, Cause, Claim};
use grader::{Component, Kind, Mechanism, Severity, Verdict, WriteUp};

pub(super) fn verdict() -> Verdict {
    Verdict {
        run: "2026-11-23-100000-k3".to_owned(),
        passed: false,
        incomplete: true,
        unproven: None,
        score: 64,
        pass_mark: 70,
        conditions: vec![
            condition(
                "root cause is right",
                true,
                "Component and mechanism are right.",
            ),
            condition(
                "root cause is proven",
                false,
                "None of the cause's 2 pointers proves anything. The first: `promql:up@page`: 1 is within the baseline (1).",
            ),
        ],
        items: vec![
            item("severity", 5.0, 5.0, "sev2 fits the impact.", None),
            item(
                "root cause",
                12.0,
                30.0,
                "Component and mechanism are right. No evidence shows a difference from the baseline, so it could be a guess.",
                Some("point to something that was different before the incident"),
            ),
            item(
                "action items",
                0.0,
                5.0,
                "0 given with at least three words, 1 required; one without an owner counts half.",
                None,
            ),
            item(
                "reproduction",
                0.0,
                0.0,
                "None is given; it is not counted.",
                None,
            ),
        ],
        pointers: vec![
            found(
                "cause.evidence[0]",
                "promql:up@page",
                Tells::No("1 is within the baseline (1)".to_owned()),
            ),
            found(
                "timeline[0].evidence[0]",
                "promql:p99@page => 0.48",
                Tells::Yes("0.48 is outside the baseline (0.04)".to_owned()),
            ),
            executed(
                "trigger.evidence[0]",
                "deploy:<b>\u{1b}[31m",
                Outcome::Failed("this run has no deploy `<b>\u{1b}[31m`".to_owned()),
            ),
            executed(
                "impact.evidence[0]",
                "trace:ab",
                Outcome::Unchecked("Jaeger does not answer".to_owned()),
            ),
        ],
        conduct: conduct(),
    }
}

fn conduct() -> Conduct {
    let at = time::macros::datetime!(2026-11-23 10:08:05 UTC);
    let taken = |name: &str, seconds: Option<f64>, why: &str| Taken {
        name: name.to_owned(),
        seconds,
        why: why.to_owned(),
    };
    let look = |kind: LookKind, what: &str, worth: Worth| Glance {
        at,
        by: By::Command,
        kind,
        what: what.to_owned(),
        worth,
    };
    Conduct {
        times: vec![
            taken(
                "detect",
                Some(12.0),
                "The change was at 10:06:48, the page at 10:07:00.",
            ),
            taken(
                "diagnose",
                Some(65.2),
                "logs `level=error <x>` at 10:08:05 is the first look that shows the deciding signal: Lines that were not there.",
            ),
            taken("mitigate", None, "No recorded action ended it."),
        ],
        looks: vec![
            look(LookKind::Deploys, "all", Worth::Little),
            look(
                LookKind::Log,
                "level=error <x>",
                Worth::Settling("Lines that were not there".to_owned()),
            ),
        ],
    }
}

pub(super) fn writeup() -> WriteUp {
    WriteUp {
        verdict: Some(Claim::Incident),
        severity: Some(Severity::Sev2),
        summary: "Orders took up to <three> seconds & more, because every price was read from the whole table.".to_owned(),
        cause: Cause {
            component: Some(Component::Inventory),
            mechanism: Some(Mechanism::MissingIndex),
            explanation: "The migration rebuilt the table without its index.".to_owned(),
            ..Cause::default()
        },
        action_items: vec![ActionItem {
            what: "Compare query plans in the migration's test".to_owned(),
            owner: "inventory team".to_owned(),
        }],
        narrative: "First paragraph.\n\n<script>alert(1)</script>".to_owned(),
        ..WriteUp::default()
    }
}

fn condition(name: &str, met: bool, why: &str) -> Condition {
    Condition {
        name: name.to_owned(),
        met,
        unchecked: false,
        why: why.to_owned(),
    }
}

fn item(name: &'static str, points: f64, of: f64, why: &str, hint: Option<&str>) -> Item {
    Item {
        name: name.into(),
        points,
        of,
        why: why.to_owned(),
        hint: hint.map(str::to_owned),
    }
}

fn found(field: &str, text: &str, tells: Tells) -> Executed {
    let finding = Finding {
        what: "0.48 at 10:07:00".to_owned(),
        at: None,
        value: Some(0.48),
        value_holds: None,
        tells,
        detail: Detail::Promql(text.to_owned()),
    };
    executed(field, text, Outcome::Found(Box::new(finding)))
}

fn executed(field: &str, text: &str, outcome: Outcome) -> Executed {
    Executed {
        field: field.parse().ok(),
        text: text.to_owned(),
        kind: Some(Kind::Promql),
        outcome,
    }
}
