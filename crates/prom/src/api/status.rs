//! Targets, health and what the process says about itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::IntoResponse;
use http::Uri;
use serde_json::{Value, json};

use super::App;
use super::answer::{Answer, Error, Pairs, success};
use super::form::Form;
use super::time_param::rfc3339;
use crate::scrape::{Options, Status};
use crate::{clock, duration};
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
        "discoveredLabels": Pairs(&status.target.discovered),
        "labels": Pairs(&status.target.labels),
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

/// `/targets/metadata`: what each target says of its metrics.
pub(super) async fn target_metadata(State(app): State<App>, form: Form) -> Answer {
    let limit = match form.get("limit") {
        "" => usize::MAX,
        text => match text.parse::<i64>() {
            // A negative number means no limit.
            Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            Err(_) => return Err(Error::BadData("limit must be a number".to_owned())),
        },
    };
    let matchers = match form.get("match_target") {
        "" => Vec::new(),
        text => promql::selector(text).map_err(|error| Error::parameter("match_target", error))?,
    };
    let metric = Some(form.get("metric")).filter(|metric| !metric.is_empty());
    let mut found = Vec::new();
    for status in app.scraper.iter().flat_map(|scraper| scraper.targets()) {
        let labels = &status.target.labels;
        let value = |name: &str| labels.get(name).unwrap_or_default();
        if !matchers
            .iter()
            .all(|matcher| matcher.is_match(value(&matcher.name)))
        {
            continue;
        }
        for (family, metadata) in status.metadata() {
            let mut entry = json!({"target": Pairs(labels), "type": metadata.kind, "help": metadata.help, "unit": metadata.unit});
            match metric {
                Some(metric) if metric != &*family => continue,
                Some(_) => {}
                None => entry["metric"] = json!(&*family),
            }
            found.push(entry);
        }
    }
    found.truncate(limit);
    success(&found)
}

/// `/features`: by which clients decide what to ask.
pub(super) async fn features() -> Answer {
    success(&json!({
        "api": {
            "exclude_alerts": true, "label_values_match": true, "query_stats": false, "query_warnings": true,
            "time_range_labels": true, "time_range_series": true,
        },
        "prometheus": {"agent_mode": false, "auto_reload_config": false, "server_mode": true},
        "promql": {
            "at_modifier": true, "experimental_functions": false, "negative_offset": true,
            "per_query_lookback_delta": true, "subqueries": true,
        },
        "tsdb": {"exemplar_storage": true, "native_histograms": false},
    }))
}

/// What is asked at any other path.
pub(super) async fn unknown(uri: Uri) -> Error {
    Error::NotFound(format!(
        "there is no `{}` here; the API is at /api/v1, the page at /graph",
        uri.path()
    ))
}

/// `/scrape_pools`.
pub(super) async fn scrape_pools(State(app): State<App>) -> Answer {
    let targets = app.scraper.iter().flat_map(|scraper| scraper.targets());
    let pools: BTreeSet<String> = targets
        .filter_map(|status| status.target.labels.get("job").map(str::to_owned))
        .collect();
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

/// `/status/runtimeinfo`: what only a Go program has is empty or 0.
pub(super) async fn runtime(State(app): State<App>) -> Answer {
    let limits = app.store.limits();
    let retention = duration::format(limits.retention);
    let started = rfc3339(Some(app.started_ms));
    success(&json!({
        "startTime": started,
        "CWD": "",
        "hostname": "localhost",
        "serverTime": rfc3339(Some(clock::now_ms())),
        "reloadConfigSuccess": true,
        "lastConfigTime": started,
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": std::thread::available_parallelism().map_or(1, usize::from),
        "GOMEMLIMIT": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": format!("{retention} or {}MiB", limits.bytes >> 20),
    }))
}

/// `/status/tsdb`: the size of the store, and which metrics and labels have the most series, values and bytes.
pub(super) async fn tsdb(State(app): State<App>, form: Form) -> Answer {
    let refusal = |text: &str| Err(Error::BadData(text.to_owned()));
    let limit = match form.get("limit") {
        "" => 10,
        text => text.parse::<usize>().unwrap_or(0),
    };
    match limit {
        0 => return refusal("limit must be a positive number"),
        10_001.. => return refusal("limit must not exceed 10000"),
        _ => {}
    }
    let [mut metrics, mut values, mut bytes, mut pairs] = <[BTreeMap<_, _>; 4]>::default();
    for (name, value, series) in app.store.label_pairs() {
        if &*name == METRIC_NAME {
            metrics.insert(value.to_string(), series);
        }
        *values.entry(name.to_string()).or_default() += 1;
        *bytes.entry(name.to_string()).or_default() += value.len() * series;
        pairs.insert(format!("{name}={value}"), series);
    }
    let top = |counts: BTreeMap<String, usize>| -> Value {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        let shown = counts.into_iter().take(limit);
        shown
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    };
    let stats = app.store.stats();
    success(&json!({
        "headStats": {
            "numSeries": stats.series,
            "numLabelPairs": stats.label_pairs,
            "chunkCount": stats.chunks,
            "minTime": stats.min_ms.unwrap_or(i64::MAX),
            "maxTime": stats.max_ms.unwrap_or(i64::MIN),
        },
        "seriesCountByMetricName": top(metrics),
        "labelValueCountByLabelName": top(values),
        "memoryInBytesByLabelName": top(bytes),
        "seriesCountByLabelValuePair": top(pairs),
    }))
}

/// `/status/config`: what a real Prometheus would have to be told to do the same.
pub(super) async fn config(State(app): State<App>) -> Answer {
    let mut yaml = String::from("global:\n");
    let mut line = |text: String| yaml.push_str(&(text + "\n"));
    let options = app.scraper.as_ref().map(|scraper| scraper.options());
    let write = duration::format;
    if let Some(options) = options {
        line(format!("  scrape_interval: {}", write(options.interval)));
        line(format!("  scrape_timeout: {}", write(options.timeout)));
    }
    let evaluation = write(app.evaluation_interval);
    line(format!("  evaluation_interval: {evaluation}"));
    if !app.rule_files.is_empty() {
        line("rule_files:".to_owned());
    }
    for file in &app.rule_files {
        line(format!("- {}", json!(file)));
    }
    if let Some(options) = options {
        let file = json!(options.targets.display().to_string());
        line("scrape_configs:\n- job_name: shop".to_owned());
        line(format!("  sample_limit: {}", options.samples));
        line(format!("  body_size_limit: {}B", options.body_bytes));
        line(format!("  file_sd_configs:\n  - files:\n    - {file}"));
    }
    success(&json!({ "yaml": yaml }))
}

/// `/-/healthy`.
pub(super) async fn healthy(State(app): State<App>) -> impl IntoResponse {
    named(&app, "Prometheus Server is Healthy.\n")
}

/// `/-/ready`.
pub(super) async fn ready(State(app): State<App>) -> impl IntoResponse {
    named(&app, "Prometheus Server is Ready.\n")
}

/// The header names the run, so that another program on this port is not mistaken for it.
fn named(app: &App, text: &'static str) -> impl IntoResponse + use<> {
    ([("x-firedrill-run", app.run.clone())], text)
}
