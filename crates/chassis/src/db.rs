//! A small SQLite pool: some connections for reading, one for writing, each on its own thread.
//!
//! ```text
//! handler -> queue (bounded wait) -> thread with a connection -> handler
//! ```
//!
//! A statement can be slow and must not block a worker thread of the async runtime. With one thread per
//! connection, the metrics of used and idle connections are also exact.

mod duration;
mod pool;
mod queue;
mod step;

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, OptionalExtension as _, Params, Result, Row};

pub use self::{
    pool::{Pool, ReadTransaction},
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
    /// A transaction that writes; the statements in it have their own names.
    pub const fn transaction(summary: &'static str) -> Self {
        Self {
            summary,
            text: "BEGIN IMMEDIATE",
        }
    }

    /// Runs it; returns the number of changed rows.
    pub fn execute(&self, connection: &Connection, values: impl Params) -> Result<usize> {
        connection.prepare_cached(self.text)?.execute(values)
    }

    /// The first row, if there is one.
    pub fn one<T>(
        &self,
        connection: &Connection,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = connection.prepare_cached(self.text)?;
        statement.query_row(values, read).optional()
    }

    /// All rows.
    pub fn all<T, C: FromIterator<T>>(
        &self,
        connection: &Connection,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<C> {
        let mut statement = connection.prepare_cached(self.text)?;
        statement.query_map(values, read)?.collect()
    }

    /// `SELECT` of `SELECT price`.
    fn operation(&self) -> &'static str {
        self.summary.split(' ').next().unwrap_or_default()
    }

    /// `price` of `SELECT price`.
    fn collection(&self) -> &'static str {
        self.summary.split(' ').nth(1).unwrap_or_default()
    }
}

/// Settings of a pool.
#[derive(Debug, Clone)]
pub struct Options {
    /// Database file.
    pub path: PathBuf,
    /// Number of connections for reading.
    pub readers: usize,
    /// Maximum wait for a connection.
    pub acquire: Duration,
    /// Maximum wait for another process's lock on the database.
    pub busy: Duration,
    /// Page cache of one connection, in KiB.
    pub cache_kib: u32,
    /// Maximum size of the database in pages of 4 KiB; absent means limited by the disk only.
    pub max_pages: Option<u32>,
}

impl Options {
    /// Default settings for the database at `path`.
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

/// Why a database operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite's own error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// No connection was free in time.
    #[error("no database connection was free within {waited_ms} ms")]
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
            Error::Timeout { .. } => {
                Self::unavailable(shop_api::problem::code::DATABASE_OVERLOADED, 1).cause(error)
            }
            Error::Sqlite(_) | Error::Closed => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests;
