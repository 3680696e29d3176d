//! Purchase limits: how many pieces of a product one order may take, by ranges of products.
//!
//! ```text
//! database -> one replica after the other writes the file -> every replica reads it -> reservations
//! ```

mod file;
mod table;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use chassis::CancellationToken;
use chassis::telemetry::names::metric;
use metrics::gauge;
use shop_api::cart::Line;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use self::{file::Writer, table::Table};
use crate::State;

/// The file's name in the inventory's folder.
pub(crate) const FILE: &str = "purchase-limits.csv";
/// Time between two looks whether the file is new or has to be written.
const LOOK: Duration = Duration::from_millis(250);

/// The limits as they were last read.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    sheet: RwLock<Arc<Sheet>>,
}

/// One version of the file; its table is made with the first request that needs it.
#[derive(Debug, Default)]
struct Sheet {
    text: String,
    table: OnceLock<Table>,
}

impl Rules {
    /// The first line of which an order may not take so many pieces, and how many it may.
    pub(crate) fn refused(&self, lines: &[Line]) -> Option<(Line, u32)> {
        let sheet = Arc::clone(&self.sheet.read().unwrap_or_else(PoisonError::into_inner));
        let table = sheet.table.get_or_init(|| Table::read(&sheet.text));
        lines.iter().find_map(|line| {
            let most = table.most(line.sku.number())?;
            (line.quantity > most).then_some((*line, most))
        })
    }

    fn replace(&self, text: String) {
        let sheet = Sheet {
            text,
            table: OnceLock::new(),
        };
        *self.sheet.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sheet);
    }

    fn is(&self, text: &str) -> bool {
        let sheet = self.sheet.read().unwrap_or_else(PoisonError::into_inner);
        sheet.text == text
    }
}

/// Writes the file when it is this process's turn, and reads it when it is new, until the drain.
pub(crate) async fn run(
    state: State,
    path: PathBuf,
    instance: String,
    shutdown: CancellationToken,
) {
    gauge!(metric::PURCHASE_LIMITS).set(0.0);
    let every = Duration::from_millis(state.settings.rules.interval_ms);
    if every.is_zero() {
        return;
    }
    let writer = Writer::new(state.clone(), path.clone(), instance, every);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = writer.turn().await {
            warn!(%error, "the purchase limits were not written: {error}");
        }
        match tokio::fs::read_to_string(&path).await {
            Ok(text) => look(&state.rules, text),
            // Nobody has written it yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => warn!(%error, "the purchase limits could not be read: {error}"),
        }
    }
}

fn look(rules: &Rules, text: String) {
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
    fn an_order_may_take_as_many_pieces_as_the_file_says() {
        let rules = Rules::default();
        assert_eq!(rules.refused(&[line(1, 99)]), None, "there is no file yet");
        rules.replace(sheet(2));
        for (number, quantity, refused) in [(1, 3, false), (20, 4, true), (21, 99, false)] {
            let found = rules.refused(&[line(number, quantity)]);
            assert_eq!(found.is_some(), refused, "{number} {quantity}");
        }
    }

    #[test]
    fn a_table_has_its_places_and_no_more_until_the_next_file() {
        let rules = Rules::default();
        let ask = || {
            let ask = std::panic::AssertUnwindSafe(|| rules.refused(&[line(1, 1)]));
            std::panic::catch_unwind(ask).is_ok()
        };
        for (entries, is_answered) in [(table::PLACES, true), (table::PLACES + 1, false), (1, true)]
        {
            rules.replace(sheet(entries as u32));
            assert_eq!((ask(), ask()), (is_answered, is_answered), "{entries}");
        }
    }
}
