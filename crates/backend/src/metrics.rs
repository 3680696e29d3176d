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
pub mod exposition;
pub mod journal;
mod number;
pub mod page;
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

use crate::config::{Config, Link};
use crate::host::{self, HostCheck};
use crate::{note, promql};
use api::MoreMetrics;
use journal::Journal;
use rules::{Problem, Rules};
use scrape::Scraper;
use store::Store;

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

/// The metrics half of the backend.
#[derive(Debug)]
pub struct Metrics {
    store: Arc<Store>,
    rules: Arc<Rules>,
    scraper: Option<Arc<Scraper>>,
    journal: Option<Arc<Journal>>,
    options: promql::Options,
    run: String,
    queries: usize,
    rule_files: Vec<String>,
    evaluation_interval: Duration,
    started_ms: i64,
    /// The newest sample of a replayed run.
    end_ms: Option<i64>,
}

impl Metrics {
    /// Prepares everything; nothing runs until [`Metrics::spawn`].
    pub fn open(config: &Config) -> Result<Metrics, Error> {
        let limits = &config.limits;
        let is_replay = config.replay.is_some();
        let earlier = match &config.journal {
            Some(folder) if config.resume && !is_replay => set_aside(folder)?,
            _ => None,
        };
        let journal = match &config.journal {
            Some(folder) if !is_replay => {
                let journal = Journal::create(folder, limits.metrics_journal_bytes);
                let journal = journal.map_err(|error| Error::Journal(folder.clone(), error))?;
                Some(Arc::new(journal))
            }
            _ => None,
        };
        let store = Arc::new(store(config, journal.clone()));
        let end_ms = match &config.replay {
            Some(folder) => replay(folder.clone(), &store)?,
            None => None,
        };
        if let Some(folder) = earlier {
            // What is loaded is written to the new journal as well, so that one file has it all.
            replay(folder.clone(), &store)?;
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                note::warn(&format!("`{}` stays: {error}", folder.display()));
            }
        }
        let options = promql::Options {
            max_samples: limits.query_samples,
            timeout: Duration::from_millis(limits.query_timeout_ms),
            ..promql::Options::default()
        };
        let evaluation_interval = Duration::from_millis(limits.evaluation_interval_ms.max(1));
        let rules = Rules::load(
            &config.rules,
            Arc::clone(&store),
            evaluation_interval,
            options.clone(),
        );
        let targets = config.targets.clone().filter(|_| !is_replay);
        let interval = Duration::from_millis(limits.scrape_interval_ms.max(1));
        let scraper = targets.map(|targets| {
            let options = scrape::Options {
                targets,
                interval,
                timeout: Duration::from_millis(limits.scrape_timeout_ms.max(1)).min(interval),
                body_bytes: limits.scrape_body_bytes,
                samples: limits.scrape_samples,
            };
            Arc::new(Scraper::new(Arc::clone(&store), options))
        });
        let rule_files = config.rules.iter().map(|path| path.display().to_string());
        Ok(Metrics {
            rules: Arc::new(rules.map_err(Error::Rules)?),
            scraper,
            journal,
            options,
            run: config.run.clone(),
            queries: limits.queries,
            rule_files: rule_files.collect(),
            evaluation_interval,
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
    pub fn router(
        &self,
        links: &[Link],
        traces: &str,
        more: MoreMetrics,
        check: HostCheck,
    ) -> Router {
        let api = api::router(api::Sources {
            store: Arc::clone(&self.store),
            rules: Arc::clone(&self.rules),
            scraper: self.scraper.clone(),
            options: self.options.clone(),
            queries: self.queries,
            run: self.run.clone(),
            started_ms: self.started_ms,
            rule_files: self.rule_files.clone(),
            evaluation_interval: self.evaluation_interval,
            fixed_now_ms: self.end_ms,
            more_metrics: more,
        });
        let pages = page::router(links, traces, &self.run, self.end_ms);
        host::guard(api.merge(pages), check)
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

    /// Writes out what the journal still holds. Blocks for the disk.
    pub fn flush(&self) {
        let complaint = self.journal.as_ref().and_then(|journal| journal.flush());
        complaint.into_iter().for_each(|text| note::warn(&text));
    }
}

fn store(config: &Config, journal: Option<Arc<Journal>>) -> Store {
    let limits = store::Limits {
        // What is replayed is old, and it is all there is.
        retention: match config.replay {
            Some(_) => Duration::MAX,
            None => Duration::from_secs(config.limits.metrics_retention_s),
        },
        bytes: config.limits.metrics_bytes,
        series: config.limits.metrics_series,
        exemplars: config.limits.exemplars,
        exemplars_per_series: config.limits.exemplars_per_series,
    };
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
    let found = journal::replay(&folder, store);
    let found = found.map_err(|error| Error::Replay(folder.clone(), error))?;
    let path = folder.join(journal::FILE_NAME);
    for loss in &found.losses {
        note::warn(&format!("`{}`: {loss}", path.display()));
    }
    note::info(&format!(
        "loaded {} samples of `{}`",
        found.samples,
        path.display()
    ));
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
            Ok(complaint) => complaint.into_iter().for_each(|text| note::warn(&text)),
            Err(error) => return note::error(&format!("the journal of metrics stopped: {error}")),
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
