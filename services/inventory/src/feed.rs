//! The price feed: suppliers continuously send prices for ranges of products.

use std::time::Duration;

use chassis::{CancellationToken, db};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{
    Inventory,
    store::{lease, price},
};

/// The lease: one process at a time receives the feed.
const LEASE: &str = "price-feed";
/// Duration of the lease in intervals, long enough that a slow delivery does not lose it.
const LEASE_INTERVALS: i64 = 20;

/// The feed of one process.
#[derive(Debug)]
pub(crate) struct Feed {
    inventory: Inventory,
    holder: String,
    random: StdRng,
    /// Number of the first product of the next delivery.
    next: u32,
}

/// The result of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The number of prices written.
    Written(u32),
    /// Nothing: another process has the lease.
    NotLeased,
    /// Nothing: the table has reached its maximum size.
    Full,
}

impl Feed {
    /// A feed for the process `instance`.
    pub(crate) fn new(inventory: Inventory, instance: String, seed: u64) -> Self {
        // Replicas have the same seed but different names.
        let own = instance.bytes().fold(seed, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Self {
            next: inventory.settings.feed.first_product,
            inventory,
            holder: instance,
            random: StdRng::seed_from_u64(own),
        }
    }

    /// Delivers until the drain.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let settings = &self.inventory.settings.feed;
        let rows = per_delivery(settings.rows_per_second, settings.interval_ms);
        if rows == 0 {
            return;
        }
        let mut ticks = interval(Duration::from_millis(settings.interval_ms.max(1)));
        // After a pause the feed continues without catching up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.deliver(rows).await {
                Ok(Delivery::Full) => {
                    info!("stopped the price feed: the price table has reached its maximum size");
                    return;
                }
                Ok(_) => {}
                Err(error) => warn!(%error, "failed to store new prices: {error}"),
            }
        }
    }

    /// Writes the next `rows` prices, if this process has the lease.
    pub(crate) async fn deliver(&mut self, rows: u32) -> Result<Delivery, db::Error> {
        let settings = &self.inventory.settings.feed;
        let (first, last) = (self.next, self.next.saturating_add(rows - 1));
        let spread = self.random.random_range(0..1_000);
        let now_ms = (self.inventory.clock)();
        let until_ms = now_ms
            + i64::try_from(settings.interval_ms)
                .unwrap_or(0)
                .saturating_mul(LEASE_INTERVALS);
        let most = i64::try_from(settings.max_rows).unwrap_or(i64::MAX);
        let holder = self.holder.clone();
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            if !lease::take(transaction, LEASE, &holder, now_ms, until_ms)? {
                return Ok(Delivery::NotLeased);
            }
            if price::newest(transaction)? >= most {
                return Ok(Delivery::Full);
            }
            let written = price::feed(transaction, first, last, now_ms, spread)?;
            Ok(Delivery::Written(
                u32::try_from(written).unwrap_or(u32::MAX),
            ))
        };
        let delivery = self.inventory.pool.write(&price::FEED, work).await?;
        if let Delivery::Written(written) = delivery {
            // At the end of the catalogue the feed starts over.
            self.next = if written < rows {
                settings.first_product
            } else {
                last.saturating_add(1)
            };
        }
        Ok(delivery)
    }
}

/// Prices of one delivery: at least one, unless the feed is disabled.
fn per_delivery(rows_per_second: u32, interval_ms: u64) -> u32 {
    if rows_per_second == 0 {
        return 0;
    }
    let rows = u64::from(rows_per_second).saturating_mul(interval_ms) / 1_000;
    u32::try_from(rows.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_does_not_depend_on_the_interval() {
        for (rate, interval_ms, expected) in
            [(3_000, 250, 750), (50, 100, 5), (1, 100, 1), (0, 250, 0)]
        {
            assert_eq!(
                per_delivery(rate, interval_ms),
                expected,
                "{rate} at {interval_ms} ms"
            );
        }
    }
}
