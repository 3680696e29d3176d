//! The inventory: products, prices, stock, reservations.
//!
//! ```text
//! GET  product  -> cache -> readers --\
//! GET  products ----------> readers ---> one SQLite file (WAL), shared by all replicas
//! POST reservations ------> writer ---/        ^
//!        price feed ------> writer -----------/
//!        follower: rows of other processes -> invalidates the cache
//! ```

pub mod cache;
mod feed;
mod follow;
mod operate;
mod product_cache;
mod route;
mod rules;
pub mod schema;
mod settings;
pub mod store;
mod sweep;

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use chassis::{App, Context, db::Pool};
use shop_api::{Sku, product::Product};
use tracing::info;

use crate::{cache::Cache, rules::Rules};
pub use crate::{
    route::router,
    settings::{CacheSettings, FeedSettings, RuleSelect, RuleSettings, Settings},
};

/// The state that all requests share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inventory {
    pool: Pool,
    product_cache: Arc<Cache<Sku, Product>>,
    rules: Arc<Rules>,
    settings: Arc<Settings>,
    /// Unix milliseconds.
    clock: fn() -> i64,
}

impl Inventory {
    /// Opens a database from [`store::prepare`] and migrates it to the schema level of the settings.
    ///
    /// `clock` returns Unix milliseconds.
    pub fn open(path: &Path, settings: Settings, clock: fn() -> i64) -> anyhow::Result<Self> {
        migrate(path, &settings)?;
        let options = chassis::db::Options {
            readers: settings.readers,
            acquire: Duration::from_millis(settings.acquire_ms),
            busy: Duration::from_millis(settings.busy_ms),
            cache_kib: settings.page_cache_kib,
            ..chassis::db::Options::new(path)
        };
        let pool = Pool::open("inventory", options).context("the inventory's database")?;
        let limits = cache::Limits {
            capacity: settings.cache.capacity,
            ttl: Duration::from_millis(settings.cache.ttl_ms),
            single_flight: settings.cache.single_flight,
        };
        Ok(Self {
            pool,
            product_cache: Arc::new(Cache::new(limits)),
            rules: Arc::new(Rules::default()),
            settings: Arc::new(settings),
            clock,
        })
    }
}

/// Runs the service as a child of the runner.
pub fn serve() -> ExitCode {
    chassis::serve("inventory", build)
}

/// Builds the service: database, routes, controls, background tasks.
pub async fn build(context: Context<Settings>) -> anyhow::Result<App> {
    let Context {
        settings,
        config,
        shutdown,
        ..
    } = context;
    let path = config.scratch.join(store::FILE);
    let (seed, database) = (config.seed, path.clone());
    let inventory = tokio::task::spawn_blocking(move || {
        store::prepare(&database, seed).context("the inventory's database")?;
        Inventory::open(&database, settings, now_ms)
    })
    .await
    .context("opening the database")??;
    let limits = config.scratch.join(rules::FILE);
    let rules = rules::run(
        inventory.clone(),
        limits,
        config.instance.clone(),
        shutdown.clone(),
    );
    let feed = feed::Feed::new(inventory.clone(), config.instance.clone(), seed);
    let app = operate::add_controls(App::new(router(inventory.clone())), &inventory);
    Ok(app
        .task(follow::run(inventory.clone(), shutdown.clone()))
        .task(sweep::run(inventory, shutdown.clone()))
        .task(rules)
        .task(feed.run(shutdown)))
}

/// Attempts to lock the database for the migration at start.
const MIGRATION_ATTEMPTS: i32 = 20_000;
/// Pause between two attempts. Shorter than that of requests that wait for the lock, so that the migration, which must
/// run first, gets it.
const MIGRATION_PAUSE: Duration = Duration::from_millis(3);

fn migrate(path: &Path, settings: &Settings) -> anyhow::Result<()> {
    let mut connection = rusqlite::Connection::open(path).context("the inventory's database")?;
    connection.busy_handler(Some(|attempts| {
        std::thread::sleep(MIGRATION_PAUSE);
        attempts < MIGRATION_ATTEMPTS
    }))?;
    let found = schema::migrate(&mut connection, settings.schema)?;
    if found != settings.schema {
        info!(
            from = found,
            to = settings.schema,
            "migrated the database from schema {found} to {}",
            settings.schema
        );
    }
    Ok(())
}

fn now_ms() -> i64 {
    // A clock before 1970 reads as 1970; no price is valid then, so list prices apply.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
