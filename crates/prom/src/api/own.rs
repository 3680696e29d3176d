//! The metrics of the backend's metrics half itself, in Prometheus text.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use super::App;
use crate::store::{Counts, Stats};

/// The two kinds of queries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Instant,
    Range,
}

/// What was asked, since the start.
#[derive(Debug, Default)]
pub(super) struct Queries {
    answered: [AtomicU64; 2],
    failed: [AtomicU64; 2],
    micros: [AtomicU64; 2],
}

impl Queries {
    pub(super) fn query(&self, kind: Kind, took: Duration, is_answered: bool) {
        let counts = if is_answered {
            &self.answered
        } else {
            &self.failed
        };
        counts[kind as usize].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros[kind as usize].fetch_add(micros, Ordering::Relaxed);
    }
}

/// One family without labels.
fn gauge(name: &str, help: &str, value: f64) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n")
}

/// `/metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let mut text = store(&app) + &queries(&app.0.counts);
    if let Some(scraper) = &app.scraper {
        let (name, count) = (
            "prometheus_target_scrape_pool_targets",
            scraper.targets().len(),
        );
        text += &gauge(name, "Targets scraped.", count as f64);
    }
    if let Some(kib) = resident_kib() {
        let name = "process_resident_memory_bytes";
        text += &gauge(name, "Resident memory size.", kib * 1_024.0);
    }
    text += &(app.more_metrics.0)();
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// What the store has at present, and what happened to samples since the start.
fn store(app: &App) -> String {
    let stats = app.store.stats();
    let Stats {
        series,
        chunks,
        samples,
        exemplars,
        bytes,
        ..
    } = stats;
    let Counts {
        stored,
        exemplars: kept,
        out_of_order,
        conflicting,
        created_series,
        refused_series,
        expired,
        evicted,
    } = stats.counts;
    let start_s = app.started_ms as f64 / 1_000.0;
    format!(
        "\
# HELP prometheus_tsdb_head_series Series in memory.
# TYPE prometheus_tsdb_head_series gauge
prometheus_tsdb_head_series {series}
# HELP prometheus_tsdb_head_chunks Chunks in memory.
# TYPE prometheus_tsdb_head_chunks gauge
prometheus_tsdb_head_chunks {chunks}
# HELP prometheus_tsdb_head_samples Samples in memory.
# TYPE prometheus_tsdb_head_samples gauge
prometheus_tsdb_head_samples {samples}
# HELP prometheus_tsdb_exemplar_exemplars_in_storage Exemplars in memory.
# TYPE prometheus_tsdb_exemplar_exemplars_in_storage gauge
prometheus_tsdb_exemplar_exemplars_in_storage {exemplars}
# HELP prometheus_tsdb_storage_bytes Bytes of samples, labels and index.
# TYPE prometheus_tsdb_storage_bytes gauge
prometheus_tsdb_storage_bytes {bytes}
# HELP process_start_time_seconds Start of the process since the Unix epoch.
# TYPE process_start_time_seconds gauge
process_start_time_seconds {start_s}
# HELP prometheus_tsdb_head_samples_appended_total Samples stored.
# TYPE prometheus_tsdb_head_samples_appended_total counter
prometheus_tsdb_head_samples_appended_total {stored}
# HELP prometheus_tsdb_exemplar_exemplars_appended_total Exemplars stored.
# TYPE prometheus_tsdb_exemplar_exemplars_appended_total counter
prometheus_tsdb_exemplar_exemplars_appended_total {kept}
# HELP prometheus_tsdb_out_of_order_samples_total Samples older than the newest of their series.
# TYPE prometheus_tsdb_out_of_order_samples_total counter
prometheus_tsdb_out_of_order_samples_total {out_of_order}
# HELP prometheus_tsdb_conflicting_samples_total Samples with a different value at the same time.
# TYPE prometheus_tsdb_conflicting_samples_total counter
prometheus_tsdb_conflicting_samples_total {conflicting}
# HELP prometheus_tsdb_head_series_created_total Series created.
# TYPE prometheus_tsdb_head_series_created_total counter
prometheus_tsdb_head_series_created_total {created_series}
# HELP prometheus_tsdb_refused_series_total Series rejected because of the series limit.
# TYPE prometheus_tsdb_refused_series_total counter
prometheus_tsdb_refused_series_total {refused_series}
# HELP prometheus_tsdb_expired_samples_total Samples dropped because of their age.
# TYPE prometheus_tsdb_expired_samples_total counter
prometheus_tsdb_expired_samples_total {expired}
# HELP prometheus_tsdb_evicted_samples_total Samples dropped to stay within the memory limit.
# TYPE prometheus_tsdb_evicted_samples_total counter
prometheus_tsdb_evicted_samples_total {evicted}
"
    )
}

fn queries(counts: &Queries) -> String {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let [instant, range] = &counts.answered;
    let [instant_failed, range_failed] = &counts.failed;
    let seconds = |micros: &AtomicU64| read(micros) as f64 / 1e6;
    let total = "prometheus_engine_queries_total";
    let took = "prometheus_engine_query_seconds_total";
    format!(
        "\
# HELP {total} Queries by kind and outcome.
# TYPE {total} counter
{total}{{kind=\"instant\",outcome=\"answered\"}} {}
{total}{{kind=\"instant\",outcome=\"failed\"}} {}
{total}{{kind=\"range\",outcome=\"answered\"}} {}
{total}{{kind=\"range\",outcome=\"failed\"}} {}
# HELP {took} Time spent on queries.
# TYPE {took} counter
{took}{{kind=\"instant\"}} {}
{took}{{kind=\"range\"}} {}
",
        read(instant),
        read(instant_failed),
        read(range),
        read(range_failed),
        seconds(&counts.micros[0]),
        seconds(&counts.micros[1]),
    )
}

/// Resident memory of the process, where the system tells it.
fn resident_kib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.trim().trim_end_matches(" kB").parse().ok()
}
