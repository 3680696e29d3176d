//! The write-up as data. Its text format lives with the command that reads it.

mod address;

use serde::{Deserialize, Serialize};

pub use address::{Address, Field, Limit};

use crate::moment::Moment;
use crate::vocabulary::{Component, Mechanism, Severity, TriggerKind};

/// Pointers as written, one text each: `trace:…`, `promql:…@…`, `log:…`, `deploy:…`, `heap:…..…`, `profile:…..…`.
pub type Evidence = Vec<String>;

/// What the responder says happened. Every field may be missing; the grade says what that costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteUp {
    /// Whether there was an incident at all.
    pub verdict: Option<Claim>,
    /// How bad it was.
    pub severity: Option<Severity>,
    /// What happened, in a few sentences.
    pub summary: String,
    /// What cannot be known, and why, such as traces that were not kept; for readers, and not graded.
    pub not_known: String,
    /// How sure the responder is of the cause, 0 to 1.
    pub confidence: Option<f64>,
    /// Who was affected, for how long, how badly.
    pub impact: Impact,
    /// How it was noticed.
    pub detection: Detection,
    /// What happened when.
    pub timeline: Vec<Event>,
    /// What set it off.
    pub trigger: Trigger,
    /// The root cause.
    pub cause: Cause,
    /// What made it possible or worse.
    pub contributing: Vec<Contribution>,
    /// Hypotheses that were looked at and dropped.
    pub ruled_out: Vec<RuledOut>,
    /// How to show the symptom again.
    pub reproduction: Reproduction,
    /// What ended it.
    pub mitigation: Mitigation,
    /// What should change.
    pub action_items: Vec<ActionItem>,
    /// What should page the next time.
    pub alert: Alert,
    /// The Markdown below the head; for people, never graded.
    pub narrative: String,
}

/// The first question of any page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// Something broke.
    #[serde(rename = "incident")]
    Incident,
    /// Nothing did.
    #[serde(rename = "no incident")]
    NoIncident,
}

/// Numbers of the impact, as the responder measured them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impact {
    /// First affected moment.
    pub start: Option<Moment>,
    /// Last affected moment; left out while it goes on.
    pub end: Option<Moment>,
    /// Requests made to the affected routes between start and end.
    pub requests: Option<u64>,
    /// Those of them that failed.
    pub failed: Option<u64>,
    /// Those of them that were answered too late to be useful.
    pub slow: Option<u64>,
    /// 99th percentile of their latency, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Who noticed what, in words.
    pub description: String,
    /// Pointers.
    pub evidence: Evidence,
}

/// How it was noticed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// When.
    pub at: Option<Moment>,
    /// By what: the alert's name, a customer.
    pub by: String,
    /// Pointers.
    pub evidence: Evidence,
}

/// One entry of the timeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Option<Moment>,
    /// What.
    pub what: String,
    /// Pointers.
    pub evidence: Evidence,
}

/// What set it off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trigger {
    /// The kind of event.
    pub kind: Option<TriggerKind>,
    /// The entry of the deploy history, if it was one.
    pub deploy: Option<String>,
    /// When.
    pub at: Option<Moment>,
    /// In words.
    pub explanation: String,
    /// Pointers.
    pub evidence: Evidence,
}

/// The root cause, in the closed vocabulary and in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cause {
    /// Where it sits.
    pub component: Option<Component>,
    /// How it works.
    pub mechanism: Option<Mechanism>,
    /// In words.
    pub explanation: String,
    /// Pointers.
    pub evidence: Evidence,
}

/// What made it possible or worse.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contribution {
    /// In words.
    pub what: String,
    /// Where, if it has a place.
    pub component: Option<Component>,
    /// How, if it has a word.
    pub mechanism: Option<Mechanism>,
    /// Pointers.
    pub evidence: Evidence,
}

/// A hypothesis that was looked at and dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuledOut {
    /// Where it might have been.
    pub component: Option<Component>,
    /// How it might have come about.
    pub mechanism: Option<Mechanism>,
    /// What it might have been, for people.
    pub hypothesis: String,
    /// Why it was not.
    pub because: String,
    /// Pointers; without one the entry does not count.
    pub evidence: Evidence,
}

/// How to show the symptom again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reproduction {
    /// `firedrill request …` command lines, run in this order.
    pub commands: Vec<String>,
    /// What it shows.
    pub shows: String,
    /// Pointers.
    pub evidence: Evidence,
}

/// What ended it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mitigation {
    /// What was done: `rollback inventory`; `none` if nothing was needed.
    pub action: String,
    /// When.
    pub at: Option<Moment>,
    /// Pointers.
    pub evidence: Evidence,
}

/// What should change so that it does not come back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionItem {
    /// The change.
    pub what: String,
    /// Who does it: a role or team.
    pub owner: String,
}

/// An alert that would have told of the incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alert {
    /// PromQL; what it returns is what fires. Empty if none is proposed.
    pub expr: String,
    /// For how long it must hold before it fires, in seconds.
    pub hold_s: f64,
}

impl WriteUp {
    /// Every pointer with where it stands, in reading order.
    pub fn pointers(&self) -> Vec<(Address, &str)> {
        let timeline = self.timeline.iter().enumerate();
        let contributing = self.contributing.iter().enumerate();
        let ruled_out = self.ruled_out.iter().enumerate();
        let fields = [
            (Field::Impact, &self.impact.evidence),
            (Field::Detection, &self.detection.evidence),
        ]
        .into_iter()
        .chain(timeline.map(|(index, event)| (Field::Timeline(index), &event.evidence)))
        .chain([
            (Field::Trigger, &self.trigger.evidence),
            (Field::Cause, &self.cause.evidence),
        ])
        .chain(contributing.map(|(index, entry)| (Field::Contributing(index), &entry.evidence)))
        .chain(ruled_out.map(|(index, entry)| (Field::RuledOut(index), &entry.evidence)))
        .chain([
            (Field::Reproduction, &self.reproduction.evidence),
            (Field::Mitigation, &self.mitigation.evidence),
        ]);
        let mut all = Vec::new();
        for (field, evidence) in fields {
            let pointers = evidence.iter().enumerate();
            all.extend(pointers.map(|(index, text)| (Address { field, index }, text.as_str())));
        }
        all
    }
}
