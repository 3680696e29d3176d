//! Where evidence comes from: Jaeger and Prometheus over HTTP, and the files of the run folder.
//!
//! A client talks to the one base address it was built with and follows no redirect, so nothing that
//! a write-up says can make it reach another host or read a file outside of the run folder.

mod http;
pub mod jaeger;
pub mod logs;
mod otlp_json;
pub mod prometheus;
mod red;

use std::path::Path;
use std::time::Duration;

pub use crate::log_line::LogLine;
pub use jaeger::{Jaeger, Span, Trace, TraceQuery};
pub use logs::Logs;
pub use prometheus::{Labels, Prometheus, Sample, Series, Value};
pub use record::{
    By, Deploy, DeployKind, Deploys, Look, LookKind, Looks, Profile, Profiles, SettingChange,
    Snapshot, Snapshots,
};
pub use red::{Red, red};

/// Why a piece of evidence could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The base address is none.
    #[error("`{base}` is not an address such as `http://127.0.0.1:9090`")]
    Base {
        /// As configured.
        base: String,
    },
    /// No connection, or it broke.
    #[error("{what} at `{base}` does not answer: {reason}")]
    Unreachable {
        /// `Jaeger` or `Prometheus`.
        what: &'static str,
        /// Its address.
        base: String,
        /// The innermost cause.
        reason: String,
    },
    /// The answer took longer than allowed.
    #[error("{what} took longer than {limit:?}")]
    TimedOut {
        /// `Jaeger` or `Prometheus`.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The answer is larger than allowed.
    #[error("{what} returned more than {bytes} bytes; narrow the query")]
    TooLarge {
        /// Who answered.
        what: &'static str,
        /// The limit.
        bytes: usize,
    },
    /// The question was refused.
    #[error("{what} refused: {message}")]
    Refused {
        /// Who refused.
        what: &'static str,
        /// HTTP status.
        status: u16,
        /// Its words, shortened.
        message: String,
    },
    /// The answer is not in the documented form.
    #[error("unexpected response from {what}: {reason}")]
    Shape {
        /// Who answered.
        what: &'static str,
        /// What did not fit.
        reason: String,
    },
    /// It does not exist in this run.
    #[error("this run has no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id, shortened.
        id: String,
    },
    /// It may have been there, but its backend was away meanwhile and may have lost it.
    #[error("{what} was down until {until} and may have lost `{id}`")]
    Lost {
        /// Who was away.
        what: &'static str,
        /// What was looked for.
        id: String,
        /// When it was back, time of day.
        until: String,
    },
    /// What was asked is malformed or too large to try.
    #[error("{0}")]
    Asked(String),
    /// A file of the run folder cannot be read.
    #[error("`{path}`: {reason}")]
    File {
        /// Relative to the run folder.
        path: String,
        /// Why not.
        reason: String,
    },
}

impl From<record::Error> for Error {
    fn from(error: record::Error) -> Self {
        match error {
            record::Error::NotFound { what, id } => Self::NotFound { what, id },
            record::Error::File { path, reason } => Self::File { path, reason },
            error @ (record::Error::Name(_) | record::Error::Format { .. }) => {
                Self::Asked(error.to_string())
            }
        }
    }
}

impl Error {
    /// Whether the evidence may exist and could not be checked, which is not the responder's mistake.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Shape { .. }
            | Self::File { .. }
            | Self::Lost { .. } => true,
            Self::Refused { status, .. } => *status >= 500 && *status != 503,
            _ => false,
        }
    }
}

/// Limits of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one question, connection included.
    pub timeout: Duration,
    /// Of one answer.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            max_bytes: 16 << 20,
        }
    }
}

/// Everything that pointers can be executed against.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Traces.
    pub jaeger: Jaeger,
    /// Metrics.
    pub prometheus: Prometheus,
    /// Log lines of the run.
    pub logs: Logs,
    /// Deploy history of the run.
    pub deploys: Deploys,
    /// Heap snapshots of the run.
    pub snapshots: Snapshots,
    /// CPU profiles of the run.
    pub profiles: Profiles,
}

impl Sources {
    /// Two base addresses and a run folder; nothing is contacted yet.
    pub fn new(jaeger: &str, prometheus: &str, folder: &Path) -> Result<Self, Error> {
        let limits = Limits::default();
        Ok(Self {
            jaeger: Jaeger::new(jaeger, limits)?,
            prometheus: Prometheus::new(prometheus, limits)?,
            logs: Logs::open(folder),
            deploys: Deploys::open(folder),
            snapshots: Snapshots::open(folder),
            profiles: Profiles::open(folder),
        })
    }
}

pub(crate) fn shorten(text: &str, chars: usize) -> String {
    let mut short: String = text.chars().take(chars).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
