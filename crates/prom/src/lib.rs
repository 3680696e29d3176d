//! The embedded Prometheus: scraping, storage, rules, the HTTP API, the graph page, the journal.
//!
//! ```text
//! targets.json -> scrape -> exposition -> store <- promql <- api <- graph page, grader, responder
//!                                         ^  |
//!                                    rules   journal -> metrics.lz4 -> replay
//! ```

pub mod api;
mod clock;
mod duration;
pub mod exemplar;
pub mod exposition;
pub mod journal;
mod number;
pub mod page;
pub mod replay;
pub mod rules;
pub mod scrape;
pub mod store;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use web::Link;

use api::MoreMetrics;
use journal::Journal;
use rules::{Problem, Rules};
use scrape::Scraper;
use store::Store;

/// How often targets are scraped.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(1);
/// How often rule groups without an interval of their own are evaluated.
const EVALUATION_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes at which the journal stops growing.
const JOURNAL_BYTES: u64 = 256 << 20;
/// Queries evaluated at the same time; more of them wait.
const QUERIES: usize = 4;
/// Samples that one query may load and compute. Sixteen bytes each: 160 MB in the worst case, and only for a moment.
const QUERY_SAMPLES: usize = 10_000_000;
/// How long one query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the journal is written to disk: what a crash may cost.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);
/// How often samples that are too old are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// Why the metrics half cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal cannot be created.
    #[error("failed to create the journal of metrics in `{0}`: {1}")]
    Journal(PathBuf, io::Error),
    /// The journal of an earlier run cannot be read.
    #[error("failed to load the metrics in `{0}`: {1}")]
    Replay(PathBuf, io::Error),
    /// Rule files are wrong.
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<Problem>),
}

/// What to scrape, evaluate, record or load.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Id of the run; the pages and `/-/ready` show it.
    pub run: String,
    /// A file_sd file of scrape targets, read again when it changes.
    pub targets: Option<PathBuf>,
    /// Prometheus rule files.
    pub rules: Vec<PathBuf>,
    /// Folder to which metrics are written as they come in.
    pub journal: Option<PathBuf>,
    /// Whether what the journal's folder has already is loaded first.
    pub resume: bool,
    /// Folder whose metrics are loaded at the start; nothing is scraped, evaluated or recorded then.
    pub replay: Option<PathBuf>,
}

/// Scraper, store, rules, API and pages of one run.
#[derive(Debug)]
pub struct Metrics {
    store: Arc<Store>,
    rules: Arc<Rules>,
    scraper: Option<Arc<Scraper>>,
    journal: Option<Arc<Journal>>,
    options: promql::Options,
    run: String,
    rule_files: Vec<String>,
    started_ms: i64,
    /// The newest sample of a replayed run.
    end_ms: Option<i64>,
}

impl Metrics {
    /// Prepares everything; nothing runs until [`Metrics::spawn`].
    pub fn open(config: &Config) -> Result<Metrics, Error> {
        let is_replay = config.replay.is_some();
        let earlier = match &config.journal {
            Some(folder) if config.resume && !is_replay => set_aside(folder)?,
            _ => None,
        };
        let journal = match &config.journal {
            Some(folder) if !is_replay => {
                let journal = Journal::create(folder, JOURNAL_BYTES);
                let journal = journal.map_err(|error| Error::Journal(folder.clone(), error))?;
                Some(Arc::new(journal))
            }
            _ => None,
        };
        let store = Arc::new(store(is_replay, journal.clone()));
        let end_ms = match &config.replay {
            Some(folder) => replay(folder.clone(), &store)?,
            None => None,
        };
        if let Some(folder) = earlier {
            // What is loaded is written to the new journal as well, so that one file has it all.
            replay(folder.clone(), &store)?;
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                warn!("failed to remove `{}`: {error}", folder.display());
            }
        }
        let options = promql::Options {
            // As in Prometheus, a subquery without a step takes that of the rules.
            subquery_step_ms: EVALUATION_INTERVAL.as_millis() as i64,
            max_samples: QUERY_SAMPLES,
            timeout: QUERY_TIMEOUT,
            ..promql::Options::default()
        };
        let rules = Rules::load(
            &config.rules,
            Arc::clone(&store),
            EVALUATION_INTERVAL,
            options.clone(),
        );
        let targets = config.targets.clone().filter(|_| !is_replay);
        let scraper = targets.map(|targets| {
            let options = scrape::Options::every(SCRAPE_INTERVAL, targets);
            Arc::new(Scraper::new(Arc::clone(&store), options))
        });
        let rule_files = config.rules.iter().map(|path| path.display().to_string());
        Ok(Metrics {
            rules: Arc::new(rules.map_err(Error::Rules)?),
            scraper,
            journal,
            options,
            run: config.run.clone(),
            rule_files: rule_files.collect(),
            started_ms: clock::now_ms(),
            end_ms,
            store,
        })
    }

    /// The samples.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The API and the pages; `links` stand in the header of the pages, exemplars lead to `traces`, `more` is added to
    /// `/metrics`.
    ///
    /// It checks no Host header: the process that binds the listener knows which hosts it serves.
    pub fn router(&self, links: &[Link], traces: &str, more: MoreMetrics) -> Router {
        let api = api::router(api::Sources {
            store: Arc::clone(&self.store),
            rules: Arc::clone(&self.rules),
            scraper: self.scraper.clone(),
            options: self.options.clone(),
            queries: QUERIES,
            run: self.run.clone(),
            started_ms: self.started_ms,
            rule_files: self.rule_files.clone(),
            evaluation_interval: EVALUATION_INTERVAL,
            fixed_now_ms: self.end_ms,
            more_metrics: more,
        });
        let pages = page::router(links, traces, &self.run, self.end_ms);
        api.merge(pages)
    }

    /// The end of a replayed run, Unix milliseconds; none where metrics come in.
    pub fn end_ms(&self) -> Option<i64> {
        self.end_ms
    }

    /// Starts scraping, evaluation and housekeeping; all of it ends after `shutdown`.
    pub fn spawn(&self, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        if self.end_ms.is_some() {
            return;
        }
        if let Some(scraper) = self.scraper.clone() {
            let shutdown = shutdown.clone();
            tasks.spawn(async move { scraper.run(shutdown).await });
        }
        tasks.spawn(Arc::clone(&self.rules).run(shutdown.clone()));
        tasks.spawn(expire(Arc::clone(&self.store), shutdown.clone()));
        if let Some(journal) = self.journal.clone() {
            tasks.spawn(flush(journal, shutdown.clone()));
        }
    }

    /// Flushes the journal. Blocks for the disk.
    pub fn flush(&self) {
        let complaint = self.journal.as_ref().and_then(|journal| journal.flush());
        complaint.into_iter().for_each(|text| warn!("{text}"));
    }
}

fn store(is_replay: bool, journal: Option<Arc<Journal>>) -> Store {
    let mut limits = store::Limits::default();
    if is_replay {
        // Replayed samples are old and must stay.
        limits.retention = Duration::MAX;
    }
    match journal {
        Some(journal) => Store::with_journal(limits, journal),
        None => Store::new(limits),
    }
}

/// Moves the journal that an earlier process of this run has left into a folder of its own, if there is one.
fn set_aside(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let aside = folder.join("earlier");
    let failed = |error| Error::Journal(folder.to_owned(), error);
    if !folder.join(journal::FILE_NAME).exists() {
        return Ok(None);
    }
    std::fs::create_dir_all(&aside).map_err(failed)?;
    std::fs::rename(
        folder.join(journal::FILE_NAME),
        aside.join(journal::FILE_NAME),
    )
    .map_err(failed)?;
    Ok(Some(aside))
}

/// Loads an earlier run and says what was lost; answers its newest moment.
fn replay(folder: PathBuf, store: &Store) -> Result<Option<i64>, Error> {
    let found = replay::replay(&folder, store);
    let found = found.map_err(|error| Error::Replay(folder.clone(), error))?;
    let path = folder.join(journal::FILE_NAME);
    for loss in &found.losses {
        warn!("`{}`: {loss}", path.display());
    }
    info!("loaded {} samples of `{}`", found.samples, path.display());
    Ok(found.to_ms.or(Some(clock::now_ms())))
}

async fn expire(store: Arc<Store>, shutdown: CancellationToken) {
    while wait(EXPIRY_INTERVAL, &shutdown).await {
        store.expire(clock::now_ms());
    }
}

async fn flush(journal: Arc<Journal>, shutdown: CancellationToken) {
    while wait(FLUSH_INTERVAL, &shutdown).await {
        let journal = Arc::clone(&journal);
        // The disk may stall; a worker thread must not.
        match tokio::task::spawn_blocking(move || journal.flush()).await {
            Ok(complaint) => complaint.into_iter().for_each(|text| warn!("{text}")),
            Err(error) => {
                error!("the journal of metrics stopped: {error}");
                return;
            }
        }
    }
}

/// Whether the time passed without a shutdown.
async fn wait(interval: Duration, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(interval) => true,
    }
}
