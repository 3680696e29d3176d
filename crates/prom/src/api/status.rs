//! Targets, health and what the process says about itself.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use super::answer::{Answer, Error, labels_json, success};
use super::form::Form;
use super::time_param::rfc3339;
use crate::clock;
use crate::duration;
use crate::scrape::{Options, Status};
use promql::METRIC_NAME;

/// The version of Prometheus whose semantics and API this follows; clients choose features by it.
const FOLLOWS: &str = "3.0.0";

/// `/targets`.
pub(super) async fn targets(State(app): State<App>, form: Form) -> Answer {
    let state = form.get("state").to_lowercase();
    let pool = form.get("scrapePool");
    let shows = |kind: &str| matches!(state.as_str(), "" | "any") || state == kind;
    let mut active = Vec::new();
    let mut dropped_counts = BTreeMap::new();
    if let Some(scraper) = &app.scraper {
        for status in scraper.targets() {
            let job = status.target.labels.get("job").unwrap_or_default();
            dropped_counts.insert(job.to_owned(), 0);
            if shows("active") && (pool.is_empty() || pool == job) {
                active.push(target(&status, scraper.options()));
            }
        }
    }
    let mut data = json!({ "activeTargets": active, "droppedTargets": [] });
    if shows("dropped") {
        data["droppedTargetCounts"] = json!(dropped_counts);
    }
    success(&data)
}

fn target(status: &Status, options: &Options) -> Value {
    let health = status.health();
    let word = match (&health.last_error, health.last_scrape_ms) {
        (_, None) => "unknown",
        (None, _) => "up",
        (Some(_), _) => "down",
    };
    json!({
        "discoveredLabels": labels_json(&status.target.discovered),
        "labels": labels_json(&status.target.labels),
        "scrapePool": status.target.labels.get("job").unwrap_or_default(),
        "scrapeUrl": status.target.url(),
        "globalUrl": status.target.url(),
        "lastError": health.last_error.unwrap_or_default(),
        "lastScrape": rfc3339(health.last_scrape_ms),
        "lastScrapeDuration": health.last_duration.as_secs_f64(),
        "health": word,
        "scrapeInterval": duration::format(options.interval),
        "scrapeTimeout": duration::format(options.timeout),
    })
}

/// `/scrape_pools`.
pub(super) async fn scrape_pools(State(app): State<App>) -> Answer {
    let targets = app.scraper.iter().flat_map(|scraper| scraper.targets());
    let mut pools: Vec<String> = targets
        .filter_map(|status| status.target.labels.get("job").map(str::to_owned))
        .collect();
    pools.sort_unstable();
    pools.dedup();
    success(&json!({ "scrapePools": pools }))
}

/// `/alertmanagers`: alerts are read from here, not sent.
pub(super) async fn alertmanagers() -> Answer {
    success(&json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] }))
}

/// `/status/buildinfo`.
pub(super) async fn build() -> Answer {
    success(&json!({
        "version": format!("{FOLLOWS}+firedrill.{}", env!("CARGO_PKG_VERSION")),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

/// `/status/runtimeinfo`.
pub(super) async fn runtime(State(app): State<App>) -> Answer {
    let limits = app.store.limits();
    let size = limits.bytes >> 20;
    let retention = duration::format(limits.retention);
    success(&json!({
        "startTime": rfc3339(Some(app.started_ms)),
        "CWD": "",
        "hostname": "localhost",
        "serverTime": rfc3339(Some(clock::now_ms())),
        "reloadConfigSuccess": true,
        "lastConfigTime": rfc3339(Some(app.started_ms)),
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": std::thread::available_parallelism().map_or(1, usize::from),
        "GOMEMLIMIT": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": format!("{retention} or {size}MiB"),
    }))
}

/// `/status/flags`.
pub(super) async fn flags(State(app): State<App>) -> Answer {
    let limits = app.store.limits();
    let lookback = std::time::Duration::from_millis(app.options.lookback_ms.max(0).unsigned_abs());
    success(&json!({
        "query.lookback-delta": duration::format(lookback),
        "query.max-concurrency": app.queries.to_string(),
        "query.max-samples": app.options.max_samples.to_string(),
        "query.timeout": duration::format(app.options.timeout),
        "storage.tsdb.retention.size": format!("{}MiB", limits.bytes >> 20),
        "storage.tsdb.retention.time": duration::format(limits.retention),
        "web.enable-admin-api": "false",
        "web.enable-lifecycle": "false",
        "web.enable-remote-write-receiver": "false",
    }))
}

/// `/status/config`: what a real Prometheus would have to be told to do the same.
pub(super) async fn config(State(app): State<App>) -> Answer {
    let mut yaml = String::from("global:\n");
    let evaluation = duration::format(app.evaluation_interval);
    if let Some(scraper) = &app.scraper {
        let options = scraper.options();
        yaml.push_str(&format!(
            "  scrape_interval: {}\n",
            duration::format(options.interval)
        ));
        yaml.push_str(&format!(
            "  scrape_timeout: {}\n",
            duration::format(options.timeout)
        ));
    }
    yaml.push_str(&format!("  evaluation_interval: {evaluation}\n"));
    if !app.rule_files.is_empty() {
        yaml.push_str("rule_files:\n");
        for file in &app.rule_files {
            yaml.push_str(&format!("- {}\n", json!(file)));
        }
    }
    if let Some(scraper) = &app.scraper {
        let options = scraper.options();
        let file = json!(options.targets.display().to_string());
        yaml.push_str("scrape_configs:\n- job_name: shop\n");
        yaml.push_str(&format!("  sample_limit: {}\n", options.samples));
        yaml.push_str(&format!("  body_size_limit: {}B\n", options.body_bytes));
        yaml.push_str(&format!("  file_sd_configs:\n  - files:\n    - {file}\n"));
    }
    success(&json!({ "yaml": yaml }))
}

/// `/status/tsdb`.
pub(super) async fn tsdb(State(app): State<App>, form: Form) -> Answer {
    let limit = match form.get("limit") {
        "" => 10,
        text => match text.parse::<usize>() {
            Ok(limit @ 1..=10_000) => limit,
            Ok(limit) if limit > 10_000 => {
                return Err(Error::BadData("limit must not exceed 10000".to_owned()));
            }
            _ => return Err(Error::BadData("limit must be a positive number".to_owned())),
        },
    };
    let top = |mut counts: Vec<(String, usize)>| -> Value {
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(limit);
        let entries = counts.into_iter();
        entries
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    };
    let stats = app.store.stats();
    let names = app.store.label_cardinality();
    let mut bytes = Vec::with_capacity(names.len());
    let mut pairs = Vec::new();
    for (name, _) in &names {
        let values = app.store.value_cardinality(name);
        bytes.push((
            name.clone(),
            values.iter().map(|(value, _)| value.len()).sum(),
        ));
        pairs.extend(
            values
                .into_iter()
                .map(|(value, count)| (format!("{name}={value}"), count)),
        );
    }
    success(&json!({
        "headStats": {
            "numSeries": stats.series,
            "numLabelPairs": stats.label_pairs,
            "chunkCount": stats.chunks,
            "minTime": stats.min_ms.unwrap_or(i64::MAX),
            "maxTime": stats.max_ms.unwrap_or(i64::MIN),
        },
        "seriesCountByMetricName": top(app.store.value_cardinality(METRIC_NAME)),
        "labelValueCountByLabelName": top(names),
        "memoryInBytesByLabelName": top(bytes),
        "seriesCountByLabelValuePair": top(pairs),
    }))
}

/// `/-/healthy`.
pub(super) async fn healthy(State(app): State<App>) -> Response {
    (
        [("x-firedrill-run", app.run.clone())],
        "Prometheus Server is Healthy.\n",
    )
        .into_response()
}

/// `/-/ready`: the header names the run, so that another program on this port is not mistaken for it.
pub(super) async fn ready(State(app): State<App>) -> Response {
    (
        [("x-firedrill-run", app.run.clone())],
        "Prometheus Server is Ready.\n",
    )
        .into_response()
}
