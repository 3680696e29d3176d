//! The file of purchase limits: replicas write it in turns, each from its own look at the database.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;

use crate::{
    State,
    store::{lease, rule},
};

/// Who wrote last has to let another one write, if there is one.
const TURN: &str = "purchase-limits";

/// What one process writes.
#[derive(Debug)]
pub(super) struct Writer {
    state: State,
    path: PathBuf,
    instance: String,
    every_ms: i64,
}

impl Writer {
    pub(super) fn new(state: State, path: PathBuf, instance: String, every: Duration) -> Self {
        Self {
            state,
            path,
            instance,
            every_ms: i64::try_from(every.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Writes the file if it is this process's turn.
    pub(super) async fn turn(&self) -> anyhow::Result<()> {
        let (now_ms, every_ms) = ((self.state.clock)(), self.every_ms);
        let (holder, select) = (self.instance.clone(), self.state.settings.rules.select);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            if !lease::pass(transaction, TURN, &holder, now_ms, every_ms)? {
                return Ok(None);
            }
            rule::list(transaction, select).map(Some)
        };
        let Some(rules) = self.state.pool.write(&rule::LIST, work).await? else {
            return Ok(());
        };
        let mut text = format!("# {} at {now_ms}\n", self.instance);
        for (first, last, most) in rules {
            text += &format!("{first},{last},{most}\n");
        }
        // Put in place at once: nobody reads half a file.
        let next = self.path.with_extension(&self.instance);
        tokio::fs::write(&next, text)
            .await
            .context("the new file")?;
        tokio::fs::rename(&next, &self.path)
            .await
            .context("the place of the file")
    }
}

/// The instance that wrote a file.
pub(super) fn writer(text: &str) -> &str {
    text.strip_prefix("# ")
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("nobody")
}
