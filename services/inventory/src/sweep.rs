//! Releases expired reservations and deletes old ones.

use std::time::Duration;

use chassis::{CancellationToken, db::Statement};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{Inventory, store::reservation};

const SWEEP: Statement = Statement::transaction("TRANSACTION sweep");
/// Time between two sweeps.
const INTERVAL: Duration = Duration::from_secs(5);
/// Maximum number of reservations per sweep, few enough for a short transaction.
const LIMIT: u32 = 200;

/// Sweeps until the drain.
pub(crate) async fn run(inventory: Inventory, shutdown: CancellationToken) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now_ms = (inventory.clock)();
        let memory_ms = i64::try_from(
            inventory
                .settings
                .reservation_memory_s
                .saturating_mul(1_000),
        )
        .unwrap_or(i64::MAX);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            reservation::delete_old(transaction, now_ms.saturating_sub(memory_ms), LIMIT)?;
            reservation::expire(transaction, now_ms, LIMIT)
        };
        match inventory.pool.write(&SWEEP, work).await {
            Ok(0) => {}
            Ok(expired) => info!(expired, "released {expired} expired reservations"),
            Err(error) => warn!(%error, "failed to release expired reservations: {error}"),
        }
    }
}
