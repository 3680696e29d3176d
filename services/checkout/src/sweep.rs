//! Forgets carts that nobody came back to.

use std::time::Duration;

use chassis::CancellationToken;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::{State, store::cart};

/// Time between two sweeps.
const INTERVAL: Duration = Duration::from_secs(10);
/// Carts of one sweep: more than come in between two, few enough that nobody waits for it.
const LIMIT: u32 = 2_000;

/// Sweeps until the drain.
pub(crate) async fn run(state: State, shutdown: CancellationToken) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let kept_ms = i64::try_from(state.settings.cart_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let before_ms = (state.clock)().saturating_sub(kept_ms);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            cart::forget(transaction, before_ms, LIMIT)
        };
        if let Err(error) = state.pool.write(&cart::FORGET, work).await {
            warn!(%error, "old carts could not be removed: {error}");
        }
    }
}
