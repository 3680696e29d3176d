//! How the calls of a process are made; the defaults are the shop as it is run day to day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the calls of a process are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// The steps that put the head of a call together, in order; a later one may write over an earlier one.
    pub head: Vec<Step>,
    /// Attempts of one call, the first one included.
    pub attempts: u32,
    /// Time after which an attempt is given up and made again, in milliseconds; absent leaves it all the time of the call.
    pub attempt_ms: Option<u64>,
    /// Whether only a share of the calls may be made again, whatever `attempts` says.
    pub budget: bool,
}

/// One step of putting the head of a call together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The head becomes what the caller gave: type of the content, keys.
    Given,
    /// Adds where in which trace the call is made.
    Trace,
    /// Adds for which request it is made, and how long that may still take.
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
    /// Time of one attempt, where it has one of its own.
    pub(super) fn attempt(&self) -> Option<Duration> {
        self.attempt_ms.map(Duration::from_millis)
    }
}
