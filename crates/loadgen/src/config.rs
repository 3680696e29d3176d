//! Configuration of a load generator: target, seed, load, limits.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{Load, Problem};

/// Everything that [`crate::start`] needs; it validates the values.
#[derive(Debug, Clone)]
pub struct Config {
    /// The gateway's public address.
    pub target: SocketAddr,
    /// The same seed and [`Load`] give the same schedule: times, journeys, products.
    pub seed: u64,
    /// What to send and how fast.
    pub load: Load,
    /// Maximum number of requests in flight; further arrivals are recorded as shed.
    pub in_flight: usize,
    /// Timeout of a request, including the time to connect.
    pub timeout: Duration,
    /// File to which the lines of each second are appended, see [`crate::record::line`]; `None` keeps the record in memory only.
    pub journal: Option<PathBuf>,
    /// Wall clock at the start, in milliseconds since the epoch; only written to the record.
    pub started_at_ms: i64,
}

impl Config {
    /// Default of `in_flight`: at 50 requests/s, 40 s without any response.
    pub const IN_FLIGHT: usize = 2_000;
    /// Default of `timeout`: a patient caller.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The defaults for this target, seed and load.
    pub fn new(target: SocketAddr, seed: u64, load: Load) -> Self {
        Self {
            target,
            seed,
            load,
            in_flight: Self::IN_FLIGHT,
            timeout: Self::TIMEOUT,
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
        ] {
            if !is_valid {
                problems.push(Problem::new(key, message));
            }
        }
        problems
    }

    /// `in_flight`, or less if the limit on open files is lower: running out of files would look like a shop that refuses
    /// connections, while shedding is recorded as such.
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
