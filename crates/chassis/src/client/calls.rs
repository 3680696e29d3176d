//! Settings of upstream calls; the defaults are those of day-to-day operation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of upstream calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// The steps that build the headers of a call, in order; a later step may overwrite an earlier one.
    pub head: Vec<Step>,
    /// Maximum number of attempts of one call, the first one included.
    pub attempts: u32,
    /// Timeout of one attempt, after which the call is retried, in milliseconds; absent means the timeout of the whole call.
    pub attempt_ms: Option<u64>,
    /// Whether a retry budget limits retries to a share of the calls, whatever `attempts` allows.
    pub budget: bool,
}

/// One step of building the headers of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Sets the headers to those that the caller gave: content type, idempotency key.
    Given,
    /// Adds the trace context.
    Trace,
    /// Adds the request id and the remaining time of the request.
    Request,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            head: vec![Step::Given, Step::Trace, Step::Request],
            attempts: 3,
            attempt_ms: None,
            budget: true,
        }
    }
}

impl Calls {
    /// Timeout of one attempt, if set.
    pub(super) fn attempt(&self) -> Option<Duration> {
        self.attempt_ms.map(Duration::from_millis)
    }
}
