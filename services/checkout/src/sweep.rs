//! Deletes expired carts.

use std::time::Duration;

use chassis::CancellationToken;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::{Checkout, store::cart};

/// Time between two sweeps.
const INTERVAL: Duration = Duration::from_secs(10);
/// Maximum number of carts per sweep: more than arrive between two sweeps, and few enough for a short transaction.
const LIMIT: u32 = 2_000;

/// Sweeps until the drain.
pub(crate) async fn run(checkout: Checkout, shutdown: CancellationToken) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lifetime_ms =
        i64::try_from(checkout.settings.cart_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let before_ms = (checkout.clock)().saturating_sub(lifetime_ms);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            cart::expire(transaction, before_ms, LIMIT)
        };
        if let Err(error) = checkout.pool.write(&cart::EXPIRE, work).await {
            warn!(%error, "failed to delete expired carts: {error}");
        }
    }
}
