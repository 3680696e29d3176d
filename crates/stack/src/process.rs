//! One child process: spawn, ready line, log capture, stop.
//!
//! A child gets its configuration as one line on standard input, which then stays open:
//! when the runner dies, however it dies, the child reads end-of-file and exits.
//! That is why nothing here needs a parent-death signal, and why it works on macOS too.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::error::Error;
use crate::log_file::LogFile;
use crate::token::TOKEN_VARIABLE;

/// The first file descriptor that a parent hands on, by systemd's convention.
const FIRST_LISTEN_FD: i32 = 3;

/// How many log lines go with the message about a process that did not come up.
const TAIL: usize = 8;

/// How long the last lines of a process that has ended may take.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// What to start, as a child or through a manager.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    /// The role, as in `firedrill serve ROLE`.
    pub(crate) role: &'a str,
    /// The process's name in logs and messages, such as `inventory-1`.
    pub(crate) instance: &'a str,
    /// The configuration, sealed parts included: one JSON value, written as one line.
    pub(crate) config: &'a Value,
    /// Environment variables on top of what the parent has.
    pub(crate) environment: &'a [(String, String)],
    /// How long the process may take to say that it is ready.
    pub(crate) ready_within: Duration,
}

/// A running process: a child, or a manager's child elsewhere (`remote`). Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    ready: Value,
    stop: mpsc::Sender<Duration>,
    exited: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts the child and waits for its ready line. It accepts on `listener`, if the parent has its public socket;
    /// `log` gets its standard error, line by line.
    pub(crate) async fn start(
        launch: Launch<'_>,
        listener: Option<&TcpListener>,
        log: &LogFile,
    ) -> anyhow::Result<Self> {
        let mut child = command(launch, listener)?
            .spawn()
            .with_context(|| format!("process `{}`", launch.instance))?;
        let pid = child
            .id()
            .context("a child that was just spawned has an id")?;

        let stderr = child.stderr.take().context("stderr is piped")?;
        let drained = log.clone();
        let drained = tokio::spawn(async move { drained.drain(stderr).await });

        let mut stdin = child.stdin.take().context("stdin is piped")?;
        let line = format!("{}\n", launch.config);
        let written = stdin.write_all(line.as_bytes()).await;
        let stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let ready = match written {
            Ok(()) => ready_line(stdout, &mut child, launch.ready_within).await,
            Err(error) => Err(anyhow!(error).context("it did not read its configuration")),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => {
                let _ = child.kill().await; // It never became ready: nothing in it is worth draining.
                return Err(Error::Start {
                    message: format!("`{}` did not start: {error:#}", launch.instance),
                    log: log.tail(TAIL),
                    hint: None,
                }
                .into());
            }
        };

        let (stop, stops) = mpsc::channel(4);
        let (exit, exited) = watch::channel(None);
        tokio::spawn(async move {
            let status = own(&mut child, stops).await;
            drop(stdin);
            // How it ended is told with its last words; the pipe closes with the process, so they are there at once.
            let _ = timeout(LAST_WORDS_WITHIN, drained).await;
            exit.send_replace(Some(status));
        });
        Ok(Self {
            pid,
            ready,
            stop,
            exited,
        })
    }

    /// The handle of a process that another task owns: it takes stops from one channel and tells the end on the other.
    pub(crate) fn owned_elsewhere(
        pid: u32,
        ready: Value,
        stop: mpsc::Sender<Duration>,
        exited: watch::Receiver<Option<ExitStatus>>,
    ) -> Self {
        Self {
            pid,
            ready,
            stop,
            exited,
        }
    }

    /// The operating system's id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The ready line.
    pub(crate) fn ready(&self) -> &Value {
        &self.ready
    }

    /// A field of the ready line, such as an address.
    pub(crate) fn announced(&self, field: &str) -> anyhow::Result<&str> {
        self.ready[field]
            .as_str()
            .with_context(|| format!("the ready line has no `{field}`: {}", self.ready))
    }

    /// Completes when the process has ended and its log is read, with how it ended.
    pub(crate) fn exited(&self) -> impl Future<Output = Option<ExitStatus>> + use<> {
        let mut exited = self.exited.clone();
        async move {
            let status = exited.wait_for(Option::is_some).await.ok()?;
            *status
        }
    }

    /// Asks the process to drain and end; kills it when `patience` has passed.
    pub(crate) async fn stop(self, patience: Duration) -> Option<ExitStatus> {
        let exited = self.exited();
        // A closed channel means that the process is gone already.
        let _ = self.stop.send(patience).await;
        exited.await
    }
}

fn command(launch: Launch<'_>, listener: Option<&TcpListener>) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("path of this executable")?;
    let mut command = std::process::Command::new(program);
    command.args(["serve", launch.role]);
    // A service has no business with the token of its manager.
    command.env_remove(TOKEN_VARIABLE);
    command.envs(launch.environment.iter().map(|(key, value)| (key, value)));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A Ctrl-C in the terminal goes to the runner alone; it decides in which order things end.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    if let Some(listener) = listener {
        let parent_fd = listener
            .as_fd()
            .try_clone_to_owned()
            .context("public socket")?;
        let mapping = FdMapping {
            parent_fd,
            child_fd: FIRST_LISTEN_FD,
        };
        command
            .fd_mappings(vec![mapping])
            .context("public socket")?;
        command.env("LISTEN_FDS", "1").env_remove("LISTEN_PID");
    }
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    Ok(command)
}

async fn ready_line(
    stdout: BufReader<tokio::process::ChildStdout>,
    child: &mut Child,
    within: Duration,
) -> anyhow::Result<Value> {
    let mut lines = stdout.lines();
    let line = tokio::select! {
        line = timeout(within, lines.next_line()) => line,
        status = child.wait() => bail!("it exited immediately: {}", status.context("its exit status")?),
    };
    let line = line
        .with_context(|| format!("no ready line within {} s", within.as_secs()))?
        .context("its standard output")?
        .context("it closed its standard output before it was ready")?;
    // Whatever else it prints is read and dropped, so that a full pipe can never block it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let ready: Value =
        serde_json::from_str(&line).with_context(|| format!("ready line `{line}`"))?;
    if ready["ready"] != Value::Bool(true) {
        bail!("it is not ready: {line}");
    }
    Ok(ready)
}

/// Waits for the end of the child and carries out stops; all signals are sent from here,
/// where the child is not reaped yet, so that the id cannot belong to another process.
async fn own(child: &mut Child, mut stops: mpsc::Receiver<Duration>) -> ExitStatus {
    let patience = tokio::select! {
        status = child.wait() => return ended(status),
        patience = stops.recv() => patience.unwrap_or(Duration::ZERO),
    };
    if !patience.is_zero() {
        terminate(child);
        if let Ok(status) = timeout(patience, child.wait()).await {
            return ended(status);
        }
    }
    // An error here means that it has ended in the meantime; `wait` says how.
    let _ = child.start_kill();
    ended(child.wait().await)
}

fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // The process may have exited already; then there is nothing to ask.
        let _ = rustix::process::kill_process(pid, Signal::TERM);
    }
}

fn ended(status: std::io::Result<ExitStatus>) -> ExitStatus {
    // The child is ours and waited for once, so that an error can only mean that it is gone.
    status.unwrap_or_default()
}
