//! The sealed answer key of a drill: a part of its scenario file.
//!
//! Reading it is serde's work; [`Rubric::problems`] then collects everything that cannot be right.

mod check;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use check::Problem;

use crate::vocabulary::{Component, Kind, Mechanism, Severity, TriggerKind};

/// What a right write-up says, and what it must point to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// Nothing is wrong in this drill; the right answer is "no incident".
    #[serde(default)]
    pub control: bool,
    /// Points of 100 that pass.
    #[serde(default = "default_pass_mark")]
    pub pass_mark: u32,
    /// Accepted severities.
    pub severity: Vec<Severity>,
    /// What counts as impact.
    #[serde(default)]
    pub impact: Impact,
    /// What set it off; left out in a control.
    #[serde(default)]
    pub trigger: Option<Trigger>,
    /// The root cause; left out in a control.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// What made it possible or worse; naming any one of them earns the points.
    #[serde(default)]
    pub contributing: Vec<Contributing>,
    /// How many other causes of the page must be ruled out, each by evidence of its own.
    #[serde(default = "one")]
    pub rule_out: usize,
    /// Kinds of evidence that the drill is there to practise; a pointer of each that shows something earns points.
    #[serde(default)]
    pub practice: Vec<Kind>,
    /// What must be true of the live system afterwards; left out where nothing needs to be done.
    #[serde(default)]
    pub mitigation: Option<Mitigation>,
    /// What a few requests show; left out where they show nothing.
    #[serde(default)]
    pub reproduction: Option<Reproduction>,
    /// How many action items are asked for.
    #[serde(default = "one")]
    pub action_items: usize,
    /// How the 100 points are shared out.
    #[serde(default)]
    pub weights: Weights,
}

/// What counts as impact. The truth comes from the load generator's record of these routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Impact {
    /// Routes that were affected, as the load generator names them; empty for all.
    pub routes: Vec<String>,
    /// What suffers where no answer is slow or wrong: `orders wait for the warehouse`. Then the window is the incident's own.
    pub notice: Option<String>,
    /// An answer slower than this counts as slow, in milliseconds.
    pub slow_over_ms: f64,
}

/// What set it off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Accepted kinds.
    pub kinds: Vec<TriggerKind>,
    /// Id of the deploy, `*` standing for anything; left out if it was none.
    #[serde(default)]
    pub deploy: Option<String>,
}

/// The root cause, its equivalents, and what earns part of the points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Where it sits.
    pub component: Component,
    /// How it works.
    pub mechanism: Mechanism,
    /// Other ways to say the same, worth all points.
    #[serde(default)]
    pub equivalents: Vec<Equivalent>,
    /// Other links of the causal chain, worth some.
    #[serde(default)]
    pub partial: Vec<Partial>,
}

/// Another way to say the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// Where; the cause's own component if left out.
    #[serde(default)]
    pub component: Option<Component>,
    /// How; the cause's own mechanism if left out.
    #[serde(default)]
    pub mechanism: Option<Mechanism>,
}

/// A link of the causal chain that is not the root cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partial {
    /// Where; anywhere if left out.
    #[serde(default)]
    pub component: Option<Component>,
    /// How; any way if left out.
    #[serde(default)]
    pub mechanism: Option<Mechanism>,
    /// What it is instead.
    pub role: Role,
    /// Why it is not the cause, for the verdict: a whole sentence.
    pub because: String,
}

/// What a link of the causal chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It suffers from the cause.
    Victim,
    /// It set the cause off.
    Trigger,
    /// It is how the cause shows.
    Symptom,
    /// It is near, but not it.
    Near,
}

/// Something that made it possible or worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contributing {
    /// For the verdict.
    pub about: String,
    /// Words, any of which names it, without regard to case.
    #[serde(default)]
    pub words: Vec<String>,
    /// The mechanism that names it, if one does.
    #[serde(default)]
    pub mechanism: Option<Mechanism>,
}

/// What must be true of the live system afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mitigation {
    /// PromQL that gives one number.
    pub indicator: String,
    /// Well when below this.
    #[serde(default)]
    pub below: Option<f64>,
    /// Well when above this.
    #[serde(default)]
    pub above: Option<f64>,
    /// For how long it must be well, in seconds.
    #[serde(default = "default_settle")]
    pub settle_s: u64,
    /// Actions that end it: `rollback inventory`, `config set gateway pages.*`. The first word must be the action's, the others
    /// among its words in their order; `*` stands for anything in a word.
    pub accept: Vec<String>,
    /// Actions after which it comes back.
    #[serde(default)]
    pub buys_time: Vec<String>,
}

/// What a reproduction must show on the shop as the change left it, and not without the change. Any of them will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reproduction {
    /// At least this share of the requests of one command fails, with a server error or without an answer.
    #[serde(default)]
    pub failed_share: Option<f64>,
    /// The 90th percentile of one command's requests takes at least so many milliseconds.
    #[serde(default)]
    pub slower_ms: Option<f64>,
    /// Of the requests, only those of the last command count: what is left of it when the others have passed.
    #[serde(default)]
    pub only_last: bool,
    /// A metric grows from before the first request to after the last.
    #[serde(default)]
    pub growth: Option<Growth>,
}

/// Growth of a metric over a reproduction, summed over the series and instances of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// Whose.
    pub service: String,
    /// Its name.
    pub metric: String,
    /// Labels that a series must have to be counted; empty for all of its series.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What of them grows.
    #[serde(default)]
    pub of: GrowthOf,
    /// By at least this.
    pub by: f64,
}

/// What of a metric's series grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowthOf {
    /// The sum of their values.
    #[default]
    Values,
    /// Their number.
    Series,
}

/// How the 100 points are shared out. An item that cannot be checked leaves the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each is the item of the same name")]
pub struct Weights {
    pub severity: u32,
    pub detection: u32,
    pub timeline: u32,
    pub impact_window: u32,
    pub impact_numbers: u32,
    pub trigger: u32,
    pub cause: u32,
    pub contributing: u32,
    pub ruled_out: u32,
    pub evidence: u32,
    pub mitigation: u32,
    pub action_items: u32,
    pub alert: u32,
    pub calibration: u32,
    pub reproduction: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            severity: 4,
            detection: 3,
            timeline: 5,
            impact_window: 5,
            impact_numbers: 8,
            trigger: 8,
            cause: 30,
            contributing: 4,
            ruled_out: 5,
            evidence: 4,
            mitigation: 10,
            action_items: 3,
            alert: 4,
            calibration: 3,
            reproduction: 4,
        }
    }
}

impl Default for Impact {
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            notice: None,
            slow_over_ms: 500.0,
        }
    }
}

fn default_pass_mark() -> u32 {
    70
}

fn default_settle() -> u64 {
    30
}

fn one() -> usize {
    1
}
