//! Follows the price table, so that the cache forgets what another process has changed.

use std::time::Duration;

use chassis::telemetry::names::{label, metric};
use chassis::{CancellationToken, db};
use metrics::{counter, gauge};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::{State, store::price, view};

/// Rows looked at in one go; a feed that is faster is caught up with at the next look.
const ROWS: u32 = 20_000;

/// Looks for new prices until the drain.
pub(crate) async fn run(state: State, shutdown: CancellationToken) {
    let mut ticks = interval(Duration::from_millis(state.settings.cache.follow_ms.max(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follower = Follower::default();
    if let Err(error) = follower.begin(&state).await {
        warn!(%error, "the cache starts empty: {error}");
    }
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = follower.look(&state).await {
            warn!(%error, "changed prices could not be read: {error}");
        }
        follower.measure(&state);
    }
}

/// How far the price table was read.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// The last row seen; nothing before the first look, when the cache is still empty.
    last: Option<i64>,
    evictions: u64,
}

impl Follower {
    /// Fills the cache with what was true before the first look.
    async fn begin(&mut self, state: &State) -> Result<(), db::Error> {
        self.look(state).await?;
        view::preload(state).await
    }

    /// Invalidates every product with a price that is newer than the last look.
    pub(crate) async fn look(&mut self, state: &State) -> Result<(), db::Error> {
        let Some(last) = self.last else {
            self.last = Some(state.pool.read(&price::NEWEST, price::newest).await?);
            return Ok(());
        };
        let work = move |connection: &rusqlite::Connection| price::changed(connection, last, ROWS);
        let (newest, products) = state.pool.read(&price::CHANGED, work).await?;
        for product in products {
            state.views.invalidate(product);
        }
        self.last = Some(newest);
        Ok(())
    }

    fn measure(&mut self, state: &State) {
        gauge!(metric::CACHE_ENTRIES, label::CACHE => view::CACHE).set(state.views.len() as f64);
        let evictions = state.views.evictions();
        counter!(metric::CACHE_EVICTIONS, label::CACHE => view::CACHE)
            .increment(evictions - self.evictions);
        self.evictions = evictions;
    }
}
