//! Drills with degraded observability: which part of the telemetry is missing, and in which drills the rest still settles the
//! cause.

use std::collections::BTreeSet;
use std::time::Duration;

use grader::Mechanism;
use grader::lineup::Candidate;
use grader::reference::Probe;

use crate::{Action, Pace, Scenario};

/// What is missing of the telemetry, as it happens in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degraded {
    /// The head of each trace keeps one of a hundred.
    Sampling,
    /// One replica of inventory is in no scrape configuration.
    Scrape,
    /// Log lines arrive late.
    Logs,
    /// The queue of finished spans is too small, so most are dropped.
    Spans,
}

/// The replica that is not scraped: its service has another one, so that no page depends on it.
pub const UNSCRAPED: &str = "inventory-2";

/// How late a log line arrives, at the real pace, in seconds.
const LOGS_LATE_S: f64 = 60.0;

impl Degraded {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Sampling, Self::Scrape, Self::Logs, Self::Spans];

    /// The name used on the command line and in the record of a run.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::Scrape => "scrape",
            Self::Logs => "logs",
            Self::Spans => "spans",
        }
    }

    /// The kind of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// What is missing, as a responder is told.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Sampling => "1 of 100 traces is kept",
            Self::Scrape => "one replica of inventory is not scraped",
            Self::Logs => "log lines arrive 60 s late (12 s at the fast pace)",
            Self::Spans => "the span queue is too small, and drops most spans",
        }
    }

    /// Environment variables that have it so in the services.
    pub fn environment(self) -> Vec<(String, String)> {
        let variables: &[(&str, &str)] = match self {
            Self::Sampling => &[
                ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
            ],
            // A queue that a single order overflows, emptied once a second.
            Self::Spans => &[
                ("OTEL_BSP_MAX_QUEUE_SIZE", "32"),
                ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32"),
                ("OTEL_BSP_SCHEDULE_DELAY", "1000"),
            ],
            Self::Scrape | Self::Logs => &[],
        };
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        variables.iter().map(owned).collect()
    }

    /// How late log lines arrive.
    pub fn logs_late(self, pace: Pace) -> Duration {
        match self {
            Self::Logs => pace.scale(LOGS_LATE_S),
            Self::Sampling | Self::Scrape | Self::Spans => Duration::ZERO,
        }
    }

    /// Whether the steps of a drill's debrief that need nothing of what is missing still exclude every rival.
    pub fn is_settled(self, scenario: &Scenario, own: &Candidate, catalogue: &[Candidate]) -> bool {
        // A change of some replicas shows, or not, by which one is not scraped.
        let is_of_some = |action: &Action| {
            matches!(
                action,
                Action::Deploy {
                    instances: Some(_),
                    ..
                }
            )
        };
        if self == Self::Scrape && scenario.timeline.iter().any(|one| is_of_some(&one.action)) {
            return false;
        }
        // Where traces themselves are what is wrong, another reason for the same hides it.
        let is_of_traces = own.causes.iter().any(|(_, mechanism)| {
            matches!(
                mechanism,
                Mechanism::SpansDropped | Mechanism::TraceContextLost
            )
        });
        if matches!(self, Self::Sampling | Self::Spans) && is_of_traces {
            return false;
        }
        let mut left = own.path.clone();
        left.retain(|(_, probe)| !self.takes(probe));
        let rows = own.told_apart_by(catalogue, &left);
        !rows.is_empty() && rows.iter().all(|row| row.outcome.is_excluded())
    }

    /// Whether evidence of that kind cannot be relied on.
    fn takes(self, probe: &Probe) -> bool {
        match self {
            Self::Sampling | Self::Spans => matches!(probe, Probe::Trace(_)),
            Self::Logs => matches!(probe, Probe::Log(_)),
            Self::Scrape => false,
        }
    }
}

/// The drills of the catalogue that can be settled without what is missing, by id.
pub fn settled(degraded: Degraded) -> BTreeSet<String> {
    let catalogue = crate::references::candidates();
    let is_settled = |own: &&Candidate| {
        let scenario = crate::catalogue::load(&own.id);
        scenario.is_ok_and(|scenario| degraded.is_settled(&scenario, own, catalogue))
    };
    let found = catalogue.iter().filter(is_settled);
    found.map(|own| own.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_drills_can_be_settled_without_a_part_of_the_telemetry_and_some_cannot() {
        let all = crate::references::candidates().len();
        for degraded in Degraded::ALL {
            let settled = settled(degraded);
            assert!(settled.len() * 2 > all, "{degraded:?}: {settled:?}");
            assert_eq!(Degraded::from_name(degraded.name()), Some(degraded));
        }
        let without_traces = settled(Degraded::Sampling);
        for (id, why) in [
            ("orders-drag", "its gap is seen in traces alone"),
            ("warnings-at-peak", "lost spans are what is wrong"),
        ] {
            assert!(!without_traces.contains(id), "{why}");
        }
    }
}
