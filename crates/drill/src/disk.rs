//! The room on the disk of a run: a drill must never be what fills a disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::drill::Drill;

/// With less free space than this a drill ends: it must never be what fills a disk.
const FREE_BYTES: u64 = 256 * 1024 * 1024;
/// How often the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(5);

/// Ends the drill before its disk is full.
pub(crate) async fn watch(drill: Arc<Drill>) {
    let folder = drill.scribe.folder();
    loop {
        tokio::time::sleep(DISK_EVERY).await;
        if let Some(free) = free_bytes(&folder)
            && free < FREE_BYTES
        {
            let free = free / (1024 * 1024);
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
