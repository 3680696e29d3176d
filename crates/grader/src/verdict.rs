//! The grade: a pure function of rubric, write-up, executed pointers and facts of the run.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::evidence::Deploy;
use crate::mitigation::Measurement;
use crate::moment::Frame;
use crate::pointer::Executed;

/// What the run itself knows and no telemetry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Run id.
    pub run: String,
    /// Start, page, end, and the sealed windows.
    pub frame: Frame,
    /// When the change happened that set it off; `None` in a control.
    #[serde(with = "time::serde::rfc3339::option")]
    pub trigger_at: Option<OffsetDateTime>,
    /// Impact by the load generator's record; `None` if it could not be had.
    pub impact: Option<ImpactTruth>,
    /// The run's deploy history, actions of the responder included.
    pub deploys: Vec<Deploy>,
    /// What the responder did to the system.
    pub actions: Vec<Action>,
    /// The indicator after it; `None` where the rubric has no mitigation.
    pub mitigation: Option<Measurement>,
}

/// Impact by the load generator's record, over the routes that the rubric names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImpactTruth {
    /// First affected second; `None` if nobody was affected.
    #[serde(with = "time::serde::rfc3339::option")]
    pub start: Option<OffsetDateTime>,
    /// Last affected second; `None` while it goes on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
    /// Requests between start and end.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those slower than the rubric's limit.
    pub slow: u64,
    /// 99th percentile between start and end, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// Something the responder did to the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The command without its program: `rollback inventory`.
    pub what: String,
}

/// The grade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Run id.
    pub run: String,
    /// Whether it passed: enough points, and every condition met.
    pub passed: bool,
    /// Whether something could not be checked, so that grading again may give another result.
    pub incomplete: bool,
    /// Points, 0 to 100.
    pub score: u32,
    /// Points that pass.
    pub pass_mark: u32,
    /// What must be met whatever the points are.
    pub conditions: Vec<Condition>,
    /// Points one by one.
    pub items: Vec<Item>,
    /// Every pointer with what became of it.
    pub pointers: Vec<Executed>,
}

/// Something that must be met whatever the points are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// What must be met.
    pub name: String,
    /// Whether it is.
    pub met: bool,
    /// Why, in one or two sentences.
    pub why: String,
}

/// Points for one part of the write-up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// The part.
    pub name: &'static str,
    /// Points earned.
    pub points: f64,
    /// Points that could be earned; 0 if it was not checked.
    pub of: f64,
    /// Why, in one or two sentences with numbers.
    pub why: String,
    /// What would have earned more, without telling the answer before the debrief.
    pub hint: Option<String>,
}
