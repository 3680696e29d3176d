//! Reading write-ups: right ones, and every kind of wrong one.

use grader::writeup::Address;

use super::*;
use crate::report::template::{Known, Noticed, template};

fn problems(text: &str) -> String {
    let Err(problems) = parse("report.md", text) else {
        return "none".to_owned();
    };
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

#[test]
fn the_template_reads_as_an_empty_write_up() {
    let text = template(&Known::default());
    assert_eq!(problems(&text), "none", "{text}");
    let writeup = parse("report.md", &text).expect("it has no problems");
    let empty = WriteUp {
        narrative: "# What happened\n\nThis part is for people and is not graded.".to_owned(),
        ..WriteUp::default()
    };
    assert_eq!(writeup, empty);
}

/// A drill in which two changes, the page and an action are on record.
fn known() -> Known {
    use time::macros::datetime;

    let deploy = |id: &str, at, command: Option<&str>| grader::evidence::Deploy {
        id: id.to_owned(),
        service: "checkout".to_owned(),
        release: "2".to_owned(),
        at,
        role: String::new(),
        summary: "Retry \"orders\"".to_owned(),
        kind: record::DeployKind::Deploy,
        diff: String::new(),
        changes: Vec::new(),
        command: command.map(str::to_owned),
    };
    Known {
        run: "r1".to_owned(),
        page: Some(datetime!(2026-11-23 10:02:00 UTC)),
        alert: "Orders \"slow\"\nsince 10:00".to_owned(),
        started: Some(datetime!(2026-11-23 10:00:00 UTC)),
        snapshots: [
            ("base-gateway", "gateway"),
            ("base-checkout", "checkout"),
            ("late", "checkout"),
        ]
        .map(|(name, service)| (name.to_owned(), service.to_owned()))
        .into(),
        deploys: vec![
            deploy("history", datetime!(2026-11-20 10:00:00 UTC), None),
            deploy("checkout@2", datetime!(2026-11-23 10:01:50 UTC), None),
            deploy(
                "checkout@1#2",
                datetime!(2026-11-23 10:03:00 UTC),
                Some("rollback checkout"),
            ),
        ],
        impact: Noticed::Impact(crate::report::impact::Impact {
            start: datetime!(2026-11-23 10:01:52 UTC),
            until: datetime!(2026-11-23 10:03:10 UTC),
            is_over: true,
            routes: vec!["POST /v1/orders".to_owned()],
            requests: 94,
            failed: 33,
            slow: 0,
            p99_ms: None,
        }),
    }
}

#[test]
fn the_template_has_what_is_known() {
    let known = known();
    let text = template(&known);
    assert_eq!(problems(&text), "none", "{text}");
    let writeup = parse("report.md", &text).expect("it has no problems");
    assert_eq!(writeup.detection.by, "Orders 'slow' since 10:00");
    let timeline: Vec<String> = writeup
        .timeline
        .iter()
        .map(|event| {
            let at = event.at.map(|at| at.to_string()).unwrap_or_default();
            format!("{at} {} {:?}", event.what, event.evidence)
        })
        .collect();
    assert_eq!(
        timeline,
        [
            r#"10:01:50 checkout 2: Retry 'orders' ["deploy:checkout@2"]"#,
            "10:02:00 Orders 'slow' since 10:00 pages []",
            r#"10:03:00 we did: rollback checkout ["deploy:checkout@1#2"]"#,
        ]
    );
    let impact = &writeup.impact;
    assert_eq!(
        impact.start.map(|at| at.to_string()).as_deref(),
        Some("10:01:52")
    );
    assert_eq!(
        impact.end.map(|at| at.to_string()).as_deref(),
        Some("10:03:10")
    );
    assert_eq!(
        (impact.requests, impact.failed, impact.slow, impact.p99_ms),
        (Some(94), Some(33), Some(0), None)
    );
    assert!(text.contains("up to 10:03:10: POST /v1/orders."), "{text}");
    assert!(text.contains("\"heap:base-checkout..late\""), "{text}");

    let text = template(&Known {
        impact: Noticed::Nothing,
        ..known
    });
    let writeup = parse("report.md", &text).expect("it has no problems");
    let impact = writeup.impact;
    assert_eq!((impact.failed, impact.slow), (Some(0), Some(0)));
    assert_eq!(
        (impact.start, impact.end, impact.requests),
        (None, None, None)
    );
}

fn address(text: &str) -> Address {
    text.parse().expect(text)
}

#[test]
fn a_full_head_is_read() {
    let text = "\u{feff}\n+++\nverdict = 'incident'\nseverity = 'sev2'\nconfidence = 0.8\n[impact]\nstart = 10:02:00\nend = 2026-11-23T10:05:00Z\nrequests = 1_200\np99_ms = 480\nevidence = 'trace:ab'\n[cause]\ncomponent = 'inventory'\nmechanism = 'missing-index'\nevidence = ['promql:up@page']\n[[timeline]]\nat = 'page-2m'\nwhat = 'x'\n[alert]\nexpr = 'x > 3'\nfor = '1m30s'\n+++\nwords\n";
    let writeup = parse("report.md", text).expect("it is right");
    assert_eq!(writeup.verdict, Some(Claim::Incident));
    assert_eq!(writeup.impact.requests, Some(1200));
    assert_eq!(
        writeup.impact.start.map(|at| at.to_string()).as_deref(),
        Some("10:02:00")
    );
    assert_eq!(
        writeup.pointers(),
        [
            (address("impact.evidence[0]"), "trace:ab"),
            (address("cause.evidence[0]"), "promql:up@page")
        ]
    );
    assert_eq!(writeup.confidence, Some(0.8));
    assert_eq!(
        (&*writeup.alert.expr, writeup.alert.hold_s),
        ("x > 3", 90.0)
    );
    assert_eq!(writeup.narrative, "words");
}

#[test]
fn all_problems_are_told_with_line_and_key() {
    let text = "+++\nverdict = 'maybe'\nseverty = 'sev2'\n\n[impact]\nrequests = -3\nstart = 'soon'\nevidence = [1]\n\n[cause]\nmechanism = 'mising-index'\ncolour = 'red'\n\n[[timeline]]\nat = 5\n\n[trigger]\nkind = ['deploy']\n[alert]\nfor = 'long'\n+++\n";
    insta::assert_snapshot!(problems(text), @r"
    report.md:2:11: verdict: `maybe` is not a verdict; write `incident` or `no incident`
    report.md:3:1: severty: is not a known key; did you mean `severity`?
    report.md:6:12: impact.requests: must be a whole number, 0 or more, not the number -3
    report.md:7:9: impact.start: `soon` is not a time; write `10:02:30` (UTC), `page+30s` or `2026-11-23T10:02:30Z`
    report.md:8:13: impact.evidence[0]: must be a string, not the number 1
    report.md:11:13: cause.mechanism: `mising-index` is not a mechanism; did you mean `missing-index`?
    report.md:12:1: cause.colour: is not a known key; the keys are `component`, `mechanism`, `explanation`, `evidence`
    report.md:15:6: timeline[0].at: must be a time, not the number 5
    report.md:18:8: trigger.kind: must be a string, not a list
    report.md:20:7: alert.for: `long` is not a duration, such as `250ms`, `30s`, `5m`, `2h` or `2d`
    ");
}

#[test]
fn a_broken_head_is_told_with_its_line() {
    fn check(text: &str, expected: &str) {
        assert_eq!(problems(text).trim(), expected, "{text:?}");
    }
    check(
        "",
        "report.md:1:1: the front matter is missing: the first line must be `+++`; `firedrill report new` writes a template",
    );
    check(
        "# Title\n+++\n+++\n",
        "report.md:1:1: the front matter is missing: the first line must be `+++`; `firedrill report new` writes a template",
    );
    check(
        "+++\nverdict = 'incident'\n",
        "report.md:1:1: the front matter has no end: a second `+++` line is missing",
    );
    check("+++\n+++\n", "none");
    let large = "x".repeat(MAX_BYTES + 1);
    assert_eq!(
        problems(&large).trim(),
        "report.md:1:1: the write-up has 262145 bytes; the limit is 262144"
    );
}

#[test]
fn syntax_errors_keep_their_place() {
    insta::assert_snapshot!(problems("+++\nverdict = incident\n[cause\nmechanism = 'x'\n+++\n"), @r#"
    report.md:2:11: put quotes around the text: "incident"
    report.md:3:7: unclosed table, expected `]`
    "#);
}

#[test]
fn more_pointers_than_a_field_may_have_are_told_with_line_and_key() {
    let pointers = |count: usize| -> String {
        let one = |index| format!("'log:n={index}',");
        format!("evidence = [{}]\n", (0..count).map(one).collect::<String>())
    };
    let text = |impact: usize, cause: usize, ruled_out: usize| {
        let [impact, cause, ruled_out] = [impact, cause, ruled_out].map(pointers);
        format!(
            "+++\n[impact]\n{impact}[cause]\n{cause}[[ruled_out]]\n{ruled_out}[[ruled_out]]\n{ruled_out}+++\n"
        )
    };
    let keep = "keep those that tell your cause from others";
    assert_eq!(problems(&text(16, 12, 6)), "none");
    assert_eq!(
        problems(&text(13, 13, 7)),
        format!(
            "report.md:5:1: cause.evidence: a cause has at most 12 pointers; {keep}\n\
             report.md:7:1: ruled_out[0].evidence: a hypothesis has at most 6 pointers; {keep}\n\
             report.md:9:1: ruled_out[1].evidence: a hypothesis has at most 6 pointers; {keep}\n"
        )
    );
    assert_eq!(
        problems(&text(30, 12, 1)),
        format!("report.md:5:1: cause.evidence: a write-up has at most 40 pointers; {keep}\n")
    );
    let (writeup, over) = draft("report.md", &text(0, 13, 0)).expect("it can be read");
    assert_eq!((writeup.cause.evidence.len(), over.len()), (13, 1));
}

#[test]
fn the_cause_that_is_claimed_is_not_ruled_out() {
    let cause = "+++\n[cause]\ncomponent = \"inventory\"\nmechanism = \"missing-index\"\n";
    let ruled_out = |mechanism: &str| {
        format!(
            "{cause}[[ruled_out]]\ncomponent = \"inventory\"\nmechanism = \"{mechanism}\"\n+++\n"
        )
    };
    assert_eq!(problems(&ruled_out("storage-full")), "none");
    let said = problems(&ruled_out("missing-index"));
    assert!(
        said.contains("ruled_out[0].component") && said.contains("rules out the cause"),
        "{said}"
    );
}
