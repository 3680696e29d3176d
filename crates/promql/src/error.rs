//! Why a query has no answer, in the classes of Prometheus's API.

use std::time::Duration;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The expression, or a parameter of the query, is wrong; the text starts with line and column where known.
    #[error("{0}")]
    BadData(String),
    /// The expression is right but could not be evaluated over these samples.
    #[error("{0}")]
    Execution(String),
    /// The query ran for longer than [`Options::timeout`](super::Options::timeout).
    #[error("query timed out in expression evaluation after {} ms", .0.as_millis())]
    Timeout(Duration),
}

impl Error {
    /// The value of `errorType` in Prometheus's API.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::BadData(_) => "bad_data",
            Error::Execution(_) => "execution",
            Error::Timeout(_) => "timeout",
        }
    }
}
