//! A scenario: everything that makes one drill, as plain values.
//!
//! ```text
//! TOML text --parse--> Draft (scenario, where each key stands, problems) --validate--> Scenario | all problems
//! ```
//!
//! Parsing and validation are pure: they know no file system, no clock and no running drill.
//! The format is described in `docs/scenario-format.md`.

mod arrange;
pub mod catalogue;
pub mod degraded;
mod family;
mod history;
mod import;
mod pace;
pub mod parse;
pub mod pool;
mod recipe;
pub mod references;
pub mod seal;
pub mod spoiler;
mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shop_api::Service;
use text::{Problem, problem};

pub use arrange::arrange;
pub use degraded::Degraded;
pub use family::Family;
pub use import::{Imported, Orders, Prices};
pub use pace::Pace;

/// One drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The id: the file's name without `.toml`; names the symptom, never the cause.
    pub id: String,
    /// A few words for a heading.
    pub title: String,
    /// What users or the pager notice first.
    pub family: Family,
    /// Difficulty, 1 to 4.
    pub level: u8,
    /// What the responder is told at the start.
    pub briefing: String,
    /// The traffic.
    pub load: loadgen::Load,
    /// Whether and how innocent changes are drawn from the pool; absent for a file that is complete.
    pub pool: Option<FromPool>,
    /// The drill's own releases, by the name that its file uses for them, `new`; empty for a file that names them itself.
    pub names: BTreeMap<String, String>,
    /// The same with their services, `checkout@2026.11.9`.
    pub own: Vec<String>,
    /// What the shop runs with from its oldest releases on, by service, later tables over earlier ones.
    pub shop: Vec<toml::Table>,
    /// The releases of each service: those deployed before the drill and those that the timeline deploys.
    pub history: Vec<Release>,
    /// What happens, in order.
    pub timeline: Vec<Event>,
    /// The alert that pages.
    pub page: Page,
    /// How to tell that the drill really happened.
    pub manifest: Manifest,
    /// What only this incident looks like: all of it at once; empty for a control.
    pub signature: Vec<Sign>,
    /// Other drills that look like this one as well, each with the reason.
    pub overlaps: Vec<Overlap>,
    /// What removes the cause, all of it and in this order; empty for a control.
    pub remedy: Vec<Remedy>,
    /// How a write-up is graded.
    pub rubric: grader::Rubric,
    /// What happened, told afterwards.
    pub debrief: Debrief,
    /// Words that must not occur in anything a responder can see.
    pub silence: Silence,
    /// A hash of everything in the file that decides what a run looks like; texts and rubric do not count.
    pub recipe: String,
}

/// What may be shown of a scenario before the write-up is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The id.
    pub id: String,
    /// A few words for a heading.
    pub title: String,
    /// What is noticed first.
    pub family: Family,
    /// Difficulty, 1 to 4.
    pub level: u8,
    /// What the responder is told at the start.
    pub briefing: String,
}

/// How innocent changes are drawn from the pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FromPool {
    /// Settings that none of them may touch: `checkout.outbox`.
    pub avoid: Vec<String>,
    /// Whether they were drawn.
    pub is_drawn: bool,
}

/// A release of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Whose release it is.
    pub service: Service,
    /// The opaque id, such as `2026.11.3`.
    pub release: String,
    /// The role of who made it, such as `inventory engineer`; never a person's name.
    pub author: String,
    /// One plausible line about what changed.
    pub changelog: String,
    /// The code that it changes, as a unified diff; empty for one that changes configuration only.
    pub diff: String,
    /// How long before the drill it was deployed; absent when the timeline deploys it.
    pub age: Option<Duration>,
    /// Where its settings differ from the service's defaults.
    pub settings: toml::Table,
}

/// Something that happens during the drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the file, from 0.
    pub row: usize,
    /// When, in seconds after the steady state at the real pace.
    pub at_s: f64,
    /// Whether the symptom begins with this event.
    pub change: bool,
    /// What happens.
    pub action: Action,
}

/// What happens at an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A release goes live.
    Deploy {
        /// Of this service.
        service: Service,
        /// The release, one of the history.
        release: String,
        /// Only on these instances; on all when absent.
        instances: Option<Vec<String>>,
    },
    /// A configuration change of the release that runs.
    Config {
        /// Of this service, or of `payment`, the third party.
        target: Target,
        /// The settings that change.
        settings: toml::Table,
        /// The line in the deploy log; absent for a third party, whose changes are not in the log.
        summary: Option<String>,
        /// The role of who changed it.
        author: Option<String>,
    },
    /// A service takes over what another system hands it. It is in the services' logs and not in the deploy log.
    Import {
        /// Where it comes from.
        source: String,
        /// What.
        imported: Imported,
        /// Draws the products; 0 in a file that was not arranged.
        seed: u64,
    },
    /// The traffic changes.
    Load {
        /// What is sent from now on.
        traffic: loadgen::Traffic,
        /// After so many seconds at the real pace the traffic is again that of `load`; it stays when absent.
        for_s: Option<f64>,
    },
    /// Something that the debrief mentions and that changes nothing.
    Note {
        /// What.
        text: String,
    },
}

/// What a configuration change is made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A service of the shop.
    Service(Service),
    /// What the shop depends on and does not own: no release, no entry in the deploy log.
    Outside(Outside),
}

/// What the shop depends on and does not own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// The payment provider.
    Payment,
    /// The network between checkout and inventory.
    Wire,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Name of the alert rule that is to fire.
    pub alert: String,
}

/// How to tell that the symptom showed, and went when its cause was removed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// A PromQL expression with one sample; no sample counts as zero.
    pub indicator: String,
    /// In the steady state the indicator stays below this.
    pub before_below: f64,
    /// While the symptom lasts the indicator is above this; for a control it is absent.
    pub during_above: Option<f64>,
    /// After the remedy the indicator stays below this; for a control, all the time.
    pub after_below: f64,
    /// How long the indicator must be on its side to count, in seconds at the real pace.
    pub hold_s: f64,
    /// How long the symptom may take to show and to go, in seconds at the real pace.
    pub settle_s: f64,
}

/// One measurement that is part of what an incident looks like, as `firedrill verify` checks it every second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// What it shows.
    pub about: String,
    /// A PromQL expression; the largest of its values counts, and none counts as zero.
    #[serde(default)]
    pub promql: Option<String>,
    /// A query of `firedrill logs`; the lines of the last ten seconds count.
    #[serde(default)]
    pub log: Option<String>,
    /// It shows above this.
    #[serde(default)]
    pub above: Option<f64>,
    /// It shows below this.
    #[serde(default)]
    pub below: Option<f64>,
}

/// A drill in which another one's signature shows as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlap {
    /// The other drill.
    pub id: String,
    /// Why that is right.
    pub because: String,
}

/// One action that helps to remove the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Back to the release before.
    Rollback {
        /// Of this service.
        service: Service,
    },
    /// A certain release.
    Deploy {
        /// Of this service.
        service: Service,
        /// The release, one of the history.
        release: String,
    },
    /// New processes of the same release.
    Restart {
        /// Of this service.
        service: Service,
    },
    /// Settings, as `config set` sets them.
    Config {
        /// Of this service.
        service: Service,
        /// Values by dotted key, as they are written on the command line.
        settings: BTreeMap<String, String>,
    },
    /// The oldest message of the outbox to the dead letters.
    Skip,
    /// The dead letters back to the outbox.
    Replay,
    /// The prices from before the newest price list.
    Revert,
}

/// What is told after the grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Debrief {
    /// What happened, a few paragraphs of Markdown.
    pub happened: String,
    /// The shortest path through the evidence.
    pub path: Vec<Step>,
    /// What pointed elsewhere, and why it was innocent.
    pub misled: Vec<Misleading>,
}

/// Something that pointed elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Misleading {
    /// What it was, and why it was innocent.
    pub text: String,
    /// Where to see it in this run; absent where no telemetry tells.
    pub link: Option<Link>,
    /// What the expression of the link shows; absent for a link of another kind.
    #[serde(flatten)]
    pub limit: Option<Limit>,
}

/// On which side of a number the values of an expression are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// One of them lies above it for some seconds of the run.
    Above(f64),
    /// All of them lie below it all the time, and there are some.
    Below(f64),
}

/// One step of the shortest path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What to do.
    pub step: String,
    /// What it shows.
    pub why: String,
    /// Where to see it in this run.
    pub link: Option<Link>,
}

/// A place in the evidence of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Link {
    /// What kind of place.
    pub kind: LinkKind,
    /// Jaeger: a search as in a URL's query. Prometheus: an expression. Log: a query. Deploy: a release.
    /// Heap: `A..B`. Command: a command line after `firedrill`.
    pub target: String,
}

/// The kinds of places that a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// A search in Jaeger.
    Jaeger,
    /// A graph in Prometheus.
    Prometheus,
    /// Log lines.
    Log,
    /// An entry of the deploy log.
    Deploy,
    /// Two heap snapshots.
    Heap,
    /// A `firedrill` command.
    Command,
}

/// What must not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Silence {
    /// Words that name the cause, in lower case.
    pub words: Vec<String>,
}

impl Scenario {
    /// Parses and validates the text of a scenario file; `file` is the name for messages, its stem must be the id.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut draft = parse::parse(file, text);
        let found = validate::problems(&draft);
        draft.problems.extend(found);
        problem::tidy(&mut draft.problems);
        if draft.problems.is_empty() {
            Ok(draft.scenario)
        } else {
            Err(draft.problems)
        }
    }

    /// The scenario as its file has it, of which only the form is checked: before anything is drawn, its releases have the names
    /// that the file uses for them.
    pub fn as_written(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut draft = parse::parse(file, text);
        problem::tidy(&mut draft.problems);
        match draft.problems.is_empty() {
            true => Ok(draft.scenario),
            false => Err(draft.problems),
        }
    }

    /// Arranges a scenario file for a seed, and reads the result; gives that text as well, which is the file of the run.
    pub fn arranged(file: &str, text: &str, seed: u64) -> Result<(Self, String), Vec<Problem>> {
        let text = arrange(file, text, seed)?;
        Ok((Self::read(file, &text)?, text))
    }

    /// What may be shown before the write-up is submitted.
    pub fn open(&self) -> Open {
        Open {
            id: self.id.clone(),
            title: self.title.clone(),
            family: self.family,
            level: self.level,
            briefing: self.briefing.clone(),
        }
    }

    /// The releases of a service that were deployed before the drill, oldest first; the last one runs at the start.
    pub fn deployed_before(&self, service: Service) -> Vec<&Release> {
        let mut aged: Vec<(Duration, &Release)> = self
            .history
            .iter()
            .filter(|release| release.service == service)
            .filter_map(|release| Some((release.age?, release)))
            .collect();
        aged.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        aged.into_iter().map(|(_, release)| release).collect()
    }

    /// A release by service and id.
    pub fn release(&self, service: Service, release: &str) -> Option<&Release> {
        self.history
            .iter()
            .find(|known| known.service == service && known.release == release)
    }

    /// Whether nothing is wrong, and the right answer says so.
    pub const fn is_control(&self) -> bool {
        self.rubric.control
    }

    /// The event with which the symptom begins; none for a control.
    pub fn change(&self) -> Option<&Event> {
        self.timeline.iter().find(|event| event.change)
    }
}

impl Target {
    /// The name used in telemetry and in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Outside(Outside::Payment) => "payment",
            Self::Outside(Outside::Wire) => "checkout-inventory-link",
        }
    }
}

#[cfg(test)]
mod tests;
