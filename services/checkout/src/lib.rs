//! Checkout: carts, orders, and the messages that follow an order.
//!
//! ```text
//! POST order -> claim key -> reserve (inventory) -> pay (provider) -> store order + message + answer
//!                  |             |                     |                        |  one transaction
//!                  '-------------'---------------------'--- on failure: end claim + message "release"
//! worker: due messages -> inventory -> removed | postponed | dead letter
//! ```

mod message;
mod operate;
mod place;
mod route;
mod settings;
pub mod store;
mod sweep;
mod upstream;
mod view;
mod worker;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use chassis::{App, Client, Context, db::Pool};
use tokio::sync::Notify;

pub use crate::{
    route::router,
    settings::{CartView, HoldPolicy, Order, OutboxSettings, Settings},
    worker::Worker,
};

/// What every request works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    pool: Pool,
    client: Client,
    settings: Arc<Settings>,
    /// Wakes the worker when there is a new message.
    news: Arc<Notify>,
    /// Carts as they were when their payment was declined.
    views: view::Views,
    /// Unix milliseconds.
    clock: fn() -> i64,
}

impl State {
    /// Opens the database, which is made if it is not there. `clock` gives Unix milliseconds.
    pub fn open(
        path: &Path,
        client: Client,
        settings: Settings,
        clock: fn() -> i64,
    ) -> anyhow::Result<Self> {
        let busy = Duration::from_millis(settings.busy_ms);
        let mut connection = rusqlite::Connection::open(path).context("checkout's database")?;
        connection.busy_timeout(busy)?;
        store::prepare(&mut connection).context("checkout's tables")?;
        let options = chassis::db::Options {
            readers: settings.readers,
            acquire: Duration::from_millis(settings.acquire_ms),
            busy,
            max_pages: settings.max_pages,
            ..chassis::db::Options::new(path)
        };
        let pool = Pool::open("checkout", options).context("checkout's database")?;
        Ok(Self {
            pool,
            client,
            settings: Arc::new(settings),
            news: Arc::new(Notify::new()),
            views: view::Views::default(),
            clock,
        })
    }
}

/// Builds the service: database, routes, background work.
pub async fn build(context: Context<Settings>) -> anyhow::Result<App> {
    let Context {
        settings,
        config,
        client,
        shutdown,
        ..
    } = context;
    let path = config.scratch.join(store::FILE);
    let open = move || {
        std::fs::create_dir_all(&config.scratch).context("the folder of checkout's database")?;
        State::open(&path, client, settings, now_ms)
    };
    let state = tokio::task::spawn_blocking(open)
        .await
        .context("opening the database")??;
    let worker = Worker::new(state.clone(), config.seed);
    let app = operate::offer(App::new(router(state.clone())), &state);
    Ok(app
        .task(sweep::run(state, shutdown.clone()))
        .task(worker.run(shutdown)))
}

fn now_ms() -> i64 {
    // A clock before 1970 is treated as 1970.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
