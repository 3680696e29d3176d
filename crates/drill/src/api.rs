//! The shapes that go over the control API of a running drill.

use std::collections::BTreeMap;

use grader::Verdict;
use grader::evidence::Red;
use record::DeployKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shop_api::Service;
pub use stack::backend::dropped::Dropped;
use time::OffsetDateTime;

/// What a responder can do to the running shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
pub enum Action {
    /// Back to the release that ran before.
    Rollback {
        /// The service.
        service: Service,
    },
    /// New processes of the same release.
    Restart {
        /// The service.
        service: Service,
    },
    /// A release by id.
    Deploy {
        /// The service.
        service: Service,
        /// The release.
        release: String,
    },
    /// Empties the caches of all instances.
    Flush {
        /// The service.
        service: Service,
    },
    /// Puts the head of the outbox with the dead letters.
    Skip {},
    /// Puts the dead letters back into the outbox.
    Replay {},
    /// Restores the prices from before the newest price list.
    Revert {},
    /// Turns a client away at the edge.
    Block {
        /// The name that it gives itself.
        client: String,
    },
    /// Lets a client in again.
    Unblock {
        /// The name that it gives itself.
        client: String,
    },
    /// Changes settings, with new processes of the same release.
    Set {
        /// The service.
        service: Service,
        /// Values by key, as they were written.
        settings: BTreeMap<String, String>,
    },
    /// Takes back what the responder has set, with new processes of the same release.
    Unset {
        /// The service.
        service: Service,
        /// The keys.
        keys: Vec<String>,
    },
    /// Starts or ends replicas.
    Scale {
        /// The service.
        service: Service,
        /// How many there are to be.
        replicas: u8,
    },
}

impl Action {
    /// What kind of entry of the deploy log it makes, and of which service.
    pub const fn subject(&self) -> (DeployKind, Service) {
        match self {
            Self::Rollback { service } => (DeployKind::Rollback, *service),
            Self::Restart { service } => (DeployKind::Restart, *service),
            Self::Deploy { service, .. } => (DeployKind::Deploy, *service),
            Self::Flush { service } => (DeployKind::Flush, *service),
            Self::Skip {} => (DeployKind::Skip, Service::Checkout),
            Self::Replay {} => (DeployKind::Replay, Service::Checkout),
            Self::Revert {} => (DeployKind::Revert, Service::Inventory),
            Self::Block { .. } => (DeployKind::Block, Service::Gateway),
            Self::Unblock { .. } => (DeployKind::Unblock, Service::Gateway),
            Self::Set { service, .. } | Self::Unset { service, .. } => {
                (DeployKind::Config, *service)
            }
            Self::Scale { service, .. } => (DeployKind::Scale, *service),
        }
    }

    /// The command without its program, such as `rollback inventory`: rubrics and write-ups name actions so.
    pub fn what(&self) -> String {
        match self {
            Self::Rollback { service } => format!("rollback {service}"),
            Self::Restart { service } => format!("restart {service}"),
            Self::Deploy { service, release } => format!("deploy {service} {release}"),
            Self::Flush { service } => format!("flush {service}"),
            Self::Skip {} => "outbox skip".to_owned(),
            Self::Replay {} => "outbox replay".to_owned(),
            Self::Revert {} => "prices revert".to_owned(),
            Self::Block { client } => format!("block {client}"),
            Self::Unblock { client } => format!("unblock {client}"),
            Self::Set { service, settings } => {
                let pairs = settings
                    .iter()
                    .map(|(key, value)| format!(" {key}={value}"));
                format!("config set {service}{}", pairs.collect::<String>())
            }
            Self::Unset { service, keys } => format!("config unset {service} {}", keys.join(" ")),
            Self::Scale { service, replicas } => format!("scale {service} {replicas}"),
        }
    }
}

/// What an action did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The deploy log's id of it; none where nothing was there to be changed.
    pub id: Option<String>,
    /// What kind of entry of the deploy log it is.
    pub action: DeployKind,
    /// The command without its program, such as `rollback inventory`.
    pub what: String,
    /// The service.
    pub service: Service,
    /// The release that runs now.
    pub release: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How much was changed: entries of caches, messages, clients, replicas; none where processes were swapped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u64>,
    /// What came of it, in words; none where processes were swapped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// A write-up to be graded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The file's text.
    pub write_up: String,
}

/// A part of the work of grading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What is done: `pointers 12 of 18`.
    pub what: String,
    /// How long it took, or has taken so far.
    pub seconds: f64,
}

/// What came of a submission.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Submitted {
    /// Graded.
    Verdict {
        /// Whether it passed.
        passed: bool,
        /// The grade.
        verdict: Box<Verdict>,
    },
    /// The run does not count.
    Void {
        /// Which number says so.
        reason: String,
    },
}

/// Why the runner refused, in words for the responder.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What is wrong.
    pub message: String,
    /// All problems, where there are several, each with its line.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What to do.
    #[serde(default)]
    pub hint: Option<String>,
}

impl Failure {
    /// Nothing is done to the shop while a write-up is graded, and after it.
    pub(crate) fn graded() -> Self {
        Self::new(
            "the drill is being graded",
            "the verdict appears in the terminal that submitted the write-up",
        )
    }

    /// A refusal with what to do about it.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            problems: Vec::new(),
            hint: Some(hint.into()),
        }
    }
}

/// A drill as `status` shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The run's id.
    pub run: String,
    /// `baseline`, `traffic`, `paged`, `grading` or `up`.
    pub phase: String,
    /// When the runner started.
    #[serde(with = "record::instant")]
    #[schemars(with = "record::instant::Text")]
    pub started: OffsetDateTime,
    /// How long ago that is, in seconds.
    pub up_s: f64,
    /// What was paged, oldest first.
    pub pages: Vec<Page>,
    /// The edge's indicators over the last half minute.
    pub slis: Vec<Sli>,
    /// What the embedded backend no longer has, as it was too much; none of real ones.
    #[serde(default)]
    pub dropped: Option<Dropped>,
    /// What the responder did, oldest first.
    pub actions: Vec<record::Action>,
    /// The clients that are turned away.
    pub blocked: Vec<String>,
    /// The processes of the shop.
    pub services: Vec<crate::session::Instance>,
}

/// An alert that paged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// When.
    #[serde(with = "record::instant")]
    #[schemars(with = "record::instant::Text")]
    pub at: OffsetDateTime,
    /// The alert's name.
    pub alert: String,
    /// Its summary.
    pub summary: String,
    /// Its description.
    pub description: String,
}

/// One service's indicators.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sli {
    /// The service.
    pub service: String,
    /// Its numbers over the last half minute.
    #[serde(flatten)]
    pub red: Red,
}
