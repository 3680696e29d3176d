//! The deploy history: releases, settings, and what was done to running processes.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::file::Error;
use crate::{Action, DEPLOYS};

/// The role under which the responder's actions are logged.
pub const RESPONDER: &str = "responder";
/// The role under which the runner removes the cause, to prove that it was the cause.
pub const GAME_MASTER: &str = "game master";

/// An entry of the deploy history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deploy {
    /// `inventory@2026.11.4`, unique in the run.
    pub id: String,
    /// Service.
    pub service: String,
    /// Release that runs afterwards.
    pub release: String,
    /// When it was complete.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
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
    /// The code that it changed, as a unified diff; empty where it changed none, or nothing is known of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub diff: String,
    /// The settings that it changed; none where it changed none, or nothing is known before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<SettingChange>,
    /// The command without its program, `rollback inventory`; there only for what the responder did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Deploy {
    /// The entry as an action, if the responder did it.
    pub fn action(&self) -> Option<Action> {
        let what = self.command.clone()?;
        Some(Action { at: self.at, what })
    }
}

/// A setting that an entry changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettingChange {
    /// Its name, with the tables that it is in: `cache.capacity`.
    pub key: String,
    /// What it was; null where it was not set.
    pub before: serde_json::Value,
    /// What it is from then on; null where it is not set.
    pub after: serde_json::Value,
}

impl SettingChange {
    /// By how much a number grew or shrank, 1 and more; infinite where one of the values is not a number above 0.
    pub fn factor(&self) -> f64 {
        match (self.before.as_f64(), self.after.as_f64()) {
            (Some(before), Some(after)) if before > 0.0 && after > 0.0 => {
                (after / before).max(before / after)
            }
            _ => f64::INFINITY,
        }
    }
}

impl std::fmt::Display for SettingChange {
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Prices from before an import.
    Revert,
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
            Self::Revert => "revert",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Scale => "scale",
        })
    }
}

/// Reader of a run's deploy history.
#[derive(Debug, Clone)]
pub struct Deploys {
    folder: PathBuf,
}

impl Deploys {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// All entries by time. A line that is not an entry is an error, as only the runner writes here.
    pub fn all(&self) -> Result<Vec<Deploy>, Error> {
        let mut all = DEPLOYS.read(&self.folder)?;
        all.sort_by_key(|deploy| deploy.at);
        Ok(all)
    }

    /// One entry.
    pub fn get(&self, id: &str) -> Result<Deploy, Error> {
        let found = self.all()?.into_iter().find(|deploy| deploy.id == id);
        found.ok_or_else(|| Error::NotFound {
            what: "deploy",
            id: crate::shorten(id, 60),
        })
    }
}
