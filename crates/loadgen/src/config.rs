//! What one load generator needs beside the [`Load`] itself: where to, from which seed, within which limits.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{Load, Problem};

/// Everything [`crate::start`] needs; validated there.
#[derive(Debug, Clone)]
pub struct Config {
    /// The gateway's public address.
    pub target: SocketAddr,
    /// The same seed and the same [`Load`] give the same schedule: times, journeys, products.
    pub seed: u64,
    /// What to send and how fast.
    pub load: Load,
    /// Requests under way at once at most, over all workers; an arrival beyond it is recorded as shed.
    pub in_flight: usize,
    /// How long a request may take from when it is sent, connecting included.
    pub timeout: Duration,
    /// Worker threads, each with a runtime and a connection pool of its own.
    pub workers: usize,
    /// File to which each second's lines are appended, see [`crate::record::line`]. `None` keeps the record in memory only.
    pub journal: Option<PathBuf>,
    /// Wall clock at the start in milliseconds since the epoch; only written into the record, never read again.
    pub started_at_ms: i64,
}

impl Config {
    /// Requests under way at once: at 50 requests/s that is 40 s of a shop that answers nothing.
    pub const IN_FLIGHT: usize = 2_000;
    /// As long as a patient caller waits.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The defaults for this target, seed and load.
    pub fn new(target: SocketAddr, seed: u64, load: Load) -> Self {
        Self {
            target,
            seed,
            load,
            in_flight: Self::IN_FLIGHT,
            timeout: Self::TIMEOUT,
            workers: 1,
            journal: None,
            started_at_ms: 0,
        }
    }

    /// Everything that is wrong with the limits or the load.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.load.problems();
        for (key, is_valid, message) in [
            ("in_flight", self.in_flight > 0, "must be at least 1"),
            ("timeout", !self.timeout.is_zero(), "must be more than 0"),
            (
                "workers",
                (1..=64).contains(&self.workers),
                "must be from 1 to 64",
            ),
        ] {
            if !is_valid {
                problems.push(Problem::new(key, message));
            }
        }
        problems
    }

    /// `in_flight`, or less where the process may not open so many files: shedding is recorded as what it is, while
    /// running out of files would look like a shop that refuses connections.
    pub fn in_flight_limit(&self) -> usize {
        let most = open_files().map_or(usize::MAX, |files| (files / 2).max(1));
        self.in_flight.min(most)
    }
}

#[cfg(unix)]
fn open_files() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.and_then(|files| usize::try_from(files).ok())
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}
