//! The gateway: the shop's public API, in two versions.
//!
//! ```text
//! request -> blocked clients -> rate limit -> page cache (listings) -> inventory | checkout -> body in the version's shape
//! ```

pub mod blocked;
mod caller;
mod connections;
mod copies;
mod forward;
pub mod limiter;
mod operate;
pub mod pages;
mod route;
mod settings;

use std::{process::ExitCode, sync::Arc, time::Duration};

use chassis::telemetry::names::{label, metric};
use chassis::{App, CancellationToken, Client, Context};
use metrics::{counter, gauge};
use tokio::time::interval;

use crate::{
    blocked::BlockList, connections::ClientConnections, copies::Copies, limiter::Limiter,
    pages::PageCache, route::open::DrainReport,
};
pub use crate::{
    route::router,
    settings::{Connections, CountedBy, LimiterSettings, PageKey, PageSettings, Settings},
};

/// The state that all requests share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    client: Client,
    /// Connections by client, if the settings ask for them.
    client_connections: Option<Arc<ClientConnections>>,
    blocked: Arc<BlockList>,
    limiter: Arc<Limiter>,
    pages: Arc<PageCache>,
    copies: Copies,
    drain_report: Option<DrainReport>,
    deadline: Duration,
}

impl Gateway {
    /// A gateway in front of the upstreams of a client.
    pub fn new(client: Client, settings: Settings) -> Self {
        let client_connections = match settings.connections {
            Connections::Shared => None,
            Connections::Client => Some(Arc::new(ClientConnections::new(client.clone()))),
        };
        Self {
            client,
            client_connections,
            blocked: Arc::new(BlockList::new(settings.blocked)),
            limiter: Arc::new(Limiter::new(settings.limiter)),
            pages: Arc::new(PageCache::new(settings.pages)),
            copies: Copies::default(),
            drain_report: None,
            deadline: Duration::from_millis(settings.deadline_ms),
        }
    }
}

/// Runs the service as a child of the runner.
pub fn serve() -> ExitCode {
    chassis::serve("gateway", build)
}

/// Builds the service: routes, controls and the metrics of the page cache.
pub async fn build(context: Context<Settings>) -> anyhow::Result<App> {
    let Context {
        settings,
        client,
        config,
        shutdown,
    } = context;
    let (keeps_copies, reports_at_drain) = (settings.copies, settings.drain_report);
    let mut gateway = Gateway::new(client, settings);
    gateway.drain_report = reports_at_drain.then(|| DrainReport::new(shutdown.clone()));
    let mut writer = None;
    if keeps_copies {
        let (copies, behind) = Copies::new();
        gateway.copies = copies;
        writer = Some(behind.run(config.scratch, shutdown.clone()));
    }
    let app = operate::add_controls(App::new(router(gateway.clone())).public(), &gateway);
    let app = app.task(measure(gateway, shutdown));
    Ok(match writer {
        Some(writer) => app.task(writer),
        None => app,
    })
}

/// Time between two measurements.
const MEASURE_INTERVAL: Duration = Duration::from_millis(500);

async fn measure(gateway: Gateway, shutdown: CancellationToken) {
    let mut ticks = interval(MEASURE_INTERVAL);
    let mut counted = 0;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        gauge!(metric::CACHE_ENTRIES, label::CACHE => route::PAGE_CACHE)
            .set(gateway.pages.len() as f64);
        let evictions = gateway.pages.evictions();
        counter!(metric::CACHE_EVICTIONS, label::CACHE => route::PAGE_CACHE)
            .increment(evictions - counted);
        counted = evictions;
    }
}
