//! Checkout: carts, orders, and the messages that follow an order.
//!
//! ```text
//! POST order -> begin attempt -> reserve (inventory) -> pay (provider) -> store order + message + response
//!                  |                |                     |                   |  one transaction
//!                  '----------------'---------------------'--- on failure: end attempt + message "release"
//! worker: due messages -> inventory -> removed | postponed | dead letter
//! ```

mod cart_view;
mod confirmation;
mod import;
mod message;
mod operate;
mod pace;
mod placement;
mod route;
mod settings;
pub mod store;
mod sweep;
mod tally;
mod upstream;
mod worker;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, LazyLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use chassis::{App, Client, Context, db::Pool};
use tokio::sync::Notify;

pub use crate::{
    route::router,
    settings::{
        CartLifetime, CartView, Counted, DeliveryOrder, HoldPolicy, InventoryRoute, OutboxSettings,
        PaymentSite, Settings,
    },
    worker::Worker,
};

/// The state that all requests share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Checkout {
    pool: Pool,
    client: Client,
    settings: Arc<Settings>,
    /// Wakes the worker when there are new messages.
    outbox_changed: Arc<Notify>,
    /// Wakes those who wait until the warehouse has an order, after each round of deliveries.
    delivered: Arc<Notify>,
    /// The warehouse's limit.
    pace: Arc<pace::Pace>,
    /// Carts whose payment was declined.
    open_carts: cart_view::OpenCarts,
    /// Unix milliseconds.
    clock: fn() -> i64,
}

impl Checkout {
    /// Opens the database, and creates it if it does not exist. `clock` returns Unix milliseconds.
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
            pace: Arc::new(pace::Pace::new(settings.outbox.per_second)),
            settings: Arc::new(settings),
            outbox_changed: Arc::new(Notify::new()),
            delivered: Arc::new(Notify::new()),
            open_carts: cart_view::OpenCarts::default(),
            clock,
        })
    }
}

/// Runs the service as a child of the runner.
pub fn serve() -> ExitCode {
    chassis::serve("checkout", build)
}

/// Builds the service: database, routes, controls, background tasks.
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
        Checkout::open(&path, client, settings, now_ms)
    };
    let checkout = tokio::task::spawn_blocking(open)
        .await
        .context("opening the database")??;
    let worker = Worker::new(checkout.clone(), config.seed);
    let app = operate::add_controls(App::new(router(checkout.clone())), &checkout);
    Ok(app
        .task(sweep::run(checkout.clone(), shutdown.clone()))
        .task(tally::run(checkout, shutdown.clone()))
        .task(worker.run(shutdown)))
}

/// Unix milliseconds at the start of the process, and what has passed since: what is due in a second must not wait for an
/// hour when the clock is set back.
fn now_ms() -> i64 {
    static START: LazyLock<(Instant, Duration)> = LazyLock::new(|| {
        // A clock before 1970 reads as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        (Instant::now(), since.unwrap_or_default())
    });
    let (began, at) = *START;
    i64::try_from((at + began.elapsed()).as_millis()).unwrap_or(i64::MAX)
}
