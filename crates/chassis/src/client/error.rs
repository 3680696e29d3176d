//! Why a call failed.

use http::StatusCode;
use shop_api::problem::code;

use crate::problem::Problem;

/// A call without a usable response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has no address for this upstream.
    #[error("no address is configured for upstream `{0}`")]
    UnknownUpstream(String),
    /// The request cannot be sent.
    #[error("request to `{upstream}` is not valid: {reason}")]
    Invalid {
        /// Upstream called.
        upstream: String,
        /// What is wrong with the request.
        reason: String,
    },
    /// No connection could be established.
    #[error("failed to connect to `{upstream}` at {address}")]
    Connect {
        /// Upstream called.
        upstream: String,
        /// Address tried last.
        address: String,
        /// The operating system's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection closed before the response was complete.
    #[error("connection to `{upstream}` closed before the response was complete")]
    Interrupted {
        /// Upstream called.
        upstream: String,
        /// What the connection reported.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The deadline passed first.
    #[error("`{upstream}` did not respond within {waited_ms} ms")]
    Deadline {
        /// Upstream called.
        upstream: String,
        /// Time waited, in milliseconds.
        waited_ms: u64,
    },
    /// The response is larger than the client accepts.
    #[error("response from `{upstream}` is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Upstream called.
        upstream: String,
        /// Largest response accepted, in bytes.
        limit_bytes: usize,
    },
    /// The response cannot be parsed.
    #[error("failed to parse the response from `{upstream}`")]
    Decode {
        /// Upstream called.
        upstream: String,
        /// What the parser reported.
        #[source]
        source: serde_json::Error,
    },
    /// The upstream responded with an error status.
    #[error("`{upstream}` responded with {status}{}", detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default())]
    Status {
        /// Upstream called.
        upstream: String,
        /// Status of the response.
        status: StatusCode,
        /// Stable code of the problem document in the response.
        code: Option<String>,
        /// Detail of the problem document in the response.
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
    /// A missed deadline and an overload keep their status; all other failures become 502, or 500 if the mistake is here.
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
            } => Self::unavailable(code::UPSTREAM_OVERLOADED, retry_after_s.unwrap_or(1))
                .cause(error),
            Error::Connect { .. } => Self::unavailable(code::UPSTREAM_UNREACHABLE, 1).cause(error),
            Error::UnknownUpstream(_) | Error::Invalid { .. } => Self::internal(error),
            Error::Interrupted { .. }
            | Error::TooLarge { .. }
            | Error::Decode { .. }
            | Error::Status { .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                code::UPSTREAM_FAILED,
                "An upstream service failed",
            )
            .cause(error),
        }
    }
}
