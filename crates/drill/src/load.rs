//! The traffic of a drill, and its own record of what customers saw.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use loadgen::{Config, Handle, Record, Traffic};
use parking_lot::Mutex;

use crate::clock::now;

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
        let started = now().unix_timestamp_nanos() / 1_000_000;
        config.started_at_ms = i64::try_from(started).unwrap_or(i64::MAX);
        let handle = loadgen::start(config).context("load generator")?;
        Ok(Self {
            handle: Mutex::new(Some(handle)),
        })
    }

    /// What is sent from now on.
    pub(crate) fn change(&self, traffic: Traffic) {
        if let Some(handle) = self.handle.lock().as_ref() {
            handle.change(traffic);
        }
    }

    /// Everything that was sent and what came of it.
    pub(crate) fn record(&self) -> Option<Record> {
        self.handle.lock().as_ref().map(Handle::record)
    }

    /// Ends the traffic.
    pub(crate) async fn stop(&self) {
        let handle = self.handle.lock().take();
        if let Some(handle) = handle {
            handle.stop(DRAIN).await;
        }
    }
}
