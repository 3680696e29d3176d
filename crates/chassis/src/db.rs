//! A small SQLite pool: some connections that read, one that writes, each on a thread of its own.

mod step;

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, Transaction};

pub use self::step::step;

/// One statement of a service, known at compile time.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// Operation and table: `SELECT price`. Names the span and labels the metric.
    pub summary: &'static str,
    /// The statement with placeholders.
    pub text: &'static str,
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
    /// The pool is closed, or its thread ended in a panic.
    #[error("the database is closed")]
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

/// A pool over one SQLite file. Cheap to clone; its threads end with the last clone.
#[derive(Debug, Clone)]
pub struct Pool {}

impl Pool {
    /// Opens all connections: WAL, foreign keys on, statements cached.
    pub fn open(_name: &'static str, _options: Options) -> Result<Self, Error> {
        Err(Error::Closed)
    }

    /// Runs `work` on a connection that reads.
    pub async fn read<T, F>(&self, _statement: &'static Statement, _work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        Err(Error::Closed)
    }

    /// Runs `work` in a transaction (`BEGIN IMMEDIATE`) that commits on `Ok` and rolls back on `Err`.
    pub async fn write<T, F>(&self, _statement: &'static Statement, _work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        Err(Error::Closed)
    }

    /// As [`write`](Pool::write), but `work` may also refuse: an inner `Err` rolls back and is returned.
    pub async fn try_write<T, R, F>(
        &self,
        _statement: &'static Statement,
        _work: F,
    ) -> Result<Result<T, R>, Error>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, R>> + Send + 'static,
    {
        Err(Error::Closed)
    }
}
