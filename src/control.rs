//! The client of a running drill's control API, and the shapes that go over it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use grader::Verdict;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shop_api::Service;

use crate::error::Error;
use crate::session::Session;
pub use stack::fleet::settings::{Origin, Setting};

/// Grading waits for the live system to settle, for the cause to be removed where the responder did not, and for the
/// reproduction on two copies of the shop.
const PATIENCE: Duration = Duration::from_secs(480);

/// What a responder can do to the running shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
pub enum ActionRequest {
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

impl ActionRequest {
    /// The command without its program, such as `rollback inventory`: rubrics and write-ups name actions so.
    pub fn what(&self) -> String {
        match self {
            Self::Rollback { service } => format!("rollback {service}"),
            Self::Restart { service } => format!("restart {service}"),
            Self::Deploy { service, release } => format!("deploy {service} {release}"),
            Self::Flush { service } => format!("flush {service}"),
            Self::Skip {} => "outbox skip".to_owned(),
            Self::Replay {} => "outbox replay".to_owned(),
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acted {
    /// The deploy log's id of it; none where nothing was there to be changed.
    pub id: Option<String>,
    /// What kind of entry of the deploy log it is.
    pub action: String,
    /// The command without its program, such as `rollback inventory`.
    pub what: String,
    /// The service.
    pub service: String,
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

/// What came of a submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The run's id.
    pub run: String,
    /// `baseline`, `traffic`, `paged`, `grading` or `up`.
    pub phase: String,
    /// When the runner started, RFC 3339.
    pub started: String,
    /// How long ago that is, in seconds.
    pub up_s: f64,
    /// What was paged, oldest first.
    pub pages: Vec<Page>,
    /// The edge's indicators over the last half minute.
    pub slis: Vec<Sli>,
    /// What the responder did, oldest first.
    pub actions: Vec<Taken>,
    /// The clients that are turned away.
    pub blocked: Vec<String>,
    /// The processes of the shop.
    pub services: Vec<crate::session::Instance>,
}

/// The settings of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The service.
    pub service: Service,
    /// The release that it runs.
    pub release: String,
    /// Every setting, by key.
    pub settings: Vec<Setting>,
}

/// An action that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// When, RFC 3339.
    pub at: String,
    /// The command without its program.
    pub what: String,
}

/// An alert that paged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// When, RFC 3339.
    pub at: String,
    /// The alert's name.
    pub alert: String,
    /// Its summary.
    pub summary: String,
    /// Its description.
    pub description: String,
}

/// One service's indicators.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sli {
    /// The service.
    pub service: String,
    /// Requests a second; absent while nothing was measured.
    pub rate: Option<f64>,
    /// Share of server errors, 0 to 1.
    pub errors: Option<f64>,
    /// 99th percentile of the latency, in seconds.
    pub p99_s: Option<f64>,
}

/// A client of the drill that `session` describes.
#[derive(Debug)]
pub struct Control {
    base: String,
    token: String,
    http: reqwest::blocking::Client,
}

impl Control {
    /// Connects nothing yet.
    pub fn new(session: &Session) -> anyhow::Result<Self> {
        let http = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .context("HTTP client")?;
        Ok(Self {
            base: format!("http://{}", session.control),
            token: session.token.clone(),
            http,
        })
    }

    /// What runs, and how it does.
    pub fn status(&self) -> anyhow::Result<Status> {
        self.answer(self.http.get(format!("{}/v1/status", self.base)))
    }

    /// Every setting of a service, by key.
    pub fn settings(&self, service: Service) -> anyhow::Result<Settings> {
        self.answer(
            self.http
                .get(format!("{}/v1/settings/{service}", self.base)),
        )
    }

    /// Acts on the shop; returns when that is complete.
    pub fn act(&self, request: &ActionRequest) -> anyhow::Result<Acted> {
        self.answer(
            self.http
                .post(format!("{}/v1/actions", self.base))
                .json(request),
        )
    }

    /// Hands a write-up in; returns with the verdict.
    pub fn submit(&self, write_up: String) -> anyhow::Result<Submitted> {
        self.answer(
            self.http
                .post(format!("{}/v1/submit", self.base))
                .json(&SubmitRequest { write_up }),
        )
    }

    fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::blocking::RequestBuilder,
    ) -> anyhow::Result<T> {
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            what: "the drill's control API",
            url: self.base.clone(),
            reason: error.without_url().to_string(),
        };
        let response = request
            .bearer_auth(&self.token)
            .send()
            .map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json().map_err(unreachable)?);
        }
        let failure: Failure = response.json().map_err(unreachable)?;
        let mut message = failure.message;
        for problem in failure.problems {
            message.push_str("\n  ");
            message.push_str(&problem);
        }
        if status.is_server_error() {
            anyhow::bail!("{message}");
        }
        Err(Error::Usage {
            message,
            hint: failure.hint,
        }
        .into())
    }
}
