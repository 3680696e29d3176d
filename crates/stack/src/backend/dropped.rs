//! What the embedded backend has dropped to stay within its memory: it counts that among its own metrics.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Spans and samples that were stored and are no longer, the oldest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    /// Spans, in whole traces.
    pub spans: u64,
    /// Samples.
    pub samples: u64,
}

impl Dropped {
    /// Asks the backend at this address of its Prometheus; nothing if it does not answer, or is another program.
    pub async fn ask(prometheus: &str) -> Option<Self> {
        let http = crate::http::client().timeout(ANSWER_WITHIN).build().ok()?;
        let answer = http.get(format!("{prometheus}/metrics")).send().await;
        Self::read(&answer.ok()?.text().await.ok()?)
    }

    fn read(metrics: &str) -> Option<Self> {
        let count = |name: &str| {
            let mut lines = metrics.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value?.parse().ok()
        };
        Some(Self {
            spans: count("traces_evicted_spans_total")?,
            samples: count("prometheus_tsdb_evicted_samples_total")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_counts_are_read_and_another_program_has_none() {
        let samples = "# TYPE prometheus_tsdb_evicted_samples_total counter\n\
            prometheus_tsdb_evicted_samples_total 7\n";
        let both = format!("{samples}traces_evicted_spans_total 12\n");
        let dropped = Dropped {
            spans: 12,
            samples: 7,
        };
        assert_eq!(Dropped::read(&both), Some(dropped));
        assert_eq!(Dropped::read(samples), None);
        assert_eq!(Dropped::read("go_goroutines 31\n"), None);
    }
}
