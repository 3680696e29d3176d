//! The record of a run, read back: when it began, when it paged, when it ended.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What `run.json` and `timeline.jsonl` say.
#[derive(Debug)]
pub(crate) struct Chronicle {
    /// When the runner started.
    pub(crate) started: OffsetDateTime,
    /// The first page.
    pub(crate) page: Option<Paged>,
    /// The last thing that was recorded.
    pub(crate) last: OffsetDateTime,
}

/// A page that was sent.
#[derive(Debug)]
pub(crate) struct Paged {
    /// When.
    pub(crate) at: OffsetDateTime,
    /// The alert's name.
    pub(crate) alert: String,
}

#[derive(Deserialize)]
struct Head {
    #[serde(with = "time::serde::rfc3339")]
    started: OffsetDateTime,
}

impl Chronicle {
    /// Reads the run's folder; a last line that a kill cut short is passed over.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let head = std::fs::read(folder.join("run.json"))
            .with_context(|| format!("run folder `{}`", folder.display()))?;
        let head: Head = serde_json::from_slice(&head).context("head of the run")?;
        let timeline = std::fs::read_to_string(folder.join("timeline.jsonl")).unwrap_or_default();
        let events: Vec<Value> = timeline
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let at = |event: &Value| OffsetDateTime::parse(event["at"].as_str()?, &Rfc3339).ok();
        let page = events
            .iter()
            .find(|event| event["event"] == "page")
            .and_then(|event| {
                Some(Paged {
                    at: at(event)?,
                    alert: event["alert"].as_str()?.to_owned(),
                })
            });
        let last = events.iter().filter_map(at).max().unwrap_or(head.started);
        Ok(Self {
            started: head.started,
            page,
            last,
        })
    }
}
