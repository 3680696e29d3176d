//! Gives back reservations that nobody wanted in time, and forgets those that ended long ago.

use std::time::Duration;

use chassis::{CancellationToken, db::Statement};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{State, store::reservation};

const SWEEP: Statement = Statement {
    summary: "TRANSACTION sweep",
    text: "BEGIN IMMEDIATE",
};
/// Time between two sweeps.
const INTERVAL: Duration = Duration::from_secs(5);
/// Reservations of one sweep: few enough that nobody waits for it.
const LIMIT: u32 = 200;

/// Sweeps until the drain.
pub(crate) async fn run(state: State, shutdown: CancellationToken) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now_ms = (state.clock)();
        let memory_ms = i64::try_from(state.settings.reservation_memory_s.saturating_mul(1_000))
            .unwrap_or(i64::MAX);
        let work = move |transaction: &rusqlite::Transaction<'_>| {
            reservation::forget(transaction, now_ms.saturating_sub(memory_ms), LIMIT)?;
            reservation::expire(transaction, now_ms, LIMIT)
        };
        match state.pool.write(&SWEEP, work).await {
            Ok(0) => {}
            Ok(expired) => info!(
                expired,
                "gave {expired} reservations back that nobody wanted in time"
            ),
            Err(error) => warn!(%error, "reservations could not be swept: {error}"),
        }
    }
}
