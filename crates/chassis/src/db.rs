//! A small SQLite pool: some connections that read, one that writes, each on a thread of its own.
//!
//! ```text
//! handler -> queue (bounded wait) -> thread with a connection -> handler
//! ```
//!
//! A statement can take long, and a worker thread of the async runtime must not; a thread per
//! connection also makes "how many connections are used" mean what it says.

mod duration;
mod pool;
mod queue;
mod step;

use std::{path::PathBuf, time::Duration};

pub use self::{
    pool::{Held, Pool},
    step::step,
};

/// One statement of a service, known at compile time.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// Operation and table: `SELECT price`. Names the span and labels the metric.
    pub summary: &'static str,
    /// The statement with placeholders.
    pub text: &'static str,
}

impl Statement {
    /// `SELECT` of `SELECT price`.
    fn operation(&self) -> &'static str {
        self.summary.split(' ').next().unwrap_or_default()
    }

    /// `price` of `SELECT price`.
    fn collection(&self) -> &'static str {
        self.summary.split(' ').nth(1).unwrap_or_default()
    }
}

/// What a pool opens, and how large it is.
#[derive(Debug, Clone)]
pub struct Options {
    /// Database file.
    pub path: PathBuf,
    /// Connections that read.
    pub readers: usize,
    /// Time to wait for a connection.
    pub acquire: Duration,
    /// Time to wait for another process's lock.
    pub busy: Duration,
    /// Page cache of one connection, in KiB.
    pub cache_kib: u32,
    /// Pages of 4 KiB that the database may have at most; absent for no limit but the disk.
    pub max_pages: Option<u32>,
}

impl Options {
    /// Two readers over `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 2,
            acquire: Duration::from_secs(5),
            busy: Duration::from_secs(5),
            cache_kib: 1_024,
            max_pages: None,
        }
    }
}

/// A database operation that has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite's own error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// All connections were taken for too long.
    #[error("no database connection became free within {waited_ms} ms")]
    Timeout {
        /// Time waited, in milliseconds.
        waited_ms: u64,
    },
    /// The pool is closed, or the operation panicked.
    #[error("the database operation did not finish")]
    Closed,
}

impl From<Error> for crate::problem::Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout { .. } => Self::unavailable("database-overloaded", 1).cause(error),
            Error::Sqlite(_) | Error::Closed => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests;
