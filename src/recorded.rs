//! A run that is over: its scenario, and its evidence served once more for whoever grades or verifies it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use grader::evidence::Sources;
use grader::reproduction::{Kept, Reproduced};
use grader::{Facts, Verdict, WriteUp};
use scenario::{Scenario, catalogue, seal};
use serde_json::Value;
use stack::Urls;
use stack::backend::{Backend, Ports};

use crate::burst::line;
use crate::error::Error;

/// What the run's head tells of its scenario: the nonce once the run is over, and the hash of both from the start.
pub(crate) struct Key {
    pub(crate) nonce: String,
    pub(crate) hash: String,
}

impl Key {
    /// Fails for a run that had no scenario.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let head = std::fs::read(folder.join("run.json")).context("head of the run")?;
        let head: Value = serde_json::from_slice(&head).context("head of the run")?;
        let field = |name: &str| head[name].as_str().unwrap_or_default().to_owned();
        let (nonce, hash) = (field("nonce"), field("scenario_hash"));
        if hash.is_empty() {
            return Err(
                Error::usage("this run has no incident", "`firedrill run` starts a drill").into(),
            );
        }
        Ok(Self { nonce, hash })
    }
}

/// The id of the run that a folder holds.
pub(crate) fn run_of(folder: &Path) -> String {
    folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The scenario of a run: kept by the grade, else the one of the catalogue that the hash belongs to.
pub(crate) fn scenario(folder: &Path) -> anyhow::Result<Scenario> {
    if let Some(path) = kept(folder) {
        let text = std::fs::read_to_string(&path).context("scenario of the run")?;
        return Ok(Scenario::read(&path.display().to_string(), &text).map_err(Error::Scenario)?);
    }
    let Key { nonce, hash } = Key::read(folder)?;
    let file = catalogue::FILES
        .iter()
        .find(|file| seal::commitment(&nonce, file.text.as_bytes()) == hash);
    let file = file.context("no built-in drill matches this run's hash: another version ran it, or its runner was killed")?;
    Ok(catalogue::load(file.id)?)
}

/// The scenario file that the grade has put into the run's folder.
pub(crate) fn kept(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    files.into_iter().find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    })
}

/// That a run's traces and metrics are not in its folder.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    /// `native` or `external`.
    kind: String,
    /// Where they were kept, as far as that may answer still.
    pub(crate) urls: Option<Urls>,
}

impl Elsewhere {
    /// What the run's head says; nothing for a run on the embedded backends, which record what they take.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let head = std::fs::read(folder.join("run.json")).ok()?;
        let head: serde_json::Value = serde_json::from_slice(&head).ok()?;
        let kind = head["backend"].as_str()?;
        (kind != "embedded").then(|| Self {
            kind: kind.to_owned(),
            urls: serde_json::from_value(head["urls"].clone()).ok(),
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
    reproduction: Option<Kept>,
}

impl Recorded {
    /// Loads a run; fails for one that was not graded, or whose evidence is not in its folder.
    pub(crate) async fn open(folder: &Path) -> anyhow::Result<Self> {
        if let Some(elsewhere) = Elsewhere::of(folder) {
            return Err(elsewhere.refusal(&run_of(folder)).into());
        }
        let Ok(facts) = std::fs::read(folder.join("facts.json")) else {
            let hint = "only a graded run can be graded again";
            return Err(Error::usage("no write-up was graded in this run", hint).into());
        };
        let facts: Facts = serde_json::from_slice(&facts).context("facts of the run")?;
        let scenario = scenario(folder)?;
        let (backend, sources) = replay(folder).await?;
        Ok(Self {
            backend,
            sources,
            facts,
            scenario,
            unproven: unproven(folder),
            reproduction: reproduction(folder),
        })
    }

    /// Grades a write-up. The one that the run was graded by gets the same verdict.
    pub(crate) async fn grade(&self, writeup: &WriteUp) -> Verdict {
        let facts = &self.facts;
        let mut examined =
            grader::examine(&self.sources, &facts.frame, writeup, &facts.looks).await;
        examined.reproduction = self.reproduced(writeup);
        let mut verdict = grader::verdict::grade(&self.scenario.rubric, writeup, examined, facts);
        verdict.unproven.clone_from(&self.unproven);
        verdict
    }

    /// What came of the reproduction when it was run; nothing of the shop is there to run another one.
    fn reproduced(&self, writeup: &WriteUp) -> Option<Reproduced> {
        let commands = &writeup.reproduction.commands;
        if let Err(why) = line::requests(commands) {
            return Some(Reproduced::Refused(why));
        }
        let kept = self.reproduction.as_ref();
        let kept = kept.filter(|kept| kept.commands == *commands)?;
        Some(kept.outcome.clone())
    }

    /// Ends the backends.
    pub(crate) async fn close(self) {
        self.backend.stop().await;
    }
}

/// Serves the evidence of any run on free ports; fails for one whose evidence is not in its folder.
pub(crate) async fn replay(folder: &Path) -> anyhow::Result<(Backend, Sources)> {
    let run = run_of(folder);
    if let Some(elsewhere) = Elsewhere::of(folder) {
        return Err(elsewhere.refusal(&run).into());
    }
    let backend = Backend::replay(&run, folder, Ports::free()).await?;
    let urls = backend.urls();
    let sources = Sources::new(&urls.jaeger, &urls.prometheus, folder)?;
    Ok((backend, sources))
}

fn reproduction(folder: &Path) -> Option<Kept> {
    let kept = std::fs::read(folder.join("reproduction.json")).ok()?;
    serde_json::from_slice(&kept).ok()
}

fn unproven(folder: &Path) -> Option<String> {
    let verdict = std::fs::read(folder.join("verdict.json")).ok()?;
    let verdict: Value = serde_json::from_slice(&verdict).ok()?;
    Some(verdict["unproven"].as_str()?.to_owned())
}
