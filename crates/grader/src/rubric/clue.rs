//! Clinchers: what evidence settles the cause, written so that a program can look for it.

use serde::{Deserialize, Serialize};

/// One thing that settles the cause. A pointer of any kind named here meets it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clincher {
    /// What it shows, for the verdict and the debrief.
    pub about: String,
    /// A metric.
    #[serde(default)]
    pub promql: Option<PromqlClue>,
    /// A span.
    #[serde(default)]
    pub trace: Option<TraceClue>,
    /// Log lines.
    #[serde(default)]
    pub log: Option<LogClue>,
    /// Growth of the heap.
    #[serde(default)]
    pub heap: Option<HeapClue>,
}

/// A `promql:` pointer meets it when its expression mentions all of these and its value tells the incident apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromqlClue {
    /// Metric or label names and label values, whole words of the expression; `a|b` is either.
    pub mentions: Vec<String>,
    /// The query that the debrief shows and `verify` runs.
    #[serde(default)]
    pub example: Option<String>,
}

/// A `trace:` pointer meets it when the trace lies in the incident and has such a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TraceClue {
    /// The span's service.
    pub service: Option<String>,
    /// Part of its name, without regard to case.
    pub span: Option<String>,
    /// `server`, `client`, `internal`, `producer` or `consumer`.
    pub kind: Option<String>,
    /// Its least duration in milliseconds.
    pub min_ms: Option<f64>,
    /// Its least share of the root span's duration, 0 to 1.
    pub min_share: Option<f64>,
    /// It failed.
    pub error: Option<bool>,
    /// The release that made it.
    pub version: Option<String>,
    /// Part of the text of an attribute, a status or an event.
    pub text: Option<String>,
    /// At least so many such spans in the one trace.
    pub min_count: Option<usize>,
    /// At most so many services in the one trace.
    pub max_services: Option<usize>,
}

/// A `log:` pointer meets it when it tells the incident apart and one of its lines matches this query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogClue {
    /// In the language of `firedrill logs`.
    pub query: String,
}

/// A `heap:` pointer meets it when such a function grew the most, or nearly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeapClue {
    /// Part of the function's name.
    pub function: String,
    /// Least growth in bytes.
    #[serde(default)]
    pub min_bytes: i64,
    /// It must be among the so many that grew most.
    #[serde(default = "three")]
    pub within_top: usize,
}

fn three() -> usize {
    3
}
