//! Recording the references: each drill is run as `verify` runs it, and what its record shows is written beside its scenario.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use grader::reference::{self, Reference};
use scenario::{Scenario, references};

use super::child::{Purpose, Run};
use super::{Plan, heap, run_until_it_counts, side_by_side};
use crate::error::Error;
use crate::recorded::Recorded;

/// A drill that was to be recorded.
#[derive(Debug)]
pub(crate) struct Recording {
    /// The drill.
    pub(crate) id: String,
    /// What was written; or why nothing was, in one sentence without its full stop.
    pub(crate) written: Result<Written, String>,
}

/// What was written of a drill.
#[derive(Debug)]
pub(crate) struct Written {
    /// Size of the reference.
    pub(crate) bytes: usize,
    /// Length of the baseline and of the incident, in seconds.
    pub(crate) seconds: (f64, f64),
}

/// Runs the plan's drills and writes their references into the checkout around `folder`; `progress` hears of each.
pub(crate) fn record(
    plan: &Plan,
    folder: &Path,
    progress: &(dyn Fn(&Recording) + Sync),
) -> anyhow::Result<Vec<Recording>> {
    let target = checkout(folder, &plan.drills)?;
    Ok(side_by_side(&plan.drills, plan.jobs, |scenario| {
        let written = record_one(plan, scenario, &target);
        let recording = Recording {
            id: scenario.id.clone(),
            written: written.map_err(|error| format!("{error:#}")),
        };
        progress(&recording);
        recording
    }))
}

/// The folder of references in the checkout that `folder` is in: the one whose scenarios are those that are recorded.
fn checkout(folder: &Path, drills: &[Scenario]) -> anyhow::Result<PathBuf> {
    let has_all = |root: &&Path| {
        let mut ids = drills.iter().map(|drill| &drill.id);
        ids.all(|id| root.join(format!("scenarios/{id}.toml")).is_file())
    };
    let root = folder.ancestors().find(has_all).ok_or_else(|| {
        let message = format!(
            "`--record` writes into `{}` of a checkout, and `{}` is in none",
            references::FOLDER,
            folder.display()
        );
        Error::usage(message, "change into a checkout of the repository first")
    })?;
    let target = root.join(references::FOLDER);
    std::fs::create_dir_all(&target).with_context(|| format!("folder `{}`", target.display()))?;
    Ok(target)
}

fn record_one(plan: &Plan, scenario: &Scenario, target: &Path) -> anyhow::Result<Written> {
    let (run, _) = run_until_it_counts(scenario, plan.seed, Purpose::Record)?;
    if let Some(problem) = run.problems.first() {
        anyhow::bail!("{problem}");
    }
    heap::name_functions(&run.folder)?;
    let reference = crate::runtime::on_this_thread()?.block_on(async {
        let record = Recorded::open(&run.folder).await?;
        let reference = of_run(&record, scenario, &run).await;
        record.close().await;
        reference
    })?;
    let bytes = reference.bytes()?;
    for (ending, content) in [
        ("reference", bytes.as_slice()),
        ("txt", reference.summary().as_bytes()),
    ] {
        let path = target.join(format!("{}.{ending}", scenario.id));
        std::fs::write(&path, content).with_context(|| format!("file `{}`", path.display()))?;
    }
    Ok(Written {
        bytes: bytes.len(),
        seconds: (reference.baseline.length_s(), reference.incident.length_s()),
    })
}

/// What one run showed, up to the moment at which it was handed in: what came then shows no incident any more.
pub(super) async fn of_run(
    record: &Recorded,
    scenario: &Scenario,
    run: &Run,
) -> anyhow::Result<Reference> {
    let mut frame = record.facts.frame;
    let mut windows = frame
        .windows
        .context("the run has no record of its baseline and incident")?;
    windows.incident.to = windows.incident.to.min(run.looked);
    frame.windows = Some(windows);
    Ok(Reference {
        id: scenario.id.clone(),
        page: scenario.page.alert.clone(),
        is_control: scenario.is_control(),
        scenario: scenario.recipe.clone(),
        ..reference::record(&record.sources, &frame, windows).await?
    })
}
