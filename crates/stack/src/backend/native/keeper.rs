//! The role `firedrill serve native`: the parent of one program that is not ours.
//!
//! ```text
//! runner ── stdin: configuration, then the lifeline ──> keeper ──> this executable once more, which becomes the program
//! ```
//! A foreign program does not watch its standard input, so the keeper does: at its end it kills the program.
//! On Linux the program also gets a signal when its keeper dies: it is asked for by a process that then becomes the
//! program, because that needs no code between fork and exec.

use std::io::{self, BufRead, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long the program may take to end when it is asked to. The runner waits longer for the keeper.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// How long a folder is tried to be removed: services that end at the same time may still write into it.
const REMOVAL: Duration = Duration::from_secs(2);
/// The folder must stay away for this long to count as gone.
const QUIET: Duration = Duration::from_millis(250);
const REMOVAL_PAUSE: Duration = Duration::from_millis(25);

/// What a process of this role is told: one JSON line on standard input.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Order {
    /// Run a program for as long as standard input is open.
    Keep {
        /// What to run.
        program: Program,
        /// The run's id, for the ready line.
        run: String,
        /// Removed when standard input ends, which is how the end of the runner shows.
        remove: Option<PathBuf>,
    },
    /// Become the program.
    Become {
        /// What to become.
        program: Program,
        /// The keeper: without it there is nothing to become any more.
        keeper: u32,
    },
}

/// A program and its arguments.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// Takes the role until the program has ended.
pub fn serve() -> ExitCode {
    let mut line = String::new();
    let order = match io::stdin().lock().read_line(&mut line) {
        Ok(_) => serde_json::from_str(&line).map_err(io::Error::other),
        Err(error) => Err(error),
    };
    let done = match order {
        Ok(Order::Keep {
            program,
            run,
            remove,
        }) => keep(program, &run, remove.as_deref()),
        Ok(Order::Become { program, keeper }) => Err(become_program(&program, keeper)),
        Err(error) => Err(error),
    };
    done.unwrap_or_else(|error| {
        eprintln!(
            "{}",
            json!({"level": "error", "message": error.to_string()})
        );
        ExitCode::FAILURE
    })
}

/// Returns only if it fails.
fn become_program(program: &Program, keeper: u32) -> io::Error {
    #[cfg(target_os = "linux")]
    {
        if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
            return error.into();
        }
        let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
        if parent != Some(keeper.cast_signed()) {
            return io::Error::other("its keeper ended before the program started");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = keeper;
    std::process::Command::new(&program.path)
        .args(&program.arguments)
        .exec()
}

fn keep(program: Program, run: &str, remove: Option<&Path>) -> io::Result<ExitCode> {
    // One thread for everything: the signal at the keeper's death follows the thread that forked.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let code = runtime.block_on(async {
        let mut terminations = signal(SignalKind::terminate())?;
        let mut child = spawn(program).await?;
        let lifeline = lifeline()?;
        announce(run, child.id());
        tokio::select! {
            status = child.wait() => Ok(end_like(status?)),
            _ = terminations.recv() => {
                stop(&mut child).await?;
                Ok(ExitCode::SUCCESS)
            }
            _ = lifeline => {
                child.kill().await?;
                if let Some(folder) = remove {
                    remove_for_good(folder);
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // The thread that reads the lifeline is still at it.
    runtime.shutdown_background();
    code
}

async fn spawn(program: Program) -> io::Result<Child> {
    let order = Order::Become {
        program,
        keeper: std::process::id(),
    };
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", "native"])
        .stdin(Stdio::piped())
        .stdout(io::stderr()) // Standard output is the keeper's, for its ready line.
        .kill_on_drop(true)
        .spawn()?;
    let line = serde_json::to_string(&order)? + "\n";
    if let Some(mut input) = child.stdin.take() {
        input.write_all(line.as_bytes()).await?;
    }
    Ok(child)
}

/// Completes when standard input ends; it is read on a thread of its own, as it cannot be waited for otherwise.
fn lifeline() -> io::Result<oneshot::Receiver<()>> {
    let (ended, lifeline) = oneshot::channel();
    let watch = std::thread::Builder::new().name("input-watch".to_owned());
    watch.spawn(move || {
        let mut buffer = [0; 256];
        // An input that cannot be read has ended as well.
        while matches!(io::stdin().lock().read(&mut buffer), Ok(1..)) {}
        let _ = ended.send(()); // Without a receiver, the keeper is ending already.
    })?;
    Ok(lifeline)
}

fn announce(run: &str, pid: Option<u32>) {
    let line = json!({"ready": true, "run": run, "pid": pid});
    let mut output = io::stdout().lock();
    // The reader of the line may be gone; then standard input ends as well.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

async fn stop(child: &mut Child) -> io::Result<()> {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // It may have exited already; then there is nothing to ask.
        let _ = rustix::process::kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(STOP_WITHIN, child.wait())
        .await
        .is_err()
    {
        child.kill().await?;
    }
    Ok(())
}

/// Ends the way the program ended, so that the runner can say how that was.
fn end_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
        // A signal that this process handles itself leaves the code below.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

fn remove_for_good(folder: &Path) {
    let deadline = Instant::now() + REMOVAL;
    let mut gone_since = None;
    while Instant::now() < deadline {
        // What cannot be removed now is tried again below, and swept by the next run.
        let _ = std::fs::remove_dir_all(folder);
        if folder.exists() {
            gone_since = None;
        } else if gone_since.get_or_insert_with(Instant::now).elapsed() >= QUIET {
            return;
        }
        std::thread::sleep(REMOVAL_PAUSE);
    }
}
