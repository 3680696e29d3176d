//! The file of purchase limits. The replicas take turns to write it, each from its own query of the database.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;

use crate::{
    Inventory,
    store::{lease, rule},
};

/// The turn: the last writer lets another replica write, if there is one.
const TURN: &str = "purchase-limits";

/// The writer of one process.
#[derive(Debug)]
pub(super) struct Writer {
    inventory: Inventory,
    path: PathBuf,
    instance: String,
    every_ms: i64,
}

impl Writer {
    pub(super) fn new(
        inventory: Inventory,
        path: PathBuf,
        instance: String,
        every: Duration,
    ) -> Self {
        Self {
            inventory,
            path,
            instance,
            every_ms: i64::try_from(every.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Writes the file if it is this process's turn.
    pub(super) async fn turn(&self) -> anyhow::Result<()> {
        let (now_ms, every_ms) = ((self.inventory.clock)(), self.every_ms);
        let (holder, select) = (self.instance.clone(), self.inventory.settings.rules.select);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            if !lease::take_turn(transaction, TURN, &holder, now_ms, every_ms)? {
                return Ok(None);
            }
            rule::list(transaction, select).map(Some)
        };
        let Some(rules) = self.inventory.pool.write(&rule::LIST, work).await? else {
            return Ok(());
        };
        let mut text = format!("# {} at {now_ms}\n", self.instance);
        for (first, last, limit) in rules {
            text += &format!("{first},{last},{limit}\n");
        }
        // Renamed into place, so that a reader never sees an incomplete file.
        let next = self.path.with_extension(&self.instance);
        tokio::fs::write(&next, text)
            .await
            .context("the new file")?;
        tokio::fs::rename(&next, &self.path)
            .await
            .context("the rename of the new file")
    }
}

/// The instance that wrote a file.
pub(super) fn writer(text: &str) -> &str {
    text.strip_prefix("# ")
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("unknown")
}
