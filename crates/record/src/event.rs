//! What happens in a drill, as `timeline.jsonl` and standard output tell it. A contract: `docs/events.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{Backends, DeployKind, Urls, instant};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Everything is up.
    Ready {
        /// The run's id.
        run: String,
        /// Where everything answers.
        urls: Box<Urls>,
        /// The run's folder.
        folder: String,
        /// Which backends, and in which versions where they are real ones.
        backends: Backends,
        /// The seed; with the drill's id it repeats the run.
        seed: u64,
        /// SHA-256 over a nonce and the scenario file, to be checked at the end; absent without a drill.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// What of the telemetry is missing, if anything is: `sampling`, `scrape`, `logs` or `spans`.
        #[serde(default)]
        degraded: Option<String>,
    },
    /// The baseline begins to count.
    Steady {
        /// When.
        #[serde(with = "instant")]
        at: OffsetDateTime,
    },
    /// An alert fired, and the responder is paged.
    Page {
        /// When.
        #[serde(with = "instant")]
        at: OffsetDateTime,
        /// The alert's name.
        alert: String,
        /// Its labels.
        labels: BTreeMap<String, String>,
        /// Its summary.
        summary: String,
        /// Its description.
        description: String,
    },
    /// An entry of the deploy history.
    Action {
        /// When.
        #[serde(with = "instant")]
        at: OffsetDateTime,
        /// What kind of entry it is.
        action: DeployKind,
        /// The service.
        service: String,
        /// The release that runs after it.
        release: String,
        /// The role: `responder`, or that of the author.
        by: String,
    },
    /// A process ended or came back.
    Process {
        /// When.
        #[serde(with = "instant")]
        at: OffsetDateTime,
        /// The instance.
        instance: String,
        /// What happened to it.
        what: String,
    },
    /// The machine's clock was set, or the machine slept.
    Clock {
        /// When, by the new clock.
        #[serde(with = "instant")]
        at: OffsetDateTime,
        /// Which way it jumped, and how far.
        what: String,
    },
    /// The drill does not count.
    Void {
        /// When.
        #[serde(with = "instant")]
        at: OffsetDateTime,
        /// Which number says so.
        reason: String,
    },
    /// The write-up was graded.
    Verdict {
        /// When.
        #[serde(with = "instant")]
        at: OffsetDateTime,
        /// Whether it passed.
        passed: bool,
        /// The verdict, as the grader writes it.
        verdict: Value,
    },
}

impl Event {
    /// When it happened; the first event tells no time.
    pub const fn at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Ready { .. } => None,
            Self::Steady { at }
            | Self::Page { at, .. }
            | Self::Action { at, .. }
            | Self::Process { at, .. }
            | Self::Clock { at, .. }
            | Self::Void { at, .. }
            | Self::Verdict { at, .. } => Some(*at),
        }
    }
}
