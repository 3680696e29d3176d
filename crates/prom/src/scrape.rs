//! Scraping: one task a target, all on a grid of even steps, into the store.
//!
//! ```text
//! targets.json --changed--> discovery -> one task a target -> fetch -> cache (known series) -> store
//! ```
//!
//! A target that is gone, or whose scrape fails, ends its series with staleness markers at once.

mod cache;
mod discovery;
mod fetch;
mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use discovery::Target;

use super::store::{Metadata, Store};
use discovery::Watch;
use target::Loop;

/// How often the targets file is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// What to scrape and within which bounds.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file_sd file that lists the targets.
    pub targets: PathBuf,
    /// From scrape to scrape of one target.
    pub interval: Duration,
    /// How long a scrape may take; at most the interval.
    pub timeout: Duration,
    /// Bytes of a scrape beyond which it fails.
    pub body_bytes: usize,
    /// Samples of a scrape beyond which it fails.
    pub samples: usize,
}

impl Options {
    /// Scrapes the targets of a file at an interval, within the bounds of a drill.
    pub fn every(interval: Duration, targets: PathBuf) -> Options {
        Options {
            targets,
            interval,
            // A tenth is left for the write into the store.
            timeout: interval * 9 / 10,
            body_bytes: 8 << 20,
            samples: 50_000,
        }
    }
}

/// How a target is doing.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Start of the last scrape, Unix milliseconds; none before the first.
    pub last_scrape_ms: Option<i64>,
    /// How long it took.
    pub last_duration: Duration,
    /// Samples it brought.
    pub last_samples: usize,
    /// Why it failed, if it did.
    pub last_error: Option<String>,
}

/// A target and how it is doing.
#[derive(Debug)]
pub struct Status {
    /// The target.
    pub target: Target,
    health: Mutex<Health>,
    metadata: Mutex<BTreeMap<String, Metadata>>,
}

/// Families of a target that are described; beyond that new ones are not.
const MAX_FAMILIES: usize = 10_000;

impl Status {
    /// How the target is doing.
    pub fn health(&self) -> Health {
        self.health.lock().clone()
    }

    /// What it says of its metrics, by family.
    pub fn metadata(&self) -> BTreeMap<String, Metadata> {
        self.metadata.lock().clone()
    }

    fn describe(&self, family: String, metadata: Metadata) {
        let mut known = self.metadata.lock();
        if known.len() < MAX_FAMILIES || known.contains_key(&family) {
            known.insert(family, metadata);
        }
    }

    fn set_health(&self, health: Health) {
        *self.health.lock() = health;
    }
}

/// Scrapes what the targets file lists.
#[derive(Debug)]
pub struct Scraper {
    store: Arc<Store>,
    options: Options,
    active: RwLock<Vec<Arc<Status>>>,
}

impl Scraper {
    /// A scraper that does nothing until it is run.
    pub fn new(store: Arc<Store>, options: Options) -> Scraper {
        Scraper {
            store,
            options,
            active: RwLock::default(),
        }
    }

    /// What bounds it.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The targets of this moment, in the order of the file.
    pub fn targets(&self) -> Vec<Arc<Status>> {
        self.active.read().clone()
    }

    /// Scrapes until `shutdown`; every task of it has ended when this returns.
    pub async fn run(&self, shutdown: CancellationToken) {
        let client = fetch::Client::new(self.options.timeout, self.options.body_bytes);
        let mut tasks = JoinSet::new();
        let mut running: HashMap<Target, (Arc<Status>, CancellationToken)> = HashMap::new();
        let mut watch = Watch::new(&self.options.targets);
        loop {
            match watch.changed() {
                Ok(None) => {}
                Ok(Some(targets)) => self.apply(targets, &mut running, &mut tasks, &client),
                Err(error) => warn!("the list of targets stays unchanged: {error}"),
            }
            while tasks.try_join_next().is_some() {}
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
        }
        tasks.shutdown().await;
    }

    /// Ends the tasks of targets that are gone and starts those of new ones.
    fn apply(
        &self,
        targets: Vec<Target>,
        running: &mut HashMap<Target, (Arc<Status>, CancellationToken)>,
        tasks: &mut JoinSet<()>,
        client: &fetch::Client,
    ) {
        running.retain(|target, (_, end)| {
            let stays = targets.contains(target);
            if !stays {
                end.cancel();
            }
            stays
        });
        let mut active = Vec::with_capacity(targets.len());
        for target in targets {
            let (status, _) = running.entry(target).or_insert_with_key(|target| {
                let status = Arc::new(Status {
                    target: target.clone(),
                    health: Mutex::default(),
                    metadata: Mutex::default(),
                });
                let end = CancellationToken::new();
                let one = Loop::new(
                    Arc::clone(&status),
                    Arc::clone(&self.store),
                    client.clone(),
                    &self.options,
                );
                tasks.spawn(one.run(end.clone()));
                (status, end)
            });
            active.push(Arc::clone(status));
        }
        *self.active.write() = active;
    }
}
