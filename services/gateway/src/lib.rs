//! The gateway: the shop's public face, in two versions.
//!
//! ```text
//! request -> blocked clients -> rate limit -> page cache (listings) -> inventory | checkout -> body in the version's shape
//! ```

pub mod blocked;
mod caller;
mod connections;
mod forward;
pub mod limiter;
mod operate;
pub mod pages;
mod route;
mod settings;

use std::{sync::Arc, time::Duration};

use chassis::telemetry::names::{label, metric};
use chassis::{App, CancellationToken, Client, Context};
use metrics::{counter, gauge};
use tokio::time::interval;

use crate::{blocked::Blocked, connections::OwnConnections, limiter::Limiter, pages::PageCache};
pub use crate::{
    route::router,
    settings::{Connections, LimiterSettings, PageKey, PageSettings, Settings},
};

/// What every request works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    client: Client,
    /// Connections of single clients, where they have their own.
    own: Option<Arc<OwnConnections>>,
    blocked: Arc<Blocked>,
    limiter: Arc<Limiter>,
    pages: Arc<PageCache>,
    deadline: Duration,
}

impl State {
    /// A gateway in front of the upstreams of a client.
    pub fn new(client: Client, settings: Settings) -> Self {
        let own = match settings.connections {
            Connections::Shared => None,
            Connections::Client => Some(Arc::new(OwnConnections::new(client.clone()))),
        };
        Self {
            client,
            own,
            blocked: Arc::new(Blocked::new(settings.blocked)),
            limiter: Arc::new(Limiter::new(settings.limiter)),
            pages: Arc::new(PageCache::new(settings.pages)),
            deadline: Duration::from_millis(settings.deadline_ms),
        }
    }
}

/// Builds the service: routes, and the measuring of its caches.
pub async fn build(context: Context<Settings>) -> anyhow::Result<App> {
    let Context {
        settings,
        client,
        shutdown,
        ..
    } = context;
    let state = State::new(client, settings);
    let app = operate::offer(App::new(router(state.clone())), &state);
    Ok(app.task(measure(state, shutdown)))
}

/// Time between two measurements.
const MEASURE_INTERVAL: Duration = Duration::from_millis(500);

async fn measure(state: State, shutdown: CancellationToken) {
    let mut ticks = interval(MEASURE_INTERVAL);
    let mut counted = 0;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        gauge!(metric::CACHE_ENTRIES, label::CACHE => route::PAGE_CACHE)
            .set(state.pages.len() as f64);
        let evictions = state.pages.evictions();
        counter!(metric::CACHE_EVICTIONS, label::CACHE => route::PAGE_CACHE)
            .increment(evictions - counted);
        counted = evictions;
    }
}
