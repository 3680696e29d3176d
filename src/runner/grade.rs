//! From a write-up to a verdict, and the proof that the drill counts.
//!
//! ```text
//! parse ── mitigation measured on the live system ── pointers executed ── verdict (pure)
//!                                                                            │
//!    void, and which number says so <── symptom shown? gone without its cause? ┘
//! ```
//! The mitigation is measured before the runner touches anything; only then, where the responder
//! did not, the runner removes the cause itself, to prove that it was the cause.

use std::time::Duration;

use anyhow::Context;
use grader::evidence;
use grader::reproduction::{REPRODUCTION, Reproduced, Trials};
use grader::verdict::VERDICT;
use grader::{Rubric, Verdict, WriteUp};
use record::{
    Event, FACTS, Facts, Frame, GAME_MASTER, Looks, MEASURED, WRITE_UP, Window, Windows, replace,
};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::drill::{Drill, Phase};
use super::{impact, measure, reproduction};
use crate::clock::now;
use crate::control::{ActionRequest, Failure, SubmitRequest, Submitted};
use crate::report;
use scenario::{Remedy, Scenario};

/// The name by which a write-up is called where its file's name is not known.
const FILE: &str = "write-up";

/// How long a backend that is away when a write-up comes may take to be back.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// What happened until now is logged, exported and scraped after this, so that grading again later finds the same.
const ARRIVES_WITHIN: Duration = Duration::from_millis(1_000);

/// Whether the drill counts, and the numbers behind it.
struct Proof {
    void: Option<String>,
    /// Why it could not be had, if it could not.
    unproven: Option<String>,
}

impl Proof {
    fn of(void: Option<String>) -> Self {
        Self {
            void,
            unproven: None,
        }
    }
}

impl Drill {
    /// Grades a write-up and ends the drill. A write-up that cannot be read changes nothing.
    pub(crate) async fn submit(&self, request: &SubmitRequest) -> anyhow::Result<Submitted> {
        let Some(scenario) = &self.scenario else {
            return Err(Failure::new(
                "this run has no incident to write up",
                "`firedrill run` starts a drill",
            )
            .into());
        };
        let writeup = report::parse(FILE, &request.write_up).map_err(|problems| Failure {
            message: "the write-up cannot be read".to_owned(),
            problems: problems.iter().map(ToString::to_string).collect(),
            hint: Some(
                "the drill is still running; correct the write-up and submit it again".to_owned(),
            ),
        })?;
        let _turn = self.grading.try_lock().map_err(|_| {
            Failure::new("a write-up is already being graded", "wait for its verdict")
        })?;
        self.begin_grading()?;
        let graded = self.grade(scenario, &writeup, request).await;
        if graded.is_err() {
            self.update(|state| state.phase = Phase::Paged);
        }
        graded
    }

    fn begin_grading(&self) -> anyhow::Result<()> {
        self.update(|state| match state.phase {
            Phase::Ended => Err(Failure::new(
                "the drill is over",
                "`firedrill debrief` shows what happened",
            )
            .into()),
            _ if state.moments.page.is_none() => {
                let hint = "learn the baseline; pages appear in the drill's terminal";
                Err(Failure::new("there has been no page yet", hint).into())
            }
            _ => {
                state.phase = Phase::Grading;
                Ok(())
            }
        })
    }

    async fn grade(
        &self,
        scenario: &Scenario,
        writeup: &WriteUp,
        request: &SubmitRequest,
    ) -> anyhow::Result<Submitted> {
        self.await_backends().await;
        self.let_settle(&scenario.rubric).await;
        let facts = self.facts(scenario, now()).await?;
        sleep(ARRIVES_WITHIN).await;
        let mut examined =
            grader::examine(&self.sources, &facts.frame, writeup, &facts.looks).await;
        let proof = self.prove_if_possible(scenario).await?;
        // After the proof, which measures the drill's own shop: copies beside it are not quiet to start.
        if proof.void.is_none() {
            examined.reproduction = self.reproduce(scenario, writeup).await?;
        }
        let mut verdict = grader::verdict::grade(&scenario.rubric, writeup, examined, &facts);
        verdict.unproven = proof.unproven;
        self.keep(scenario, &facts, &verdict, &request.write_up)?;
        self.audience
            .graded(&self.folder, &scenario.title, writeup, &verdict)?;
        if let Some(reason) = proof.void {
            self.void(reason.clone());
            return Ok(Submitted::Void { reason });
        }
        self.update(|state| {
            state.phase = Phase::Ended;
            state.passed = Some(verdict.passed);
        });
        self.say(Event::Verdict {
            at: now(),
            passed: verdict.passed,
            verdict: serde_json::to_value(&verdict).context("verdict")?,
        });
        self.ended.cancel();
        Ok(Submitted::Verdict {
            passed: verdict.passed,
            verdict: Box::new(verdict),
        })
    }

    /// Runs the reproduction, and keeps what came of it for grading again.
    async fn reproduce(
        &self,
        scenario: &Scenario,
        writeup: &WriteUp,
    ) -> anyhow::Result<Option<Reproduced>> {
        let Some(outcome) = reproduction::attempt(self, scenario, writeup).await else {
            return Ok(None);
        };
        let trials = Trials {
            commands: writeup.reproduction.commands.clone(),
            outcome,
        };
        REPRODUCTION.replace(&self.folder, &trials)?;
        Ok(Some(trials.outcome))
    }

    /// Gives a backend that is away a moment to come back: what is asked of it now decides the grade.
    async fn await_backends(&self) {
        let deadline = Instant::now() + BACK_WITHIN;
        while Instant::now() < deadline {
            let (traces, metrics) = tokio::join!(
                self.sources.jaeger.services(),
                self.sources.prometheus.alerts(),
            );
            let is_away = |error: Option<evidence::Error>| error.is_some_and(|e| e.is_outage());
            if !is_away(traces.err()) && !is_away(metrics.err()) {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Gives an action that was just taken the time that the rubric grants it to show.
    async fn let_settle(&self, rubric: &Rubric) {
        let Some(mitigation) = &rubric.mitigation else {
            return;
        };
        let Some(last) = self.deploys.actions().pop() else {
            return;
        };
        // Twice: once for the windows of the indicator to pass, once for it to stay.
        let patience = Duration::from_secs(mitigation.settle_s.saturating_mul(2).min(240));
        let since = Duration::try_from(now() - last.at).unwrap_or_default();
        let deadline = Instant::now() + patience.saturating_sub(since);
        while Instant::now() < deadline {
            let measured =
                grader::mitigation::measure(&self.sources.prometheus, mitigation, now()).await;
            if measured.is_settled {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn facts(&self, scenario: &Scenario, until: OffsetDateTime) -> anyhow::Result<Facts> {
        let moments = self.moments();
        let started = moments.traffic.context("traffic has begun")?;
        let steady = moments.steady.unwrap_or(started);
        // In a control nothing changed for the worse; what precedes the page is then the baseline.
        let turn = moments.change.or(moments.page).unwrap_or(until);
        let incident = Window {
            from: turn,
            to: until,
        };
        let windows = Windows {
            baseline: Window {
                from: steady,
                to: turn,
            },
            incident,
        };
        let rubric = &scenario.rubric;
        let mitigation = match &rubric.mitigation {
            Some(check) => {
                Some(grader::mitigation::measure(&self.sources.prometheus, check, until).await)
            }
            None => None,
        };
        Ok(Facts {
            run: self.run(),
            frame: Frame {
                started,
                page: moments.page,
                ended: until,
                windows: Some(windows),
            },
            trigger_at: moments.change,
            impact: self
                .load
                .record()
                .map(|record| impact::truth(&record, &rubric.impact, incident)),
            deploys: self.deploys.entries(),
            actions: self.deploys.actions(),
            mitigation,
            // What cannot be read is not told; it earns nothing anyway.
            looks: Looks::open(&self.folder).all().unwrap_or_default(),
        })
    }

    /// The proof; where Prometheus does not answer, that it could not be had.
    async fn prove_if_possible(&self, scenario: &Scenario) -> anyhow::Result<Proof> {
        match self.prove(scenario).await {
            Err(error) if measure::is_outage(&error) => Ok(Proof {
                void: None,
                unproven: Some(format!("{error:#}")),
            }),
            proof => {
                let unchecked = self.update(|state| state.unchecked.clone());
                proof.map(|proof| Proof {
                    unproven: proof.unproven.or(unchecked),
                    ..proof
                })
            }
        }
    }

    /// Whether the symptom showed, and whether it goes without its cause.
    async fn prove(&self, scenario: &Scenario) -> anyhow::Result<Proof> {
        let manifest = &scenario.manifest;
        let moments = self.moments();
        let from = moments
            .change
            .or(moments.steady)
            .context("the baseline has begun")?;
        let during = measure::highest(&self.sources, manifest, Window { from, to: now() }).await?;
        self.update(|state| state.measured.insert("during".to_owned(), during));
        if scenario.is_control() {
            let void = (during >= manifest.after_below)
                .then(|| format!("this drill has no incident, but the indicator reached {during:.4}; the limit is {}", manifest.after_below));
            return Ok(Proof::of(void));
        }
        let needed = manifest.during_above.unwrap_or_default();
        if during <= needed {
            return Ok(Proof::of(Some(format!(
                "the symptom did not show: the indicator reached {during:.4} and must exceed {needed}"
            ))));
        }
        let patience = Duration::from_secs_f64(manifest.settle_s);
        let mut settled = measure::recovery(&self.sources, manifest, Duration::ZERO).await?;
        if !settled.recovered {
            self.remove_cause(scenario).await?;
            settled = measure::recovery(&self.sources, manifest, patience).await?;
        }
        self.update(|state| state.measured.insert("after".to_owned(), settled.last));
        let void = (!settled.recovered).then(|| {
            format!(
                "the symptom did not end with its cause: the indicator is {:.4} and must fall below {}",
                settled.last, manifest.after_below
            )
        });
        Ok(Proof::of(void))
    }

    async fn remove_cause(&self, scenario: &Scenario) -> anyhow::Result<()> {
        for remedy in &scenario.remedy {
            let request = match remedy {
                Remedy::Rollback { service } => ActionRequest::Rollback { service: *service },
                Remedy::Restart { service } => ActionRequest::Restart { service: *service },
                Remedy::Deploy { service, release } => ActionRequest::Deploy {
                    service: *service,
                    release: release.clone(),
                },
            };
            self.carry_out(request, GAME_MASTER, None).await?;
        }
        Ok(())
    }

    /// Puts everything about the grade into the run's folder; the seal is broken from here on.
    fn keep(
        &self,
        scenario: &Scenario,
        facts: &Facts,
        verdict: &Verdict,
        text: &str,
    ) -> anyhow::Result<()> {
        let folder = &self.folder;
        replace(&folder.join(WRITE_UP), text.as_bytes())?;
        replace(
            &folder.join(format!("{}.toml", scenario.id)),
            &self.scenario_file,
        )?;
        FACTS.replace(folder, facts)?;
        MEASURED.replace(folder, &self.update(|state| state.measured.clone()))?;
        VERDICT.replace(folder, verdict)?;
        Ok(())
    }
}
