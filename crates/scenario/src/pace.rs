//! How fast a drill goes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How fast a drill goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// The page comes 2 to 6 minutes after the start: time to learn the baseline.
    Real,
    /// The page comes within 60 s of the start.
    Fast,
}

/// How many times faster everything goes at the fast pace.
const FAST: f64 = 5.0;

impl Pace {
    /// Every pace.
    pub const ALL: [Self; 2] = [Self::Real, Self::Fast];

    /// The name used on the command line and in the record of a run.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Fast => "fast",
        }
    }

    /// The pace of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pace| pace.name() == name)
    }

    /// A time of the scenario, which is given at the real pace, as it is at this pace.
    pub fn scale(self, seconds: f64) -> Duration {
        let factor = match self {
            Self::Real => 1.0,
            Self::Fast => FAST,
        };
        // Validation keeps times finite and positive; anything else would mean at once.
        Duration::try_from_secs_f64(seconds / factor).unwrap_or_default()
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
