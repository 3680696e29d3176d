//! A run that is over: its scenario, and its grade once more.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use grader::evidence::Sources;
use grader::verdict::Facts;
use grader::{Verdict, WriteUp};
use serde_json::Value;

use super::open::{self, Elsewhere};
use super::source::explain;
use crate::error::Error;
use crate::scenario::{Scenario, catalogue, seal};
use crate::stack::backend::{Backend, Ports};

/// What the run's head tells of its scenario: the nonce once the run is over, and the hash of both from the start.
pub(super) struct Key {
    pub(super) nonce: String,
    pub(super) hash: String,
}

impl Key {
    /// Fails for a run that had no scenario.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let head = std::fs::read(folder.join("run.json")).context("head of the run")?;
        let head: Value = serde_json::from_slice(&head).context("head of the run")?;
        let field = |name: &str| head[name].as_str().unwrap_or_default().to_owned();
        let (nonce, hash) = (field("nonce"), field("scenario_hash"));
        if hash.is_empty() {
            return Err(
                Error::usage("this run had no incident", "`firedrill run` starts a drill").into(),
            );
        }
        Ok(Self { nonce, hash })
    }
}

/// The scenario of a run: kept by the grade, else the one of the catalogue that the hash belongs to.
pub(super) fn scenario(folder: &Path) -> anyhow::Result<Scenario> {
    if let Some(path) = kept(folder) {
        let text = std::fs::read_to_string(&path).context("scenario of the run")?;
        return Ok(Scenario::read(&path.display().to_string(), &text).map_err(Error::Scenario)?);
    }
    let Key { nonce, hash } = Key::read(folder)?;
    let file = catalogue::FILES
        .iter()
        .find(|file| seal::commitment(&nonce, file.text.as_bytes()) == hash);
    let file = file.context("no drill of the catalogue has this run's hash: it was another version's, or its runner was killed")?;
    Ok(catalogue::load(file.id)?)
}

/// The scenario file that the grade has put into the run's folder.
fn kept(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    files.into_iter().find(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    })
}

/// Grades a write-up by what the run recorded, with no service running. The same write-up gets the same verdict.
pub(super) fn grade(folder: &Path, writeup: &WriteUp) -> anyhow::Result<Verdict> {
    if let Some(elsewhere) = Elsewhere::of(folder) {
        return Err(elsewhere.refusal(&open::run_of(folder)).into());
    }
    let Ok(facts) = std::fs::read(folder.join("facts.json")) else {
        let hint = "only a run that was graded can be graded again";
        return Err(Error::usage("no write-up was graded in this run", hint).into());
    };
    let facts: Facts = serde_json::from_slice(&facts).context("facts of the run")?;
    let rubric = scenario(folder)?.rubric;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    let mut verdict = runtime.block_on(async {
        let backend = Backend::replay(&facts.run, folder, Ports::free()).await?;
        let urls = backend.urls();
        let sources = Sources::new(&urls.jaeger, &urls.prometheus, folder).map_err(explain)?;
        let examined = grader::examine(&sources, &facts.frame, writeup, &facts.looks).await;
        backend.stop().await;
        anyhow::Ok(grader::verdict::grade(&rubric, writeup, examined, &facts))
    })?;
    verdict.unproven = unproven(folder);
    Ok(verdict)
}

/// What could not be proven when the run was graded cannot be proven now.
fn unproven(folder: &Path) -> Option<String> {
    let verdict = std::fs::read(folder.join("verdict.json")).ok()?;
    let verdict: Value = serde_json::from_slice(&verdict).ok()?;
    Some(verdict["unproven"].as_str()?.to_owned())
}
