//! Follows the price table and invalidates cached products whose price another process has changed.

use std::time::Duration;

use chassis::telemetry::names::{label, metric};
use chassis::{CancellationToken, db};
use metrics::{counter, gauge};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::{Inventory, product_cache, store::price};

/// Maximum number of rows per poll; further rows are read in the next poll.
const ROWS: u32 = 20_000;

/// Polls for new prices until the drain.
pub(crate) async fn run(inventory: Inventory, shutdown: CancellationToken) {
    let mut ticks = interval(Duration::from_millis(
        inventory.settings.cache.follow_ms.max(1),
    ));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follower = Follower::default();
    if let Err(error) = follower.begin(&inventory).await {
        warn!(%error, "failed to preload the product cache: {error}");
    }
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = follower.poll(&inventory).await {
            warn!(%error, "failed to read changed prices: {error}");
        }
        follower.measure(&inventory);
    }
}

/// The position in the price table.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// The last row read; `None` before the first poll, when the cache is still empty.
    last: Option<i64>,
    evictions: u64,
}

impl Follower {
    /// Starts at the current end of the table and preloads the cache.
    async fn begin(&mut self, inventory: &Inventory) -> Result<(), db::Error> {
        self.poll(inventory).await?;
        product_cache::preload(inventory).await
    }

    /// Invalidates all products whose price has changed since the last poll.
    pub(crate) async fn poll(&mut self, inventory: &Inventory) -> Result<(), db::Error> {
        let Some(last) = self.last else {
            self.last = Some(inventory.pool.read(&price::NEWEST, price::newest).await?);
            return Ok(());
        };
        let work = move |connection: &rusqlite::Connection| price::changed(connection, last, ROWS);
        let (newest, products) = inventory.pool.read(&price::CHANGED, work).await?;
        for product in products {
            inventory.product_cache.invalidate(product);
        }
        self.last = Some(newest);
        Ok(())
    }

    fn measure(&mut self, inventory: &Inventory) {
        gauge!(metric::CACHE_ENTRIES, label::CACHE => product_cache::CACHE)
            .set(inventory.product_cache.len() as f64);
        let evictions = inventory.product_cache.evictions();
        counter!(metric::CACHE_EVICTIONS, label::CACHE => product_cache::CACHE)
            .increment(evictions - self.evictions);
        self.evictions = evictions;
    }
}
