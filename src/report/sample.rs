//! A verdict with something of everything, for the tests of its shapes.

use grader::differential::{self, Exclusion, Standing};
use grader::effect::{Change, Direction, Effect, Feature};
use grader::lineup::{Remedy, Row};
use grader::pointer::{Detail, Executed, Finding, Outcome};
use grader::unit::Unit;
use grader::verdict::{Comparison, Condition, Graded, Item, Taken};
use grader::writeup::{ActionItem, Cause, Claim};
use grader::{Component, Kind, Mechanism, Severity, Verdict, WriteUp};

pub(crate) fn verdict() -> Verdict {
    Verdict {
        run: "2026-11-23-100000-k3".to_owned(),
        drill: Some(Graded {
            id: "slow-checkout".to_owned(),
            level: 2,
        }),
        passed: false,
        incomplete: true,
        amended: false,
        unproven: None,
        score: 64,
        earned: 93,
        pass_mark: 70,
        conditions: conditions(),
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
                Effect::refused("`up` says how the scrape went"),
            ),
            found("timeline[0].evidence[0]", "promql:p99@page => 0.48", slow()),
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
        rivals: rivals(),
        comparison: Some(comparison()),
        times: times(),
    }
}

fn conditions() -> Vec<Condition> {
    vec![
        condition(
            "root cause is right",
            true,
            "Component and mechanism are right.",
        ),
        condition(
            "other causes are excluded",
            false,
            "What you show would look the same in 1 of 5 others: Prices are old.",
        ),
    ]
}

fn p99() -> Feature {
    Feature {
        name: "p99".to_owned(),
        direction: Direction::Up,
    }
}

fn comparison() -> Comparison {
    Comparison {
        field: "cause.evidence[1]".to_owned(),
        pointer: "promql:p99@page => 0.48".to_owned(),
        feature: p99(),
        unit: Unit::Seconds,
        here: 0.44,
        there: vec![Some(0.02), None, Some(0.4), None, None],
    }
}

/// One of each standing, and of each way to be excluded.
fn rivals() -> Vec<Row> {
    let by = |field: &str, is_here: bool, what: &str| Exclusion {
        field: field.to_owned(),
        feature: p99(),
        is_here,
        what: what.to_owned(),
    };
    let slower = by("cause.evidence[1]", true, "0.04 before, 0.48 then");
    let quiet = by("ruled_out[0].evidence[0]", false, "3 before, 9 then");
    let several = vec![slower.clone(), quiet.clone(), quiet.clone()];
    let would = Remedy {
        pointer: "promql:cache_age_seconds@page".to_owned(),
        feature: Feature {
            name: "cache_age_seconds{service=\"inventory\"}".to_owned(),
            direction: Direction::Down,
        },
        is_here: true,
        what: "30 to 31 before, 2 then".to_owned(),
    };
    let why = "its reference is missing".to_owned();
    vec![
        row(
            "Orders wait in a queue",
            true,
            Standing::Excluded { by: several },
            None,
        ),
        row(
            "Stock <is> counted twice",
            true,
            Standing::Excluded { by: vec![slower] },
            None,
        ),
        row("Prices are old", true, Standing::Standing, Some(would)),
        row(
            "Carts are lost",
            false,
            Standing::Excluded { by: vec![quiet] },
            None,
        ),
        row("Payments fail", false, Standing::Unchecked { why }, None),
    ]
}

fn row(title: &str, has_page: bool, standing: Standing, would: Option<Remedy>) -> Row {
    Row {
        title: title.to_owned(),
        has_page,
        outcome: differential::Outcome {
            rival: title.to_lowercase().replace(' ', "-"),
            standing,
        },
        would,
    }
}

fn slow() -> Effect {
    let feature = p99();
    let change = Change {
        size: 0.44,
        strength: 9.0,
        services: ["checkout".to_owned()].into(),
        what: "0.04 before, 0.48 then".to_owned(),
        ..Change::default()
    };
    Effect {
        changes: [(feature, change)].into(),
        refused: None,
    }
}

fn times() -> Vec<Taken> {
    let taken = |name: &str, seconds: Option<f64>, why: &str| Taken {
        name: name.to_owned(),
        seconds,
        why: why.to_owned(),
    };
    vec![
        taken(
            "detect",
            Some(12.0),
            "The change was at 10:06:48, the page at 10:07:00.",
        ),
        taken(
            "first look",
            Some(65.2),
            "logs `level=error <x>` at 10:08:05; 2 looks in all.",
        ),
        taken("mitigate", None, "No recorded action ended it."),
    ]
}

pub(crate) fn writeup() -> WriteUp {
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

fn found(field: &str, text: &str, effect: Effect) -> Executed {
    let finding = Finding {
        what: "0.48 at 10:07:00".to_owned(),
        at: None,
        value: Some(0.48),
        value_holds: None,
        effect,
        probe: None,
        detail: Detail::Plain,
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
