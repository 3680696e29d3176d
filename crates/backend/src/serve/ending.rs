//! How the role ends: asked to, or because the runner is gone.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use prom::Metrics;
use traces::Traces;
use tracing::{error, warn};

/// How long the scratch folder is tried to be removed: services that end now may still write into it.
const REMOVAL: Duration = Duration::from_millis(800);
/// The folder must stay away for this long to count as gone.
const QUIET: Duration = Duration::from_millis(250);
const REMOVAL_PAUSE: Duration = Duration::from_millis(25);

/// Waits for the end of standard input on a thread of its own, so that nothing that keeps the runtime busy can
/// keep this process alive; then writes the journals, removes `folder` and exits.
pub(super) fn watch_input(metrics: Arc<Metrics>, traces: Traces, folder: Option<PathBuf>) {
    let watch = thread::Builder::new().name("input-watch".to_owned());
    let spawned = watch.spawn(move || {
        wait_for_end(io::stdin().lock());
        write_journals(&metrics, &traces);
        if let Some(folder) = folder
            && let Err(error) = remove(&folder)
        {
            warn!("failed to remove `{}`: {error}", folder.display());
        }
        std::process::exit(0);
    });
    if let Err(error) = spawned {
        error!(
            "failed to watch standard input, so the end of the runner will go unnoticed: {error}"
        );
    }
}

fn wait_for_end(mut input: impl Read) {
    let mut buffer = [0; 256];
    // An input that cannot be read has ended as well.
    while matches!(input.read(&mut buffer), Ok(1..)) {}
}

/// Flushes both journals. Blocks for the disk.
pub(super) fn write_journals(metrics: &Metrics, traces: &Traces) {
    metrics.flush();
    traces.close_journal();
}

/// Removes a folder, again and again while others still write into it.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    let deadline = Instant::now() + REMOVAL;
    let mut gone_since = Instant::now();
    loop {
        let result = match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // It was there, so another process may be about to make it again.
            result => {
                gone_since = Instant::now();
                result
            }
        };
        let is_quiet = result.is_ok() && gone_since.elapsed() >= QUIET;
        if is_quiet || Instant::now() >= deadline {
            return result;
        }
        thread::sleep(REMOVAL_PAUSE);
    }
}

/// Waits for SIGTERM. SIGINT is left to the runner: a Ctrl-C in its terminal reaches the whole group, and the
/// runner still needs the evidence then.
pub(super) async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt());
        if let Err(error) = &interrupt {
            warn!("SIGINT will end the backend: {error}");
        }
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
                return;
            }
            Err(error) => warn!("SIGTERM is not handled: {error}"),
        }
    }
    std::future::pending::<()>().await;
}
