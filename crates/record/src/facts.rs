//! What the grader knows apart from the evidence: windows, impact, actions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Deploy, Frame, Look};

/// What the run itself knows and no telemetry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Run id.
    pub run: String,
    /// Start, page, end, and the sealed windows.
    pub frame: Frame,
    /// When the write-up was submitted, before anything was measured for it; absent in older runs.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub submitted_at: Option<OffsetDateTime>,
    /// When the change happened that set it off; none in a control.
    #[serde(with = "time::serde::rfc3339::option")]
    pub trigger_at: Option<OffsetDateTime>,
    /// Impact by the load generator's record; none if it could not be had.
    pub impact: Option<ImpactTruth>,
    /// The run's deploy history, actions of the responder included.
    pub deploys: Vec<Deploy>,
    /// What the responder did to the system.
    pub actions: Vec<Action>,
    /// The indicator after it; none where the rubric has no mitigation.
    pub mitigation: Option<Measurement>,
    /// What the responder looked at, oldest first.
    #[serde(default)]
    pub looks: Vec<Look>,
}

/// Impact by the load generator's record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImpactTruth {
    /// First affected second; none if no request was affected.
    #[serde(with = "time::serde::rfc3339::option")]
    pub start: Option<OffsetDateTime>,
    /// Last affected second; none while it goes on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
    /// Counted on the routes that the rubric names.
    #[serde(flatten)]
    pub counted: Counted,
    /// Counted on other routes that may be taken for the affected ones: those of the rubric that were hit hardest, or all that
    /// were hit.
    #[serde(default)]
    pub otherwise: Vec<Counted>,
}

/// Requests of some routes between the start and the end of an impact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those slower than the rubric's limit.
    pub slow: u64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// Something the responder did to the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
    pub at: OffsetDateTime,
    /// The command without its program: `rollback inventory`.
    pub what: String,
}

/// What was measured of the indicator that a mitigation brings down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Latest value; none if there was none.
    pub value: Option<f64>,
    /// For how many seconds up to the end it has been well without a break.
    pub well_for_s: f64,
    /// Whether that is long enough.
    pub is_settled: bool,
    /// Why it could not be measured.
    pub problem: Option<String>,
}
