//! The metrics of the backend's metrics half itself, in Prometheus text.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use super::App;

/// The two kinds of queries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Instant,
    Range,
}

/// What was asked, since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    answered: [AtomicU64; 2],
    failed: [AtomicU64; 2],
    micros: [AtomicU64; 2],
}

impl Counts {
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
fn family(text: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
    );
}

/// `/metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let mut text = String::with_capacity(4_096);
    store(&mut text, &app);
    queries(&mut text, &app);
    if let Some(scraper) = &app.scraper {
        let count = scraper.targets().len() as f64;
        family(
            &mut text,
            "prometheus_target_scrape_pool_targets",
            "gauge",
            "Targets scraped.",
            count,
        );
    }
    let start_s = app.started_ms as f64 / 1_000.0;
    family(
        &mut text,
        "process_start_time_seconds",
        "gauge",
        "Start of the process since the Unix epoch.",
        start_s,
    );
    process(&mut text);
    text.push_str(&(app.more_metrics.0)());
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

fn store(text: &mut String, app: &App) {
    let stats = app.store.stats();
    let counts = stats.counts;
    let gauges = [
        (
            "prometheus_tsdb_head_series",
            "Series  in memory.",
            stats.series as f64,
        ),
        (
            "prometheus_tsdb_head_chunks",
            "Chunks  in memory.",
            stats.chunks as f64,
        ),
        (
            "prometheus_tsdb_head_samples",
            "Samples  in memory.",
            stats.samples as f64,
        ),
        (
            "prometheus_tsdb_exemplar_exemplars_in_storage",
            "Exemplars  in memory.",
            stats.exemplars as f64,
        ),
        (
            "prometheus_tsdb_storage_bytes",
            "Bytes of samples, labels and index.",
            stats.bytes as f64,
        ),
    ];
    for (name, help, value) in gauges {
        family(text, name, "gauge", help, value);
    }
    let counters = [
        (
            "prometheus_tsdb_head_samples_appended_total",
            "Samples stored.",
            counts.stored,
        ),
        (
            "prometheus_tsdb_exemplar_exemplars_appended_total",
            "Exemplars stored.",
            counts.exemplars,
        ),
        (
            "prometheus_tsdb_out_of_order_samples_total",
            "Samples older than the newest of their series.",
            counts.out_of_order,
        ),
        (
            "prometheus_tsdb_conflicting_samples_total",
            "Samples with a different value at the same time.",
            counts.conflicting,
        ),
        (
            "prometheus_tsdb_head_series_created_total",
            "Series created.",
            counts.created_series,
        ),
        (
            "prometheus_tsdb_refused_series_total",
            "Series rejected because of the series limit.",
            counts.refused_series,
        ),
        (
            "prometheus_tsdb_expired_samples_total",
            "Samples dropped because of their age.",
            counts.expired,
        ),
        (
            "prometheus_tsdb_evicted_samples_total",
            "Samples dropped to stay within the memory limit.",
            counts.evicted,
        ),
    ];
    for (name, help, value) in counters {
        family(text, name, "counter", help, value as f64);
    }
}

fn queries(text: &mut String, app: &App) {
    let counts = &app.0.counts;
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let kinds = [
        ("instant", Kind::Instant as usize),
        ("range", Kind::Range as usize),
    ];
    let _ = writeln!(
        text,
        "# HELP prometheus_engine_queries_total Queries by kind and outcome."
    );
    let _ = writeln!(text, "# TYPE prometheus_engine_queries_total counter");
    for (kind, index) in kinds {
        for (outcome, counts) in [("answered", &counts.answered), ("failed", &counts.failed)] {
            let value = read(&counts[index]);
            let _ = writeln!(
                text,
                "prometheus_engine_queries_total{{kind=\"{kind}\",outcome=\"{outcome}\"}} {value}"
            );
        }
    }
    let _ = writeln!(
        text,
        "# HELP prometheus_engine_query_seconds_total Time spent on queries."
    );
    let _ = writeln!(text, "# TYPE prometheus_engine_query_seconds_total counter");
    for (kind, index) in kinds {
        let value = read(&counts.micros[index]) / 1e6;
        let _ = writeln!(
            text,
            "prometheus_engine_query_seconds_total{{kind=\"{kind}\"}} {value}"
        );
    }
}

/// Memory of the process, where the system tells it.
fn process(text: &mut String) {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return;
    };
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|rest| {
        rest.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<f64>()
            .ok()
    });
    if let Some(kib) = kib {
        family(
            text,
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory size.",
            kib * 1_024.0,
        );
    }
}
