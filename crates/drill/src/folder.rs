//! The run's folder: its name, and what is removed from it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::course::Ending;

/// A run's id: the time, so that ids sort by it, and four random digits, so that two never collide.
pub(crate) fn id(at: OffsetDateTime, random: u16) -> String {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    // The format has no part that a UTC time lacks.
    format!("{}-{random:04x}", at.format(format).unwrap_or_default())
}

/// Creates the folder of a run.
pub(crate) fn create(runs: &Path, id: &str) -> anyhow::Result<PathBuf> {
    let folder = runs.join(id);
    record::private::folder(&folder)
        .with_context(|| format!("run folder `{}`", folder.display()))?;
    Ok(folder)
}

/// Removes the databases of runs whose runner was killed together with everything that would have done it.
/// The caller holds the lock of the state folder, so that no run is alive.
pub(crate) fn sweep(runs: &Path) {
    for run in std::fs::read_dir(runs).into_iter().flatten().flatten() {
        // What cannot be removed now is tried again at the next start.
        let _ = std::fs::remove_dir_all(run.path().join(record::SCRATCH));
    }
}

/// A run that was ended before it was ready leaves nothing.
pub(crate) fn discard(folder: &Path) -> anyhow::Result<Ending> {
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("run folder `{}`", folder.display()))?;
    Ok(Ending::Done)
}

/// A run that did not come up leaves nothing but its error.
pub(crate) fn discard_on(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let _ = discard(folder); // The error that is on its way out matters more.
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        assert_eq!(id(OffsetDateTime::UNIX_EPOCH, 0xab), "19700101-000000-00ab");
    }

    #[test]
    fn a_sweep_takes_databases_and_leaves_records() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let run = runs.path().join("19700101-000000-00ab");
        std::fs::create_dir_all(run.join("scratch/inventory")).expect("folders");
        std::fs::write(record::HEAD.path(&run), "{}").expect("a record");
        sweep(runs.path());
        assert!(!run.join("scratch").exists());
        assert!(record::HEAD.path(&run).exists());
    }
}
