//! Where the process of a slot runs: as a child of this process, or as a child of a manager in another container.
//!
//! ```text
//! fleet ──> slot ──> placement ─┬─ here ──> child                     socket bound here, stdin, stdout, stderr
//!                               └─ there ─> manager ──> child         the same, done by the manager over HTTP
//! ```
//! Both give the same handle, a [`Process`]; swaps, supervision and pauses are the slot's and know no difference.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::log_file::LogFile;
use super::process::{Launch, Process};
use super::remote::Remote;

/// The two places.
#[derive(Debug)]
pub(crate) enum Placement {
    /// A child process.
    Here {
        /// The public socket, handed on to each child.
        listener: TcpListener,
        /// Where their standard error goes.
        log: LogFile,
    },
    /// A child of a manager, which has the public socket and sends us the log.
    There(Arc<Remote>),
}

impl Placement {
    /// Binds a public socket here.
    pub(crate) fn here(addr: SocketAddr, log: LogFile) -> std::io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        Ok(Self::Here { listener, log })
    }

    /// A place like this one for another instance.
    pub(crate) fn another(&self, instance: &str) -> anyhow::Result<Self> {
        match self {
            Self::Here { log, .. } => {
                let addr = SocketAddr::new(self.public()?.ip(), 0);
                let placement = Self::here(addr, log.another(instance)?);
                placement.with_context(|| format!("public socket of `{instance}`"))
            }
            Self::There(_) => bail!("a manager has one instance"),
        }
    }

    /// The address that callers use.
    pub(crate) fn public(&self) -> anyhow::Result<SocketAddr> {
        match self {
            Self::Here { listener, .. } => {
                listener.local_addr().context("address of a public socket")
            }
            Self::There(remote) => Ok(remote.public()),
        }
    }

    /// The folder for databases, where that is not the run's own.
    pub(crate) fn scratch(&self) -> Option<&Path> {
        match self {
            Self::Here { .. } => None,
            Self::There(remote) => Some(remote.scratch()),
        }
    }

    /// How a process here ended, in words.
    pub(crate) fn ending(&self, status: Option<ExitStatus>) -> String {
        match (self, status) {
            (Self::Here { log, .. }, status) => log.ending(status),
            (Self::There(_), Some(status)) => status.to_string(),
            (Self::There(_), None) => "killed".to_owned(),
        }
    }

    /// Starts a process and waits until it is ready.
    pub(crate) async fn start(&self, launch: Launch<'_>) -> anyhow::Result<Process> {
        match self {
            Self::Here { listener, log } => Process::start(launch, Some(listener), log).await,
            Self::There(remote) => remote.start(launch).await,
        }
    }
}
