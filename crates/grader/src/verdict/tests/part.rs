//! The parts that a verdict adds up: impact, alert, confidence and reproduction.

use time::Duration;

use super::super::*;
use super::case::{examined, facts, graded, item, lineup, points, right, rubric};
use crate::reproduction::{Answered, Reproduced, Trial};
use crate::vocabulary::Mechanism;
use crate::writeup;

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

/// Of 3000 requests 600 were slow on the rubric's routes; the hardest hit of them had 1000, and all that were hit had 5000.
#[test]
fn whichever_routes_are_taken_for_the_affected_ones_their_count_is_right() {
    let mut facts = facts();
    let impact = facts.impact.as_mut().expect("an impact");
    let of = |requests| Counted {
        requests,
        ..impact.counted
    };
    impact.otherwise = vec![of(1000), of(5000)];
    for (said, points) in [
        (700, 4.0),
        (760, 8.0),
        (2000, 8.0),
        (6200, 8.0),
        (6300, 4.0),
    ] {
        let mut writeup = right();
        writeup.impact.requests = Some(said);
        let verdict = graded(&writeup, &facts);
        let item = item(&verdict, "impact numbers");
        assert_eq!(item.points, points, "{said}: {}", item.why);
        let ways = "recorded 3000, 1000 to 5000 by the routes that are counted";
        assert!(item.why.contains(ways), "{}", item.why);
    }
}

#[test]
fn without_an_affected_second_there_is_no_count_to_compare_with() {
    let mut facts = facts();
    facts.impact = Some(ImpactTruth::default());
    for (said, points, why) in [
        (Some(0), 8.0, "as you say: no second had enough failed"),
        (Some(40), 0.0, "You say 40 requests failed, but there was"),
        (None, 0.0, "say so with `failed = 0`"),
    ] {
        let mut writeup = right();
        writeup.impact.failed = said;
        let verdict = graded(&writeup, &facts);
        let item = item(&verdict, "impact numbers");
        assert_eq!(item.points, points, "{}", item.why);
        assert!(item.why.contains(why), "{}", item.why);
        assert!(!item.why.contains("0 of 0"), "{}", item.why);
    }
}

/// Two changes within two seconds of each other, of which one is the cause.
#[test]
fn the_time_to_detect_names_the_change_that_it_counts_from() {
    let mut facts = facts();
    let why = |facts: &Facts| graded(&right(), facts).times[0].why.clone();
    assert_eq!(
        why(&facts),
        "From the change behind it, at 10:03:00, to the page at 10:05:00."
    );
    let entry = |service: &str, second: &str| {
        let entry = format!(
            r#"{{"id":"{service}@2026.11.8","service":"{service}","release":"2026.11.8","at":"2026-11-23T{second}Z","role":"x","kind":"deploy"}}"#
        );
        serde_json::from_str(&entry).expect("an entry of the deploy log")
    };
    facts.deploys = vec![entry("gateway", "10:02:59"), entry("inventory", "10:03:01")];
    assert_eq!(
        why(&facts),
        "From the change behind it, `inventory@2026.11.8` at 10:03:00, to the page at 10:05:00."
    );
}

#[test]
fn a_trigger_is_told_by_its_parts() {
    for (kind, deploy, pointers, expected) in [
        (
            "deploy",
            "inventory@2026.11.8",
            1,
            "The kind is right, and so is the deploy.",
        ),
        (
            "config",
            "inventory@2026.11.8",
            1,
            "The kind is wrong; the deploy is right.",
        ),
        (
            "deploy",
            "checkout@1",
            0,
            "The kind is right; the deploy is wrong. No evidence is given for it.",
        ),
        (
            "deploy",
            "",
            2,
            "The kind is right; no deploy is named. No evidence for it resolves.",
        ),
    ] {
        let mut writeup = right();
        writeup.trigger.kind = kind.parse().ok();
        writeup.trigger.deploy = Some(deploy.to_owned()).filter(|deploy| !deploy.is_empty());
        writeup.trigger.evidence = match pointers {
            0 => Vec::new(),
            1 => writeup.trigger.evidence,
            _ => vec!["promql:nowhere".to_owned()],
        };
        let verdict = graded(&writeup, &facts());
        assert_eq!(item(&verdict, "trigger").why, expected);
    }
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
    let check = |given: &[&str], outcome, expected, why: &str| {
        reproduced(true, given, outcome, expected, why);
    };
    let line = &["firedrill request GET /v1/products"][..];
    check(
        line,
        Some(ran(9, 0)),
        (4.0, 4.0),
        "With the change: 9 of 20 requests failed",
    );
    check(
        line,
        Some(ran(9, 8)),
        (0.0, 4.0),
        "It shows the symptom without the change too.",
    );
    check(
        line,
        Some(ran(1, 0)),
        (0.0, 4.0),
        "It does not show the symptom.",
    );
    check(
        line,
        Some(ran(0, 9)),
        (0.0, 4.0),
        "only without the change.",
    );
    let refused = Reproduced::Refused("`rm -r /` is not a `firedrill request`".to_owned());
    check(
        line,
        Some(refused),
        (0.0, 4.0),
        "Not run: `rm -r /` is not a",
    );
    let away = Reproduced::Unchecked("no room".to_owned());
    check(line, Some(away), (0.0, 0.0), "could not be run (no room)");
    check(line, None, (0.0, 0.0), "the shop is no longer running");
    check(&[], None, (0.0, 4.0), "None is given.");
    reproduced(false, line, None, (0.0, 0.0), "Not run: in this drill");
    reproduced(false, &[], None, (0.0, 0.0), "this drill needs none");
}

fn ran(suspect: usize, predecessor: usize) -> Reproduced {
    let trial = |failed: usize| Trial {
        commands: vec![Answered {
            requests: 20,
            failed,
            p90_ms: 9.0,
        }],
        grown: None,
    };
    Reproduced::Ran {
        suspect: trial(suspect),
        predecessor: trial(predecessor),
    }
}

/// The item is worth that and says that, where the drill asks for a reproduction or not.
fn reproduced(
    is_asked: bool,
    given: &[&str],
    outcome: Option<Reproduced>,
    expected: (f64, f64),
    why: &str,
) {
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
    let verdict = grade(&rubric, &writeup, examined, &facts(), &lineup("slow"));
    let item = item(&verdict, "reproduction");
    assert_eq!((item.points, item.of), expected, "{}", item.why);
    assert!(item.why.contains(why), "{}", item.why);
}

#[test]
fn pointers_of_the_cause_that_show_nothing_cost_a_little() {
    for (evidence, expected, why) in [
        (&["trace:slow"][..], 4.0, "the values they claim."),
        (
            &["trace:slow", "promql:always"],
            3.5,
            "1 of 2 pointers of the cause shows no difference",
        ),
        (
            &["promql:always", "deploy:inventory"],
            3.0,
            "2 of 2 pointers of the cause show no difference",
        ),
    ] {
        let mut writeup = right();
        writeup.cause.evidence = evidence.iter().map(|one| (*one).to_owned()).collect();
        let verdict = graded(&writeup, &facts());
        let item = item(&verdict, "evidence");
        assert_eq!(item.points, expected, "{}", item.why);
        assert!(item.why.contains(why), "{}", item.why);
    }
}
