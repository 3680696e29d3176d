//! A run that is over: its scenario, and its evidence served again, to grade or verify it.

use std::path::Path;

use anyhow::Context as _;
use grader::evidence::Sources;
use grader::reproduction::{REPRODUCTION, Reproduced, Trials};
use grader::verdict::VERDICT;
use grader::{Verdict, WriteUp};
use record::{BackendKind, FACTS, Facts, Head, Urls, run_of, scenario_file};
use scenario::{Scenario, catalogue, references, seal};
use stack::backend::{Backend, Ports};

use crate::call::line;
use crate::error::Error;

/// What the run's head tells of its scenario: the nonce once the run is over, and the hash of both from the start.
pub(crate) struct Key {
    pub(crate) nonce: String,
    pub(crate) hash: String,
    seed: u64,
}

impl Key {
    /// Fails for a run that had no scenario.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let head = Head::read(folder)?;
        let Some(hash) = head.scenario_hash else {
            return Err(
                Error::usage("this run has no incident", "`firedrill run` starts a drill").into(),
            );
        };
        Ok(Self {
            nonce: head.nonce.unwrap_or_default(),
            hash,
            seed: head.seed,
        })
    }
}

/// The scenario of a run: kept by the grade, else the one of the catalogue that the hash belongs to.
pub(crate) fn scenario(folder: &Path) -> anyhow::Result<Scenario> {
    if let Some(path) = scenario_file(folder) {
        let text = std::fs::read_to_string(&path).context("scenario of the run")?;
        return Ok(Scenario::read(&path.display().to_string(), &text).map_err(Error::Scenario)?);
    }
    let Key { nonce, hash, seed } = Key::read(folder)?;
    let file = catalogue::FILES
        .iter()
        .find(|file| seal::commitment(&nonce, file.text.as_bytes()) == hash);
    let file = file.context("no built-in drill matches this run's hash: another version ran it, or its runner was killed")?;
    Ok(catalogue::load_for(file.id, seed)?)
}

/// The backends of a run whose traces and metrics are not in its folder.
#[derive(Debug)]
pub(crate) struct ForeignBackends {
    kind: BackendKind,
    /// Where they were kept, as far as that may answer still.
    pub(crate) urls: Option<Urls>,
}

impl ForeignBackends {
    /// What the run's head says; nothing for a run on the embedded backends, which record what they take.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let head = Head::read(folder).ok()?;
        (head.backend != BackendKind::Embedded).then_some(Self {
            kind: head.backend,
            urls: head.urls,
        })
    }

    pub(crate) fn refusal(&self, run: &str) -> Error {
        let message = match &self.urls {
            Some(urls) => format!(
                "the folder of {run} has no traces and metrics: Jaeger at {} and Prometheus at {} kept them",
                urls.jaeger, urls.prometheus
            ),
            None => format!(
                "the folder of {run} has no traces and metrics: its {} Jaeger and Prometheus kept them and are gone",
                self.kind
            ),
        };
        let hint = format!(
            "the folder has the rest: `firedrill debrief --run {run}`, `firedrill logs --run {run}`, `firedrill deploys --run {run}`, `firedrill heap diff --run {run}`"
        );
        Error::usage(message, hint)
    }
}

/// A graded run whose evidence is served by backends of its own.
#[derive(Debug)]
pub(crate) struct Recorded {
    backend: Backend,
    pub(crate) sources: Sources,
    /// What the run knew when it was graded and no telemetry says.
    pub(crate) facts: Facts,
    pub(crate) scenario: Scenario,
    /// What could not be proven when the run was graded, and cannot be proven now.
    unproven: Option<String>,
    /// The reproduction that was run, if one was.
    trials: Option<Trials>,
}

impl Recorded {
    /// Loads a run; fails for one that was not graded, or whose evidence is not in its folder.
    pub(crate) async fn open(folder: &Path) -> anyhow::Result<Self> {
        if let Some(foreign) = ForeignBackends::of(folder) {
            return Err(foreign.refusal(&run_of(folder)).into());
        }
        let Some(facts) = FACTS.find(folder)? else {
            let hint = "only a graded run can be graded again";
            return Err(Error::usage("no write-up was graded in this run", hint).into());
        };
        let scenario = scenario(folder)?;
        let verdict = VERDICT.find(folder)?;
        let trials = REPRODUCTION.find(folder)?;
        let (backend, sources) = replay(folder).await?;
        Ok(Self {
            backend,
            sources,
            facts,
            scenario,
            unproven: verdict.and_then(|verdict| verdict.unproven),
            trials,
        })
    }

    /// Grades a write-up. The one that the run was graded by gets the same verdict.
    pub(crate) async fn grade(&self, writeup: &WriteUp) -> Verdict {
        let facts = &self.facts;
        let mut examined = grader::examine(&self.sources, &facts.frame, writeup).await;
        examined.reproduction = self.reproduced(writeup);
        let mut verdict = references::grade(&self.scenario, writeup, examined, facts);
        verdict.unproven.clone_from(&self.unproven);
        verdict
    }

    /// What came of the reproduction when it was run; nothing of the shop is there to run another one.
    fn reproduced(&self, writeup: &WriteUp) -> Option<Reproduced> {
        let commands = &writeup.reproduction.commands;
        if let Err(why) = line::requests(commands) {
            return Some(Reproduced::Refused(why));
        }
        let trials = self.trials.as_ref();
        let trials = trials.filter(|trials| trials.commands == *commands)?;
        Some(trials.outcome.clone())
    }

    /// Ends the backends.
    pub(crate) async fn close(self) {
        self.backend.stop().await;
    }
}

/// Serves the evidence of any run on free ports; fails for one whose evidence is not in its folder.
pub(crate) async fn replay(folder: &Path) -> anyhow::Result<(Backend, Sources)> {
    let run = run_of(folder);
    if let Some(foreign) = ForeignBackends::of(folder) {
        return Err(foreign.refusal(&run).into());
    }
    let backend = Backend::replay(&run, folder, Ports::free()).await?;
    let urls = backend.urls();
    let sources = Sources::new(&urls.jaeger, &urls.prometheus, folder)?;
    Ok((backend, sources))
}
