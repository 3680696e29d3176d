//! The feed of new prices: suppliers send them for a run of products at a time, all day long.

use std::time::Duration;

use chassis::{CancellationToken, db};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{
    State,
    store::{lease, price},
};

/// One process at a time receives the feed.
const LEASE: &str = "price-feed";
/// Deliveries for which the lease is kept, so that a busy moment does not hand it over.
const LEASE_INTERVALS: i64 = 20;

/// The feed as one process sees it.
#[derive(Debug)]
pub(crate) struct Feed {
    state: State,
    holder: String,
    random: StdRng,
    /// The number of the product that the next delivery begins with.
    next: u32,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// So many prices were written.
    Written(u32),
    /// Another process receives the feed.
    Elsewhere,
    /// The table has as many prices as it may.
    Full,
}

impl Feed {
    /// A feed for the process `instance`.
    pub(crate) fn new(state: State, instance: String, seed: u64) -> Self {
        // Replicas share a seed but not a name.
        let own = instance.bytes().fold(seed, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Self {
            next: state.settings.feed.first_product,
            state,
            holder: instance,
            random: StdRng::seed_from_u64(own),
        }
    }

    /// Delivers until the drain.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let settings = &self.state.settings.feed;
        let rows = per_delivery(settings.rows_per_second, settings.interval_ms);
        if rows == 0 {
            return;
        }
        let mut ticks = interval(Duration::from_millis(settings.interval_ms.max(1)));
        // After a pause the feed goes on; it does not make up for it.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.deliver(rows).await {
                Ok(Delivery::Full) => {
                    info!("the price table has reached its limit, the feed ends");
                    return;
                }
                Ok(_) => {}
                Err(error) => warn!(%error, "a delivery of prices was not stored: {error}"),
            }
        }
    }

    /// Writes the next `rows` prices, if this process is the one to do so.
    pub(crate) async fn deliver(&mut self, rows: u32) -> Result<Delivery, db::Error> {
        let settings = &self.state.settings.feed;
        let (first, last) = (self.next, self.next.saturating_add(rows - 1));
        let spread = self.random.random_range(0..1_000);
        let now_ms = (self.state.clock)();
        let until_ms = now_ms
            + i64::try_from(settings.interval_ms)
                .unwrap_or(0)
                .saturating_mul(LEASE_INTERVALS);
        let most = i64::try_from(settings.max_rows).unwrap_or(i64::MAX);
        let holder = self.holder.clone();
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            if !lease::take(transaction, LEASE, &holder, now_ms, until_ms)? {
                return Ok(Delivery::Elsewhere);
            }
            if price::newest(transaction)? >= most {
                return Ok(Delivery::Full);
            }
            let written = price::feed(transaction, first, last, now_ms, spread)?;
            Ok(Delivery::Written(
                u32::try_from(written).unwrap_or(u32::MAX),
            ))
        };
        let delivery = self.state.pool.write(&price::FEED, work).await?;
        if let Delivery::Written(written) = delivery {
            // A run that found the end of the catalogue starts over.
            self.next = if written < rows {
                settings.first_product
            } else {
                last.saturating_add(1)
            };
        }
        Ok(delivery)
    }
}

/// Prices of one delivery, at least one unless the feed is off.
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
