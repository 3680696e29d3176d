//! The families of drills: those of one family look alike until somebody investigates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A family of drills, by what is noticed first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Requests end with a server error.
    #[default]
    OrdersFail,
    /// Requests take too long.
    OrdersSlow,
    /// Memory of a service rises.
    Memory,
    /// Work is accepted and not done.
    Backlog,
    /// Logs, metrics or traces look odd.
    Signals,
}

impl Family {
    /// Every family, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::OrdersFail,
        Self::OrdersSlow,
        Self::Memory,
        Self::Backlog,
        Self::Signals,
    ];

    /// The name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrdersFail => "orders-fail",
            Self::OrdersSlow => "orders-slow",
            Self::Memory => "memory",
            Self::Backlog => "backlog",
            Self::Signals => "signals",
        }
    }

    /// What is noticed, in one line; the same for all of the family, so that it tells none of them apart.
    pub const fn symptom(self) -> &'static str {
        match self {
            Self::OrdersFail => "requests of customers end with a server error",
            Self::OrdersSlow => "orders take too long",
            Self::Memory => "the memory of a service rises",
            Self::Backlog => "orders are accepted, and something after them is late",
            Self::Signals => "logs, metrics or traces look odd",
        }
    }
}
