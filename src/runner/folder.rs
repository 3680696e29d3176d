//! The run's folder: its name, what is removed from it, and the room on its disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use time::OffsetDateTime;
use time::macros::format_description;

use super::drill::Drill;
use crate::error::Outcome;

/// With less free space than this a drill ends: it must never be what fills a disk.
const FREE_BYTES: u64 = 256 * 1024 * 1024;
/// How often the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(5);

/// A run's id: the time, so that ids sort by it, and four random digits, so that two never collide.
pub(super) fn id(at: OffsetDateTime, random: u16) -> String {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    // The format has no part that a UTC time lacks.
    format!("{}-{random:04x}", at.format(format).unwrap_or_default())
}

/// Creates the folder of a run.
pub(super) fn create(runs: &Path, id: &str) -> anyhow::Result<PathBuf> {
    let folder = runs.join(id);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("run folder `{}`", folder.display()))?;
    Ok(folder)
}

/// Removes the databases of runs whose runner was killed together with everything that would have done it.
/// The caller holds the lock of the state folder, so that no run is alive.
pub(super) fn sweep(runs: &Path) {
    for run in std::fs::read_dir(runs).into_iter().flatten().flatten() {
        // What cannot be removed now is tried again at the next start.
        let _ = std::fs::remove_dir_all(run.path().join(record::SCRATCH));
    }
}

/// A run that was ended before it was ready leaves nothing.
pub(super) fn discard(folder: &Path) -> anyhow::Result<Outcome> {
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("run folder `{}`", folder.display()))?;
    Ok(Outcome::Done)
}

/// A run that did not come up leaves nothing but its error.
pub(super) fn discard_on(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let _ = discard(folder); // The error that is on its way out matters more.
    error
}

/// Ends the drill before its disk is full.
pub(super) async fn watch_disk(drill: Arc<Drill>) {
    loop {
        tokio::time::sleep(DISK_EVERY).await;
        if let Some(free) = free_bytes(&drill.folder)
            && free < FREE_BYTES
        {
            let free = free / (1024 * 1024);
            drill.void(format!(
                "only {free} MiB are free on the disk of `{}`",
                drill.folder.display()
            ));
            return;
        }
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
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
