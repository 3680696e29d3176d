//! The traffic of a drill, and its own record of what customers saw.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use loadgen::{Config, Handle, Record};

use crate::clock::unix_ms;

/// How long requests under way may take at the end.
const DRAIN: Duration = Duration::from_secs(2);

/// The running load.
#[derive(Debug)]
pub(crate) struct Load {
    handle: Mutex<Option<Handle>>,
}

impl Load {
    /// Starts the traffic; its record is appended to `load.jsonl` in the run's folder every second.
    pub(crate) fn start(
        target: std::net::SocketAddr,
        seed: u64,
        load: loadgen::Load,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let mut config = Config::new(target, seed, load);
        config.journal = Some(folder.join(record::LOAD));
        config.started_at_ms = i64::try_from(unix_ms()).unwrap_or(i64::MAX);
        let handle = loadgen::start(config).context("load generator")?;
        Ok(Self {
            handle: Mutex::new(Some(handle)),
        })
    }

    /// Requests a second from now on; `None` goes back to the profile.
    pub(crate) fn set_rate(&self, rate: Option<f64>) {
        if let Some(handle) = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            handle.set_rate(rate);
        }
    }

    /// Everything that was sent and what came of it.
    pub(crate) fn record(&self) -> Option<Record> {
        self.handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(Handle::record)
    }

    /// Ends the traffic.
    pub(crate) async fn stop(&self) {
        let handle = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(handle) = handle {
            handle.stop(DRAIN).await;
        }
    }
}
