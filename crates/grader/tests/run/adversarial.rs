//! Write-ups that try to get a grade they did not earn, or to do harm on the way: executed and graded as in a drill.
//!
//! None passes, none crashes or takes for ever, and each verdict reads as sentences that say why.

use std::time::{Duration, Instant};

use grader::writeup::{self, Claim, WriteUp};
use grader::{Component, Mechanism, TriggerKind, Verdict, Windows, examine, grade};

use crate::graded_run::{GradedRun, graded_run, right};
use crate::stub::ELSEWHEN;

impl GradedRun {
    async fn graded(&self, writeup: &WriteUp) -> Verdict {
        let examined = examine(&self.world.sources, &self.facts.frame, writeup).await;
        grade(&self.rubric, writeup, examined, &self.facts, &self.lineup)
    }

    /// Grades a spoilt write-up: it must not pass, must end soon, and must say each of `told`.
    async fn check(&self, name: &str, spoil: impl FnOnce(&mut WriteUp), told: &[&str]) -> Verdict {
        let mut writeup = right();
        spoil(&mut writeup);
        let begun = Instant::now();
        let verdict = self.graded(&writeup).await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "{name} took {took:?}");
        assert!(!verdict.passed, "{name} passes with {}", verdict.score);
        let said = sentences(name, &verdict);
        for part in told {
            assert!(
                said.iter().any(|sentence| sentence.contains(part)),
                "{name} does not say `{part}` but:\n{}",
                said.join("\n")
            );
        }
        verdict
    }
}

/// Everything that a verdict says; each of it reads as a sentence of a bearable length.
fn sentences(name: &str, verdict: &Verdict) -> Vec<String> {
    let reasons = verdict.items.iter().map(|item| item.why.clone());
    let conditions = verdict.conditions.iter().map(|one| one.why.clone());
    let said: Vec<String> = reasons.chain(conditions).collect();
    for sentence in &said {
        let is_sentence = sentence.ends_with('.') && !sentence.ends_with("..");
        assert!(
            is_sentence && (10..700).contains(&sentence.len()),
            "{name}: {sentence}"
        );
    }
    let about = verdict.pointers.iter().map(|pointer| {
        let text = pointer.sentence();
        assert!((5..700).contains(&text.len()), "{name}: {text}");
        format!("{}: {text}", pointer.text)
    });
    said.into_iter().chain(about).collect()
}

#[tokio::test]
async fn a_right_write_up_passes_here() {
    let verdict = graded_run().await.graded(&right()).await;
    assert!(verdict.passed && verdict.score >= 95, "{verdict:#?}");
    sentences("right", &verdict);
}

#[tokio::test]
async fn who_says_nothing_gets_nothing() {
    let run = graded_run().await;
    let told = [
        "`verdict` is missing",
        "No cause is named.",
        "The cause has no evidence.",
        "There are no pointers.",
        "None is proposed.",
    ];
    let empty = run.check("empty", |w| *w = WriteUp::default(), &told).await;
    // What others did on the live system stays on record, and is all that there is.
    assert!(empty.score <= 10, "{empty:#?}");
    let unknown = |writeup: &mut WriteUp| {
        let text = || "unknown".to_owned();
        let pointers = || vec![text()];
        *writeup = WriteUp {
            verdict: Some(Claim::Incident),
            summary: text(),
            ..WriteUp::default()
        };
        writeup.impact.description = text();
        writeup.impact.evidence = pointers();
        writeup.detection.by = text();
        writeup.trigger.kind = Some(TriggerKind::Unknown);
        writeup.trigger.deploy = Some(text());
        writeup.trigger.evidence = pointers();
        writeup.cause.component = Some(Component::Unknown);
        writeup.cause.mechanism = Some(Mechanism::Unknown);
        writeup.cause.evidence = pointers();
        writeup.mitigation.action = text();
        writeup.alert.expr = text();
        writeup.timeline = vec![writeup::Event {
            what: text(),
            evidence: pointers(),
            ..writeup::Event::default()
        }];
        writeup.ruled_out = vec![writeup::RuledOut {
            hypothesis: text(),
            because: text(),
            evidence: pointers(),
            ..writeup::RuledOut::default()
        }];
    };
    let told = [
        "You say that the cause is not known.",
        "0 of 5 pointers resolve",
        "cannot be read",
        "It would not have fired in the incident.",
    ];
    let verdict = run.check("unknown", unknown, &told).await;
    assert!(verdict.score <= 15, "{verdict:#?}");
}

#[tokio::test]
async fn pointers_must_be_of_this_run_and_tell_it_from_another_cause() {
    let run = graded_run().await;
    let other = |writeup: &mut WriteUp| {
        let pointers = vec![
            format!("trace:{ELSEWHEN}"),
            "promql:p99@2025-11-23T10:07:00Z".to_owned(),
            "deploy:inventory@2025.1.1".to_owned(),
            "heap:early..late".to_owned(),
            "log:nothing of this run".to_owned(),
        ];
        writeup.cause.evidence = pointers.clone();
        writeup.trigger.evidence = pointers.clone();
        writeup.ruled_out[0].evidence = pointers.clone();
        for event in &mut writeup.timeline {
            event.evidence = pointers.clone();
        }
    };
    let told = [
        "0 of 30 pointers resolve",
        "the trace began at 00:00:00, outside this run",
        "is outside this run",
        "this run has no deploy `inventory@2025.1.1`",
        "this run has no heap snapshot `early`",
        "would look the same in all 1 cause",
    ];
    run.check("another run", other, &told).await;
    let one = |writeup: &mut WriteUp| {
        let pointers = vec!["promql:p99@page".to_owned()];
        writeup.cause.evidence = pointers.clone();
        writeup.trigger.evidence = pointers.clone();
        writeup.ruled_out[0].evidence = pointers.clone();
    };
    let told = ["What you show would look the same in all 1 cause"];
    run.check("what every such page shows", one, &told).await;
}

#[tokio::test]
async fn cause_and_evidence_must_both_be_right() {
    let run = graded_run().await;
    let no_evidence = |writeup: &mut WriteUp| {
        writeup.cause.evidence.clear();
        writeup.trigger.evidence.clear();
        writeup.ruled_out.clear();
        writeup.timeline.clear();
    };
    let told = [
        "Component and mechanism are right. No evidence shows a difference from the baseline there, so it could be a guess.",
        "The cause has no evidence.",
        "would look the same in all 1 cause",
    ];
    run.check("no evidence", no_evidence, &told).await;
    let wrong = |writeup: &mut WriteUp| {
        writeup.cause.component = Some(Component::Gateway);
        writeup.cause.mechanism = Some(Mechanism::PoolTooSmall);
    };
    let told = [
        "Neither component nor mechanism is right.",
        "Your cause is wrong.",
        "you were wrong: Brier score 0.81",
    ];
    run.check("wrong cause", wrong, &told).await;
    let victim = |writeup: &mut WriteUp| writeup.cause.component = Some(Component::Checkout);
    let told = [
        "That is a victim, not the cause: Checkout waits for inventory.",
        "part of the causal chain, but not its root.",
    ];
    run.check("victim", victim, &told).await;
    let trigger =
        |writeup: &mut WriteUp| writeup.cause.mechanism = Some(Mechanism::DefectiveRelease);
    let told = [
        "That is the trigger, not the cause: The release brought it",
        "part of the causal chain, but not its root.",
    ];
    run.check("trigger as cause", trigger, &told).await;
}

/// A write-up's text is limited where it is read; whatever came through all the same is bounded here too.
#[tokio::test]
async fn a_write_up_of_a_megabyte_is_graded_as_any_other() {
    let run = graded_run().await;
    let large = |writeup: &mut WriteUp| {
        let text = || "x".repeat(1 << 20);
        writeup.summary = text();
        writeup.narrative = text();
        writeup.cause.mechanism = Some(Mechanism::PoolTooSmall);
        writeup.cause.explanation = text();
        writeup.cause.evidence = vec![text(), format!("promql:{}@page", text())];
        writeup.trigger.deploy = Some(text());
        writeup.mitigation.action = text();
        writeup.alert.expr = text();
        let more = (0..3000).map(|number| format!("trace:{number:032x}"));
        writeup.ruled_out[0].evidence = more.collect();
    };
    let told = [
        "the expression has 1048576 bytes; the limit is 4096",
        "a hypothesis has at most 6 pointers",
        "It cannot be used: the expression has 1048576 bytes",
    ];
    let verdict = run.check("large", large, &told).await;
    let size = serde_json::to_string(&verdict).expect("it is plain").len();
    assert!(size < 2 << 20, "the verdict has {size} bytes");
}

/// A pointer can neither read a file nor make the grader contact another host.
#[tokio::test]
async fn pointers_stay_with_the_evidence_of_the_run() {
    let run = graded_run().await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a port");
    let host = elsewhere.local_addr().expect("it is bound");
    let pointers = [
        "trace:../../etc/passwd".to_owned(),
        "trace:..%2f..%2fapi%2fv1%2fstatus%2fconfig".to_owned(),
        format!("trace:http://{host}/"),
        format!("promql:http://{host}/api/v1/query?query=up@page"),
        format!("promql:p99&query=up#@{host}/@page"),
        "promql:elsewhere@page".to_owned(),
        "heap:/etc/passwd..x".to_owned(),
        "heap:../../../etc/passwd..late".to_owned(),
        "heap:early../../../../etc/passwd".to_owned(),
        "log:../../etc/passwd".to_owned(),
        "log:file=/etc/passwd".to_owned(),
        "deploy:../../etc/passwd".to_owned(),
        format!("file:///etc/passwd@{host}"),
    ];
    let count = pointers.len();
    let spoil = |writeup: &mut WriteUp| {
        writeup.timeline.clear();
        writeup.trigger.evidence.clear();
        writeup.ruled_out.clear();
        let (first, rest) = pointers.split_at(12);
        writeup.cause.evidence = first.to_vec();
        writeup.impact.evidence = rest.to_vec();
        writeup.alert.expr = format!("http://{host}/");
    };
    let told = [
        &*format!("0 of {count} pointers resolve"),
        "`/etc/passwd` is not a snapshot name",
        "this run has no deploy `../../etc/passwd`",
        "no log line matches",
    ];
    let verdict = run.check("files and hosts", spoil, &told).await;
    let said = serde_json::to_string(&verdict).expect("it is plain");
    assert!(!said.contains("root:"), "a file was read: {said}");
    let knock = tokio::time::timeout(Duration::from_millis(200), elsewhere.accept()).await;
    assert!(knock.is_err(), "another host was reached: {knock:?}");
}

#[tokio::test]
async fn what_would_take_for_ever_is_given_up() {
    let run = graded_run().await;
    let spoil = |writeup: &mut WriteUp| {
        writeup.cause.evidence = vec!["promql:for_ever@page".to_owned()];
        writeup.timeline.clear();
        writeup.alert.expr = "for_ever".to_owned();
    };
    let told = [
        "Prometheus took longer than 400ms",
        "It cannot be used: Prometheus took longer than 400ms.",
        "The cause's only pointer shows no difference",
    ];
    run.check("for ever", spoil, &told).await;
    // An answer cut off by size, and a refusal by the server itself.
    let spoil = |writeup: &mut WriteUp| {
        writeup.cause.evidence = vec![
            "promql:huge@page".to_owned(),
            "promql:server_timeout@page".to_owned(),
        ];
        writeup.timeline.clear();
        writeup.alert.expr = "huge".to_owned();
    };
    let told = [
        "Prometheus returned more than 65536 bytes",
        "query timed out in expression evaluation",
        "It cannot be used: Prometheus returned more than 65536 bytes",
    ];
    run.check("too much", spoil, &told).await;
}

/// In a drill without an incident, the confident false alarm is what must not pay.
#[tokio::test]
async fn a_false_alarm_costs_more_the_surer_it_is() {
    let mut run = graded_run().await;
    run.rubric = toml::from_str("control = true\nseverity = ['none']\n").expect("the key is right");
    run.facts.trigger_at = None;
    run.facts.mitigation = None;
    let Some(Windows {
        baseline, incident, ..
    }) = run.facts.frame.windows
    else {
        panic!("the windows are known");
    };
    assert!(baseline.to <= incident.from);
    let mut scores = Vec::new();
    for confidence in [0.5, 0.9, 1.0] {
        let told = [
            "You report an incident, but nothing was wrong",
            "it was a false alarm",
        ];
        let spoil = |writeup: &mut WriteUp| writeup.confidence = Some(confidence);
        let verdict = run.check("false alarm", spoil, &told).await;
        let points = |name: &str| {
            let mut items = verdict.items.iter();
            items.find(|item| item.name == name).map(|item| item.points)
        };
        assert_eq!(
            points("proposed alert"),
            Some(0.0),
            "it fires, and nothing was wrong"
        );
        scores.extend(points("calibration"));
    }
    assert!(scores.is_sorted_by(|a, b| a > b), "{scores:?}");
}
