//! The room on the disk of a run: a drill must never be what fills a disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::drill::Drill;

/// With less free space than this a drill ends: it must never be what fills a disk.
const FREE_BYTES: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;
/// How often the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(5);

/// Refuses to start a drill on a disk that is nearly full.
pub(crate) fn check(folder: &Path) -> Result<(), stack::Error> {
    refuse_below(FREE_BYTES, folder)
}

fn refuse_below(wanted: u64, folder: &Path) -> Result<(), stack::Error> {
    match free_bytes(folder) {
        Some(free) if free < wanted => Err(stack::Error::Start {
            message: format!(
                "only {} MiB are free on the disk of `{}`; a drill needs {}",
                free / MIB,
                folder.display(),
                wanted / MIB
            ),
            log: Vec::new(),
            hint: Some(
                "free some space, or name a folder on another disk with `--state-dir DIR`"
                    .to_owned(),
            ),
        }),
        _ => Ok(()),
    }
}

/// Ends the drill before its disk is full.
pub(crate) async fn watch(drill: Arc<Drill>) {
    let folder = drill.scribe.folder();
    loop {
        tokio::time::sleep(DISK_EVERY).await;
        if let Some(free) = free_bytes(&folder)
            && free < FREE_BYTES
        {
            let free = free / MIB;
            drill.void(format!(
                "only {free} MiB are free on the disk of `{}`",
                folder.display()
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
    fn a_disk_without_room_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(refuse_below(0, folder.path()).is_ok());
        let error = refuse_below(u64::MAX, folder.path()).expect_err("no disk has as much");
        let stack::Error::Start { message, hint, .. } = error else {
            panic!("{error}");
        };
        assert!(message.starts_with("only "), "{message}");
        assert!(hint.is_some_and(|hint| hint.contains("--state-dir")));
    }
}
