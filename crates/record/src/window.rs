//! Stretches of time in a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// A stretch of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// First instant.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
    pub from: OffsetDateTime,
    /// Last instant.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
    pub to: OffsetDateTime,
}

/// What separates the incident from the time before it; sealed until the grade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Windows {
    /// Steady state before anything changed.
    pub baseline: Window,
    /// From the change that mattered until the symptom was gone or the write-up was submitted.
    pub incident: Window,
    /// When the responder did what ended it; none where nothing did.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[schemars(with = "Option<crate::instant::Text>")]
    pub acted: Option<OffsetDateTime>,
}

impl Windows {
    /// The part of the incident that shows it: what follows the action that ended it, such as a backlog that is worked
    /// off, is recovery.
    pub fn shown(&self) -> Window {
        let to = self
            .acted
            .map_or(self.incident.to, |acted| acted.min(self.incident.to));
        Window {
            to: to.max(self.incident.from),
            ..self.incident
        }
    }
}

/// The times of a run against which write-ups are read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// When traffic began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// When the page was sent; none in a run without one.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub page: Option<OffsetDateTime>,
    /// When the evidence ends: now, or the end of the run.
    #[serde(with = "time::serde::rfc3339")]
    pub ended: OffsetDateTime,
    /// The sealed windows; none for `report check`, which must not tell the truth.
    #[serde(default)]
    pub windows: Option<Windows>,
}

impl Window {
    /// Whether `at` lies inside, with `slack` allowed on both sides.
    pub fn contains(&self, at: OffsetDateTime, slack: Duration) -> bool {
        at >= self.from - slack && at <= self.to + slack
    }

    /// Length, never negative.
    pub fn length(&self) -> Duration {
        (self.to - self.from).max(Duration::ZERO)
    }
}

impl Frame {
    /// The whole run.
    pub fn whole(&self) -> Window {
        Window {
            from: self.started,
            to: self.ended,
        }
    }
}
