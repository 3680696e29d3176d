//! Exemplars: single requests behind the series of a histogram.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Error, Labels, Prometheus, bounded};
use crate::moment::{Window, unix_s};

/// The exemplars of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exemplars {
    /// Labels of the series, `__name__` included.
    pub series_labels: Labels,
    /// By time.
    pub exemplars: Vec<Exemplar>,
}

/// One of them, as the API writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exemplar {
    /// What names it; usually `trace_id` and `span_id`.
    pub labels: Labels,
    /// What was measured, as text: it may be NaN or infinite.
    pub value: String,
    /// Seconds since 1970.
    pub timestamp: f64,
}

impl Exemplar {
    /// Its trace, by either of the two names that are in use.
    pub fn trace_id(&self) -> Option<&str> {
        let found = self.labels.get("trace_id").or(self.labels.get("traceID"));
        found.map(String::as_str)
    }

    /// What was measured.
    pub fn number(&self) -> f64 {
        self.value.parse().unwrap_or(f64::NAN)
    }

    /// Its time, to the millisecond that the API gives.
    pub fn at(&self) -> OffsetDateTime {
        let millis = (self.timestamp * 1e3).round() as i128;
        OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl Prometheus {
    /// The exemplars of every series that `expr` selects; none where it selects no series.
    pub async fn exemplars(&self, expr: &str, window: Window) -> Result<Vec<Exemplars>, Error> {
        let params = [
            ("query", bounded(expr)?),
            ("start", format!("{:.3}", unix_s(window.from))),
            ("end", format!("{:.3}", unix_s(window.to))),
        ];
        Ok(self
            .try_get("query_exemplars", &params)
            .await?
            .unwrap_or_default())
    }
}
