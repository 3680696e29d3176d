//! Purchase limits: the maximum number of pieces of a product per order, by product range.
//!
//! ```text
//! database -> replicas take turns to write the file -> all replicas read it -> reservations
//! ```

mod file;
mod table;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chassis::CancellationToken;
use chassis::telemetry::names::metric;
use metrics::gauge;
use parking_lot::RwLock;
use shop_api::cart::Line;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use self::{file::Writer, table::Table};
use crate::Inventory;

/// Name of the file in the inventory's folder.
pub(crate) const FILE: &str = "purchase-limits.csv";
/// Time between two checks whether the file has changed or is due.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The limits as last read.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    sheet: RwLock<Arc<Sheet>>,
}

/// One version of the file; the first request that needs its table builds it.
#[derive(Debug, Default)]
struct Sheet {
    text: String,
    table: OnceLock<Table>,
}

impl Rules {
    /// The first line that exceeds its purchase limit, and the limit.
    pub(crate) fn exceeded(&self, lines: &[Line]) -> Option<(Line, u32)> {
        let sheet = Arc::clone(&self.sheet.read());
        let table = sheet.table.get_or_init(|| Table::read(&sheet.text));
        lines.iter().find_map(|line| {
            let limit = table.limit(line.sku.number())?;
            (line.quantity > limit).then_some((*line, limit))
        })
    }

    fn replace(&self, text: String) {
        let sheet = Sheet {
            text,
            table: OnceLock::new(),
        };
        *self.sheet.write() = Arc::new(sheet);
    }

    fn is(&self, text: &str) -> bool {
        self.sheet.read().text == text
    }
}

/// Writes the file when it is this process's turn, and reads it when it has changed, until the drain.
pub(crate) async fn run(
    inventory: Inventory,
    path: PathBuf,
    instance: String,
    shutdown: CancellationToken,
) {
    gauge!(metric::PURCHASE_LIMITS).set(0.0);
    let every = Duration::from_millis(inventory.settings.rules.interval_ms);
    if every.is_zero() {
        return;
    }
    let writer = Writer::new(inventory.clone(), path.clone(), instance, every);
    let mut ticks = interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = writer.turn().await {
            warn!(%error, "failed to write the purchase limits: {error}");
        }
        match tokio::fs::read_to_string(&path).await {
            Ok(text) => update(&inventory.rules, text),
            // Not written yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => warn!(%error, "failed to read the purchase limits: {error}"),
        }
    }
}

fn update(rules: &Rules, text: String) {
    if rules.is(&text) {
        return;
    }
    let entries = table::entries(&text).count();
    let writer = file::writer(&text);
    info!(
        rules.entries = entries,
        rules.writer = writer,
        "read {entries} purchase limits, written by {writer}"
    );
    gauge!(metric::PURCHASE_LIMITS).set(entries as f64);
    rules.replace(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(entries: u32) -> String {
        let rows = (0..entries).map(|n| format!("{},{},3\n", n * 10 + 1, n * 10 + 10));
        std::iter::once("# a\n".to_owned()).chain(rows).collect()
    }

    fn line(number: u32, quantity: u32) -> Line {
        Line {
            sku: shop_api::Sku::new(number).expect("a number of the catalogue"),
            quantity,
        }
    }

    #[test]
    fn the_limits_of_the_file_apply() {
        let rules = Rules::default();
        assert_eq!(rules.exceeded(&[line(1, 99)]), None, "there is no file yet");
        rules.replace(sheet(2));
        for (number, quantity, is_exceeded) in [(1, 3, false), (20, 4, true), (21, 99, false)] {
            let found = rules.exceeded(&[line(number, quantity)]);
            assert_eq!(found.is_some(), is_exceeded, "{number} {quantity}");
        }
    }

    #[test]
    fn a_table_with_too_many_entries_panics_until_the_next_file() {
        let rules = Rules::default();
        let is_served = || {
            let lookup = std::panic::AssertUnwindSafe(|| rules.exceeded(&[line(1, 1)]));
            std::panic::catch_unwind(lookup).is_ok()
        };
        for (entries, expected) in [(table::PLACES, true), (table::PLACES + 1, false), (1, true)] {
            rules.replace(sheet(entries as u32));
            assert_eq!(
                (is_served(), is_served()),
                (expected, expected),
                "{entries}"
            );
        }
    }
}
