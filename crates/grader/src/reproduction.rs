//! What came of running the write-up's reproduction: on the shop as the change left it, and as it was without.
//!
//! Running it is the runner's work; this is what the verdict is told.

use record::Document;
use serde::{Deserialize, Serialize};

use crate::rubric;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "of")]
pub enum Reproduced {
    /// It cannot be run as it is written. A sentence without its full stop.
    Refused(String),
    /// It could not be run, which is not the responder's mistake.
    Unchecked(String),
    /// It was run on both.
    Ran {
        /// The shop as the change left it.
        suspect: Trial,
        /// The same shop without the change.
        predecessor: Trial,
    },
}

/// The file of a run folder with what was run, for grading again when nothing can be run any more.
pub const REPRODUCTION: Document<Trials> = Document::new("reproduction.json");

/// What was run in a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trials {
    /// The commands.
    pub commands: Vec<String>,
    /// What came of them.
    pub outcome: Reproduced,
}

/// What was seen on one copy of the shop.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// By command, in the order in which they ran.
    pub commands: Vec<Answered>,
    /// How much the metric grew that the rubric names, if it names one.
    pub grown: Option<f64>,
}

/// What came of one command's requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Requests sent.
    pub requests: usize,
    /// Those without an answer or with a server error.
    pub failed: usize,
    /// The 90th percentile of their latency, in milliseconds.
    pub p90_ms: f64,
}

impl Trial {
    /// Whether it shows the symptom.
    pub fn shows(&self, symptom: &rubric::Reproduction) -> bool {
        let counted = self.counted(symptom);
        let fails = |least: f64| {
            let share = |one: &Answered| one.failed as f64 / one.requests.max(1) as f64;
            counted.iter().any(|one| share(one) >= least)
        };
        let is_slow = |least: f64| counted.iter().any(|one| one.p90_ms >= least);
        let grows = |growth: &rubric::Growth| self.grown.is_some_and(|grown| grown >= growth.by);
        symptom.failed_share.is_some_and(fails)
            || symptom.slower_ms.is_some_and(is_slow)
            || symptom.growth.as_ref().is_some_and(grows)
    }

    /// The commands whose requests count.
    fn counted(&self, symptom: &rubric::Reproduction) -> &[Answered] {
        let first = match symptom.only_last {
            true => self.commands.len().saturating_sub(1),
            false => 0,
        };
        &self.commands[first..]
    }

    /// What was seen, in a few words: `9 of 20 requests failed, 90th percentile 12 ms`.
    pub fn told(&self, symptom: &rubric::Reproduction) -> String {
        let counted = self.counted(symptom);
        let failed: usize = counted.iter().map(|one| one.failed).sum();
        let requests: usize = counted.iter().map(|one| one.requests).sum();
        let slowest = counted.iter().map(|one| one.p90_ms).fold(0.0, f64::max);
        let whose = if symptom.only_last {
            " of the last command"
        } else {
            ""
        };
        let grown = self.grown.map_or_else(String::new, |grown| {
            format!(", the metric grew by {}", text::format::number(grown))
        });
        format!(
            "{failed} of {requests} requests{whose} failed, 90th percentile {slowest:.0} ms{grown}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial() -> Trial {
        let answered = |failed, p90_ms| Answered {
            requests: 20,
            failed,
            p90_ms,
        };
        Trial {
            commands: vec![answered(9, 480.0), answered(2, 12.0)],
            grown: Some(3e6),
        }
    }

    #[test]
    fn a_symptom_shows_in_any_command_and_by_any_measure() {
        fn check(symptom: &str, expected: bool) {
            let symptom: rubric::Reproduction = toml::from_str(symptom).expect(symptom);
            assert_eq!(trial().shows(&symptom), expected, "{symptom:?}");
        }
        check("failed_share = 0.4", true);
        check("failed_share = 0.5", false);
        check("slower_ms = 400", true);
        check("slower_ms = 500", false);
        check("failed_share = 0.4\nonly_last = true", false);
        check("failed_share = 0.1\nonly_last = true", true);
        check("slower_ms = 400\nonly_last = true", false);
        check("slower_ms = 10\nonly_last = true", true);
        check(
            "growth = { service = 'gateway', metric = 'm', by = 2e6 }",
            true,
        );
        check(
            "growth = { service = 'gateway', metric = 'm', by = 4e6 }",
            false,
        );
        check("failed_share = 0.9\nslower_ms = 400", true);
        check("", false);
        let nothing = Trial::default();
        let last = toml::from_str("failed_share = 0.1\nonly_last = true").expect("a symptom");
        assert!(!nothing.shows(&last));
    }

    #[test]
    fn what_counts_is_told() {
        fn check(symptom: &str, expected: &str) {
            let symptom: rubric::Reproduction = toml::from_str(symptom).expect(symptom);
            assert_eq!(trial().told(&symptom), expected, "{symptom:?}");
        }
        check(
            "",
            "11 of 40 requests failed, 90th percentile 480 ms, the metric grew by 3000000",
        );
        check(
            "only_last = true",
            "2 of 20 requests of the last command failed, 90th percentile 12 ms, the metric grew by 3000000",
        );
    }
}
