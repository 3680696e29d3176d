//! What cannot be right in a rubric, all of it at once.

use super::{Rubric, Weights};
use crate::vocabulary::{Component, Mechanism};

/// One thing that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted key below `rubric`: `cause.partial[0].credit`.
    pub key: String,
    /// In words.
    pub message: String,
}

impl Rubric {
    /// Everything that cannot be right; empty for a sound rubric.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut say = |key: &str, message: &str| {
            found.push(Problem {
                key: key.to_owned(),
                message: message.to_owned(),
            });
        };
        if self.severity.is_empty() {
            say("severity", "names no accepted severity");
        }
        if !(1..=100).contains(&self.pass_mark) {
            say("pass_mark", "must be 1 to 100");
        }
        if self.weights.sum() != 100 {
            say(
                "weights",
                &format!("must sum to 100, not {}", self.weights.sum()),
            );
        }
        if self.control {
            self.control_problems(&mut say);
        } else {
            self.incident_problems(&mut say);
        }
        self.mitigation_problems(&mut say);
        self.reproduction_problems(&mut say);
        found
    }

    fn control_problems(&self, say: &mut dyn FnMut(&str, &str)) {
        let absent = [
            ("trigger", self.trigger.is_some()),
            ("cause", self.cause.is_some()),
        ];
        for (key, is_there) in absent {
            if is_there {
                say(key, "a control has none");
            }
        }
    }

    fn incident_problems(&self, say: &mut dyn FnMut(&str, &str)) {
        if self
            .trigger
            .as_ref()
            .is_none_or(|trigger| trigger.kinds.is_empty())
        {
            say("trigger.kinds", "names no accepted trigger");
        }
        if self.mitigation.is_none() {
            say("mitigation", "is missing");
        }
        let Some(cause) = &self.cause else {
            return say("cause", "is missing");
        };
        if matches!(cause.component, Component::None | Component::Unknown) {
            say("cause.component", "an incident has a component");
        }
        if matches!(
            cause.mechanism,
            Mechanism::NothingWrong | Mechanism::Unknown
        ) {
            say("cause.mechanism", "an incident has a mechanism");
        }
        for (index, partial) in cause.partial.iter().enumerate() {
            let key = |field: &str| format!("cause.partial[{index}].{field}");
            if partial.component.is_none() && partial.mechanism.is_none() {
                say(&key("component"), "name a component, a mechanism or both");
            }
        }
    }

    fn reproduction_problems(&self, say: &mut dyn FnMut(&str, &str)) {
        let Some(symptom) = &self.reproduction else {
            return;
        };
        if self.control {
            say("reproduction", "a control has none");
        }
        if symptom.failed_share.is_none() && symptom.slower_ms.is_none() && symptom.growth.is_none()
        {
            say("reproduction", "needs at least one measure of the symptom");
        }
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        if !symptom.failed_share.is_none_or(is_share) {
            say(
                "reproduction.failed_share",
                "must be more than 0, at most 1",
            );
        }
        if !symptom.slower_ms.is_none_or(|least| least > 0.0) {
            say("reproduction.slower_ms", "must be more than 0");
        }
        if symptom.only_last && symptom.failed_share.is_none() && symptom.slower_ms.is_none() {
            say(
                "reproduction.only_last",
                "applies to `failed_share` and `slower_ms`; a metric does not belong to a command",
            );
        }
        if let Some(growth) = &symptom.growth {
            if growth.metric.is_empty() {
                say("reproduction.growth.metric", "is empty");
            }
            let is_growth = growth.by > 0.0;
            if !is_growth {
                say(
                    "reproduction.growth.by",
                    "must be more than 0, or an unchanged metric would count",
                );
            }
        }
    }

    fn mitigation_problems(&self, say: &mut dyn FnMut(&str, &str)) {
        let Some(mitigation) = &self.mitigation else {
            return;
        };
        if mitigation.below.is_some() == mitigation.above.is_some() {
            say("mitigation", "give one of `below` and `above`");
        }
        if mitigation.accept.is_empty() && !self.control {
            say(
                "mitigation.accept",
                "is empty; add the actions that end the incident",
            );
        }
    }
}

impl Weights {
    /// Sum of all points.
    pub fn sum(&self) -> u32 {
        self.severity
            + self.detection
            + self.timeline
            + self.impact_window
            + self.impact_numbers
            + self.trigger
            + self.cause
            + self.contributing
            + self.ruled_out
            + self.evidence
            + self.mitigation
            + self.action_items
            + self.alert
            + self.calibration
            + self.reproduction
    }
}
