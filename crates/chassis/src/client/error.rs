//! Why a call has no answer.

use http::StatusCode;

use crate::problem::Problem;

/// A call without a usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has no address for this upstream.
    #[error("no address is configured for upstream `{0}`")]
    UnknownUpstream(String),
    /// The request cannot be put on the wire.
    #[error("request to `{upstream}` is not valid: {reason}")]
    Invalid {
        /// Upstream called.
        upstream: String,
        /// What is wrong with the request.
        reason: String,
    },
    /// No connection could be made.
    #[error("failed to connect to `{upstream}` at {address}")]
    Connect {
        /// Upstream called.
        upstream: String,
        /// Address tried last.
        address: String,
        /// The operating system's answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection ended before the answer did.
    #[error("connection to `{upstream}` ended before its answer did")]
    Interrupted {
        /// Upstream called.
        upstream: String,
        /// What the connection reported.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The deadline passed first.
    #[error("`{upstream}` did not answer within {waited_ms} ms")]
    Deadline {
        /// Upstream called.
        upstream: String,
        /// Time waited, in milliseconds.
        waited_ms: u64,
    },
    /// The answer is larger than a client accepts.
    #[error("answer of `{upstream}` is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Upstream called.
        upstream: String,
        /// Largest answer accepted, in bytes.
        limit_bytes: usize,
    },
    /// The answer is not what was expected.
    #[error("answer of `{upstream}` could not be read")]
    Decode {
        /// Upstream called.
        upstream: String,
        /// What the parser reported.
        #[source]
        source: serde_json::Error,
    },
    /// The upstream answered with an error status.
    #[error("`{upstream}` answered {status}{}", detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default())]
    Status {
        /// Upstream called.
        upstream: String,
        /// Status of the answer.
        status: StatusCode,
        /// Stable code of the problem document in the answer.
        code: Option<String>,
        /// Detail of the problem document in the answer.
        detail: Option<String>,
        /// Seconds that the upstream asked to wait.
        retry_after_s: Option<u64>,
    },
}

impl Error {
    /// Short name for `error.type`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::UnknownUpstream(_) => "unknown_upstream",
            Self::Invalid { .. } => "invalid_request",
            Self::Connect { .. } => "connect",
            Self::Interrupted { .. } => "interrupted",
            Self::Deadline { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::Decode { .. } => "decode",
            Self::Status { .. } => "status",
        }
    }
}

impl From<Error> for Problem {
    /// A deadline stays a deadline, overload stays overload; all else is an upstream that failed.
    fn from(error: Error) -> Self {
        match &error {
            Error::Deadline { .. } => Self::deadline().cause(error),
            Error::Status {
                status: StatusCode::GATEWAY_TIMEOUT,
                ..
            } => Self::deadline().cause(error),
            Error::Status {
                status: StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS,
                retry_after_s,
                ..
            } => Self::unavailable("upstream-overloaded", retry_after_s.unwrap_or(1)).cause(error),
            Error::Connect { .. } => Self::unavailable("upstream-unreachable", 1).cause(error),
            Error::UnknownUpstream(_) | Error::Invalid { .. } => Self::internal(error),
            Error::Interrupted { .. }
            | Error::TooLarge { .. }
            | Error::Decode { .. }
            | Error::Status { .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream-failed",
                "Another service failed to answer",
            )
            .cause(error),
        }
    }
}
