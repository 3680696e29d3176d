//! The deploy history: `deploys.jsonl` of the run folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Error, lines, shorten};
use crate::moment::Window;

const FILE: &str = "deploys.jsonl";
const MAX_BYTES: u64 = 8 << 20;

/// An entry of the deploy history. Also the form in which the runner writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deploy {
    /// `inventory@2026.11.4`, unique in the run.
    pub id: String,
    /// Service.
    pub service: String,
    /// Release that runs afterwards.
    pub release: String,
    /// When it was complete.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Role of the author.
    #[serde(default)]
    pub role: String,
    /// One line of changelog.
    #[serde(default)]
    pub summary: String,
    /// What kind of change.
    #[serde(default)]
    pub kind: DeployKind,
    /// The settings that it changed for the service's processes; none where it changed none, or nothing is known before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Changed>,
}

/// A setting that an entry changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// Its name, with the tables that it is in: `cache.capacity`.
    pub key: String,
    /// What it was; null where it was not set.
    pub before: serde_json::Value,
    /// What it is from then on; null where it is not set.
    pub after: serde_json::Value,
}

impl std::fmt::Display for Changed {
    /// The value that holds from then on: `cache.capacity = 10000`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {}", self.key, value_text(&self.after))
    }
}

/// A setting's value for people; what is not set is `none`.
pub fn value_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        // A number that may have a fraction and has none: `4000.0`.
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").unwrap_or(&text).to_owned()
        }
        value => value.to_string(),
    }
}

/// What kind of change an entry is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployKind {
    /// A new release.
    #[default]
    Deploy,
    /// Back to an earlier release.
    Rollback,
    /// The same release again.
    Restart,
    /// A changed setting.
    Config,
    /// Caches that were emptied.
    Flush,
    /// The head of a queue that was set aside.
    Skip,
    /// Dead letters that were put back.
    Replay,
    /// A client that is turned away from then on.
    Block,
    /// A client that is let in again.
    Unblock,
    /// Replicas that were started or ended.
    Scale,
}

impl DeployKind {
    /// Whether processes of the entry's release were started.
    pub const fn starts_release(self) -> bool {
        matches!(self, Self::Deploy | Self::Rollback | Self::Restart)
    }
}

impl std::fmt::Display for DeployKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Restart => "restart",
            Self::Config => "config",
            Self::Flush => "flush",
            Self::Skip => "skip",
            Self::Replay => "replay",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Scale => "scale",
        })
    }
}

/// Reader of a run's deploy history.
#[derive(Debug, Clone)]
pub struct Deploys {
    path: PathBuf,
}

impl Deploys {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
        }
    }

    /// All entries by time. A line that is no entry is an error, as only the runner writes here.
    pub fn all(&self) -> Result<Vec<Deploy>, Error> {
        let mut all: Vec<Deploy> = Vec::new();
        let mut number = 0;
        let mut problem = None;
        lines::each(&self.path, MAX_BYTES, |line| {
            number += 1;
            match serde_json::from_str(line) {
                Ok(deploy) => all.push(deploy),
                Err(error) => problem = Some(format!("line {number}: {error}")),
            }
            problem.is_none()
        })?;
        if let Some(reason) = problem {
            let path = FILE.to_owned();
            return Err(Error::File { path, reason });
        }
        all.sort_by_key(|deploy| deploy.at);
        Ok(all)
    }

    /// Entries of a window, of one service if it is given.
    pub fn between(&self, window: Window, service: Option<&str>) -> Result<Vec<Deploy>, Error> {
        let mut all = self.all()?;
        all.retain(|deploy| {
            window.contains(deploy.at, time::Duration::ZERO)
                && service.is_none_or(|service| deploy.service == service)
        });
        Ok(all)
    }

    /// One entry.
    pub fn get(&self, id: &str) -> Result<Deploy, Error> {
        self.all()?
            .into_iter()
            .find(|deploy| deploy.id == id)
            .ok_or_else(|| Error::NotFound {
                what: "deploy",
                id: shorten(id, 60),
            })
    }
}
