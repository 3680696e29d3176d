//! From a write-up to a verdict.
//!
//! ```text
//! parse ── mitigation measured on the live system ── pointers executed ── verdict (pure)
//!                                                                            │
//!    void, and which number says so <── symptom shown? gone without its cause? ┘  (proof)
//! ```
//! The mitigation is measured before the runner touches anything; only then does the proof, where the responder did not,
//! remove the cause.

use std::time::Duration;

use anyhow::Context;
use grader::evidence;
use grader::reproduction::{REPRODUCTION, Reproduced, Trials};
use grader::verdict::VERDICT;
use grader::{Rubric, Verdict, WriteUp};
use record::{Event, FACTS, Facts, Looks, MEASURED, WRITE_UP, replace};
use scenario::{Scenario, references};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use crate::api::{Failure, SubmitRequest, Submitted};
use crate::clock::now;
use crate::course::Course;
use crate::drill::Drill;
use crate::plan::Incident;
use crate::{impact, proof, reproduction};

/// How long a backend that is away when a write-up comes may take to be back.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// What happened until now is logged, exported and scraped after this, so that grading again later finds the same.
const ARRIVES_WITHIN: Duration = Duration::from_millis(1_000);

/// Grades a write-up and ends the drill. A write-up that cannot be read changes nothing.
pub(crate) async fn submit(drill: &Drill, request: &SubmitRequest) -> anyhow::Result<Submitted> {
    let Some(incident) = &drill.incident else {
        let message = "this run has no incident to write up";
        return Err(Failure::new(message, "`firedrill run` starts a drill").into());
    };
    let writeup = (drill.reader.write_up)(&request.write_up).map_err(|problems| Failure {
        message: "the write-up cannot be read".to_owned(),
        problems,
        hint: Some(
            "the drill is still running; correct the write-up and submit it again".to_owned(),
        ),
    })?;
    let _turn = drill.gate.grade().await?;
    drill.course(Course::begin_grading)?;
    drill.progress.restart();
    let graded = grade(drill, incident, &writeup, &request.write_up).await;
    if graded.is_err() {
        drill.course(Course::resume);
    }
    graded
}

async fn grade(
    drill: &Drill,
    incident: &Incident,
    writeup: &WriteUp,
    text: &str,
) -> anyhow::Result<Submitted> {
    let scenario = &incident.scenario;
    let (progress, submitted) = (&drill.progress, now());
    progress.begin("waiting for the backends");
    await_backends(drill).await;
    progress.begin("measuring the mitigation");
    let_settle(drill, &scenario.rubric).await;
    let facts = facts(drill, scenario, submitted, now()).await;
    sleep(ARRIVES_WITHIN).await;
    progress.begin("pointers");
    let told = |done, all| progress.count(done, all);
    let mut examined = grader::examine_each(&drill.sources, &facts.frame, writeup, &told).await;
    progress.begin("proving that the drill is valid");
    let proof = proof::attempt(drill, scenario).await?;
    // After the proof, which measures the drill's own shop: copies beside it are not quiet to start.
    if proof.void.is_none() {
        progress.begin("running the reproduction");
        examined.reproduction = reproduce(drill, scenario, writeup).await?;
    }
    let mut verdict = references::grade(scenario, writeup, examined, &facts);
    verdict.unproven = proof.unproven;
    keep(drill, incident, &facts, &verdict, text)?;
    let folder = drill.scribe.folder();
    drill
        .audience
        .graded(&folder, &scenario.title, writeup, &verdict)?;
    if let Some(reason) = proof.void {
        drill.void(reason.clone());
        return Ok(Submitted::Void { reason });
    }
    drill.course(|course| course.grade(verdict.passed));
    drill.scribe.say(Event::Verdict {
        at: now(),
        passed: verdict.passed,
        verdict: serde_json::to_value(&verdict).context("verdict")?,
    });
    drill.ended.cancel();
    Ok(Submitted::Verdict {
        passed: verdict.passed,
        verdict: Box::new(verdict),
    })
}

/// Runs the reproduction, and keeps what came of it for grading again.
async fn reproduce(
    drill: &Drill,
    scenario: &Scenario,
    writeup: &WriteUp,
) -> anyhow::Result<Option<Reproduced>> {
    let Some(outcome) = reproduction::attempt(drill, scenario, writeup).await else {
        return Ok(None);
    };
    let trials = Trials {
        commands: writeup.reproduction.commands.clone(),
        outcome,
    };
    REPRODUCTION.replace(&drill.scribe.folder(), &trials)?;
    Ok(Some(trials.outcome))
}

/// Gives a backend that is away a moment to come back: what is asked of it now decides the grade.
async fn await_backends(drill: &Drill) {
    let deadline = Instant::now() + BACK_WITHIN;
    while Instant::now() < deadline {
        let (traces, metrics) = tokio::join!(
            drill.sources.jaeger.services(),
            drill.sources.prometheus.alerts(),
        );
        let is_away = |error: Option<evidence::Error>| error.is_some_and(|e| e.is_outage());
        if !is_away(traces.err()) && !is_away(metrics.err()) {
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Gives an action that was just taken the time that the rubric grants it to show.
async fn let_settle(drill: &Drill, rubric: &Rubric) {
    let Some(mitigation) = &rubric.mitigation else {
        return;
    };
    let Some(last) = drill.operator.deploys.actions().pop() else {
        return;
    };
    // Twice: once for the windows of the indicator to pass, once for it to stay.
    let patience = Duration::from_secs(mitigation.settle_s.saturating_mul(2).min(240));
    let since = Duration::try_from(now() - last.at).unwrap_or_default();
    let deadline = Instant::now() + patience.saturating_sub(since);
    let prometheus = &drill.sources.prometheus;
    let change = drill.course(|course| course.changed());
    while Instant::now() < deadline {
        let measured = grader::mitigation::measure(prometheus, mitigation, change, now()).await;
        if measured.is_settled {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn facts(
    drill: &Drill,
    scenario: &Scenario,
    submitted: OffsetDateTime,
    until: OffsetDateTime,
) -> Facts {
    let (mut frame, trigger_at) = drill.course(|course| (course.frame(until), course.changed()));
    let rubric = &scenario.rubric;
    let prometheus = &drill.sources.prometheus;
    let mitigation = match &rubric.mitigation {
        Some(check) => {
            Some(grader::mitigation::measure(prometheus, check, trigger_at, until).await)
        }
        None => None,
    };
    let deploys = &drill.operator.deploys;
    let actions = deploys.actions();
    let acted: Vec<OffsetDateTime> = actions.iter().map(|action| action.at).collect();
    let over = mitigation
        .as_ref()
        .and_then(|measured| grader::mitigation::windows(&frame, measured, &acted));
    frame.windows = over.or(frame.windows);
    let truth = |record| {
        let incident = frame.windows?.incident;
        Some(impact::truth(&record, &rubric.impact, incident))
    };
    Facts {
        run: drill.scribe.run().to_owned(),
        frame,
        submitted_at: Some(submitted),
        trigger_at,
        impact: drill.load.record().and_then(truth),
        deploys: deploys.entries(),
        actions,
        mitigation,
        // What cannot be read is not told; it earns nothing anyway.
        looks: Looks::open(&drill.scribe.folder())
            .all()
            .unwrap_or_default(),
    }
}

/// Puts everything about the grade into the run's folder; the seal is broken from here on.
fn keep(
    drill: &Drill,
    incident: &Incident,
    facts: &Facts,
    verdict: &Verdict,
    text: &str,
) -> anyhow::Result<()> {
    let folder = drill.scribe.folder();
    let scenario = folder.join(format!("{}.toml", incident.scenario.id));
    replace(&folder.join(WRITE_UP), text.as_bytes())?;
    replace(&scenario, &incident.file)?;
    FACTS.replace(&folder, facts)?;
    MEASURED.replace(&folder, &drill.course(|course| course.measured.clone()))?;
    VERDICT.replace(&folder, verdict)?;
    Ok(())
}
