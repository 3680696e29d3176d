//! Prometheus's HTTP API over the store, with the shapes and texts that its clients expect.
//!
//! ```text
//! request -> form (query string, body) -> handler -> {"status":"success","data":…} | {"status":"error",…}
//! ```
//!
//! Queries run on blocking threads, a bounded number at a time.

mod answer;
mod exemplar;
mod federate;
mod form;
mod own;
mod query;
mod rules;
mod selector;
mod series;
mod status;
#[cfg(test)]
mod tests;
mod time_param;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::sync::Semaphore;

use super::clock;
use super::rules::Rules;
use super::scrape::Scraper;
use super::store::Store;

/// What the API answers from.
#[derive(Debug)]
pub struct Sources {
    /// The samples.
    pub store: Arc<Store>,
    /// The rules and their alerts.
    pub rules: Arc<Rules>,
    /// The targets; none when the samples were loaded from a journal.
    pub scraper: Option<Arc<Scraper>>,
    /// Bounds of a query.
    pub options: promql::Options,
    /// Queries evaluated at the same time.
    pub queries: usize,
    /// Id of the run.
    pub run: String,
    /// When the process started, Unix milliseconds.
    pub started_ms: i64,
    /// Paths of the rule files, for the configuration that the API shows.
    pub rule_files: Vec<String>,
    /// How often rule groups without an interval of their own are evaluated.
    pub evaluation_interval: Duration,
    /// What stands for the present in queries that name no time: the end of a replayed run, Unix milliseconds.
    pub fixed_now_ms: Option<i64>,
    /// What is added to `/metrics`.
    pub more_metrics: MoreMetrics,
}

impl Sources {
    fn now_ms(&self) -> i64 {
        self.fixed_now_ms.unwrap_or_else(clock::now_ms)
    }
}

/// Text for `/metrics` from another part of the process.
pub struct MoreMetrics(pub Box<dyn Fn() -> String + Send + Sync>);

impl std::fmt::Debug for MoreMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MoreMetrics")
    }
}

/// What every handler gets.
#[derive(Debug, Clone)]
struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Sources,
    turns: Arc<Semaphore>,
    counts: own::Queries,
}

impl std::ops::Deref for App {
    type Target = Sources;
    fn deref(&self) -> &Sources {
        &self.0.sources
    }
}

/// The API, its health endpoints and its own metrics.
pub fn router(sources: Sources) -> Router {
    let turns = Arc::new(Semaphore::new(sources.queries.max(1)));
    let app = App(Arc::new(Inner {
        turns,
        counts: own::Queries::default(),
        sources,
    }));
    let v1 = Router::new()
        .route("/query", get(query::instant).post(query::instant))
        .route("/query_range", get(query::range).post(query::range))
        .route(
            "/query_exemplars",
            get(exemplar::query).post(exemplar::query),
        )
        .route("/format_query", get(query::format).post(query::format))
        .route("/parse_query", get(tree::parse).post(tree::parse))
        .route("/features", get(status::features))
        .route(
            "/labels",
            get(series::label_names).post(series::label_names),
        )
        .route("/label/{name}/values", get(series::label_values))
        .route("/series", get(series::series).post(series::series))
        .route("/metadata", get(series::metadata))
        .route("/rules", get(rules::rules))
        .route("/alerts", get(rules::alerts))
        .route("/targets", get(status::targets))
        .route("/targets/metadata", get(status::target_metadata))
        .route("/scrape_pools", get(status::scrape_pools))
        .route("/alertmanagers", get(status::alertmanagers))
        .route("/status/buildinfo", get(status::build))
        .route("/status/config", get(status::config))
        .route("/status/flags", get(status::flags))
        .route("/status/runtimeinfo", get(status::runtime))
        .route("/status/tsdb", get(status::tsdb));
    Router::new()
        .nest("/api/v1", v1)
        .route("/-/healthy", get(status::healthy).head(status::healthy))
        .route("/-/ready", get(status::ready).head(status::ready))
        .route("/metrics", get(own::metrics))
        .route("/federate", get(federate::federate))
        .fallback(status::unknown)
        .with_state(app)
}
