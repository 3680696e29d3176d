//! What ends a drill from outside: an interrupt, a termination, the end of standard input.

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the first process of a container waits for the commands in it, once the drill is over.
const OTHERS_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks whether there are any.
const OTHERS_EVERY: Duration = Duration::from_millis(50);

/// Everything that ends a drill from outside.
pub(crate) struct Ends {
    interrupts: Signal,
    terminations: Signal,
    unattended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Ends {
    /// Listens from here on; to the end of standard input only if that is to end the drill.
    pub(crate) fn listen(until_eof: bool) -> anyhow::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt()).context("interrupt signal")?,
            terminations: signal(SignalKind::terminate()).context("termination signal")?,
            unattended: Box::pin(end_of_input(until_eof)),
        })
    }

    /// Completes when the drill is to end.
    pub(crate) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupts.recv() => {}
            _ = self.terminations.recv() => {}
            () = &mut self.unattended => {}
        }
    }
}

/// Completes when standard input ends, if that is to end the drill; else never.
async fn end_of_input(is_wanted: bool) {
    if !is_wanted {
        return std::future::pending().await;
    }
    // An error is an end too.
    let read = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    let _ = tokio::task::spawn_blocking(read).await;
}

/// The first process of a container takes all others with it when it ends: a command within the container that handed
/// a write-up in gets to show the verdict.
pub(crate) fn wait_for_the_others() {
    if std::process::id() != 1 {
        return;
    }
    let deadline = Instant::now() + OTHERS_WITHIN;
    let is_process = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        name.parse::<u32>().is_ok_and(|id| id != 1)
    };
    while Instant::now() < deadline
        && std::fs::read_dir("/proc").is_ok_and(|all| all.flatten().any(is_process))
    {
        std::thread::sleep(OTHERS_EVERY);
    }
}
