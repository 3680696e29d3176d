//! The thread that writes a run's capsule while the drill goes.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

use super::FILE_NAME;
use super::mirror::{Error, Mirror};

/// The backends write their journals every 500 ms: together that stays within the second that a kill may cost.
const SWEEP_EVERY: Duration = Duration::from_millis(400);

/// Writes the capsule until it is finished. Dropped without that, it takes what is there and ends.
#[derive(Debug)]
pub(crate) struct Writer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Writer {
    /// Starts the capsule of a run's folder. A thread of its own, because SQLite and the disk may stall.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut mirror = Mirror::create(folder, &folder.join(FILE_NAME))?;
        let (stop, stopped) = channel();
        let write = move || {
            let mut failed = None;
            loop {
                // What could not be written now, the next sweep writes: nothing of a failed one is in the capsule.
                failed = mirror.sweep(false).err().or(failed);
                match stopped.recv_timeout(SWEEP_EVERY) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            // A last sweep that succeeds has made up for all that went before.
            mirror.finish().map_err(|error| failed.unwrap_or(error))
        };
        let thread = std::thread::Builder::new()
            .name("capsule".to_owned())
            .spawn(write)
            .context("thread of the capsule")?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Takes the last of the folder, once nobody writes into it any more.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => Ok(written?),
            Some(Err(_)) => anyhow::bail!("the capsule's thread panicked"),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants to know calls `finish`.
        let _ = self.end();
    }
}

/// Writes the capsule of a run anew whose runner was killed: the backend and the services have written their last
/// lines after it. Does nothing where the runner came to its end.
pub(crate) fn complete(folder: &Path) -> anyhow::Result<()> {
    let beside = |suffix: &str| folder.join(format!("{FILE_NAME}{suffix}"));
    if !beside("-wal").exists() {
        return Ok(());
    }
    let next = beside(".next");
    for left in [beside(".next"), beside(".next-wal"), beside(".next-shm")] {
        let _ = std::fs::remove_file(left); // Most often there is none.
    }
    Mirror::create(folder, &next)?.finish()?;
    // First what lies beside the old one: it would be taken for the new one's.
    for old in [beside("-wal"), beside("-shm")] {
        let _ = std::fs::remove_file(old); // A reader that was killed may have left only one of them.
    }
    std::fs::rename(&next, folder.join(FILE_NAME)).context("capsule")
}
