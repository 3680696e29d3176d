//! The embedded Prometheus beside a real one that scrapes the same services and loads the same rules: both must say
//! the same. Skipped without Prometheus.
//!
//! Each scrapes once a second at moments of its own. So a value of the real one is not compared with one value of the
//! embedded one but against all that it says within [`AROUND_MS`] of that moment: what one read of a counter, the other
//! read less of before and more of after.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::exemplar::same_exemplars;
use crate::parity::Prometheus;
use crate::support::{Drill, SOON, claims, get_json, tool, until, wait_for, wanting};

/// Half a minute of scrapes without a miss, on a machine that runs three drills beside.
const WARM_WITHIN: Duration = Duration::from_secs(180);

/// How far apart the reads of one moment may be, in milliseconds: a sample may be an interval old (1 s), and its value
/// may be read until the scrape's deadline (0.9 s) after its timestamp.
const AROUND_MS: u64 = 2_000;

/// What one scrape more or less at the edge of a window of 15 s can do to a rate (1/15), and a little.
const EDGE: f64 = 0.1;

/// Moments that are compared until one agrees in everything: two scrapers read at different times, and a busy
/// machine can put a tail's few requests on one side of a window only. What differs for a reason differs at each.
const MOMENTS: u64 = 3;
const MOMENT_MS: u64 = 5_000;

/// Expressions whose values rise or stand still: between two reads of one there is no room for another value.
const EXACT: &[&str] = &[
    "up",
    "build_info",
    "runtime_workers",
    "db_client_connection_max",
    "process_start_time_seconds",
    "time() - process_start_time_seconds",
    "count(up == 1)",
    "count by (service) (up)",
    "group by (job, service) (up)",
    "min_over_time(up[15s])",
    "changes(process_start_time_seconds[15s])",
    "resets(http_server_request_duration_seconds_count{service=\"gateway\"}[15s])",
    "label_replace(up, \"slot\", \"$1\", \"instance\", \".+-(.+)\")",
    "label_join(up, \"who\", \"/\", \"job\", \"service\")",
    "count_values(\"workers\", runtime_workers)",
    "count by (__name__) ({job=\"shop\", __name__=~\"runtime_.+|allocator_.+\"})",
    "count by (__name__) ({__name__=~\".+_bucket\", service=\"inventory\"})",
    "sum(http_server_request_duration_seconds_count)",
    "sum by (service) (http_server_request_duration_seconds_count)",
    "http_server_request_duration_seconds_count{service=\"gateway\"}",
    "http_server_request_duration_seconds_bucket{service=\"gateway\", http_route=\"/v1/products/{sku}\", le=~\"0.00.+|[+]Inf\"}",
    "orders_total",
    "topk(1, sum by (service) (http_server_request_duration_seconds_count))",
    "sort_desc(sum by (instance) (http_server_request_duration_seconds_count))",
    "scalar(sum(http_server_request_duration_seconds_count{service=\"gateway\"})) / 2",
    "sum by (service) (otel_spans_exported_total) and on (service) up",
    "sum(orders_total) unless sum(nothing_of_the_kind)",
    "absent(http_server_request_duration_seconds_count{service=\"nobody\"})",
    "count(http_server_request_duration_seconds_count{http_response_status_code=~\"5..\"}) or vector(0)",
];

/// Expressions over a window, or over what goes up and down: [`EDGE`] more.
const WINDOWED: &[&str] = &[
    "sum(rate(http_server_request_duration_seconds_count[15s]))",
    "sum by (service) (rate(http_server_request_duration_seconds_count[15s]))",
    "sum by (http_route) (rate(http_server_request_duration_seconds_count{service=\"gateway\"}[15s]))",
    "sum by (service) (increase(http_server_request_duration_seconds_count[15s]))",
    "sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[10s] offset 5s))",
    "max_over_time(sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[10s]))[5s:1s])",
    "delta(http_server_request_duration_seconds_count{service=\"gateway\", http_route=\"/v1/products/{sku}\", http_response_status_code=\"200\"}[15s])",
    "sum by (service) (deriv(http_server_request_duration_seconds_count[15s]))",
    "sum without (instance, le, http_route, http_request_method, http_response_status_code) (rate(http_server_request_duration_seconds_bucket{le=\"+Inf\"}[15s]))",
    "sum by (service, version) (rate(http_server_request_duration_seconds_count[15s]) * on (instance) group_left (version) build_info)",
    "histogram_quantile(0.5, sum by (le) (rate(http_server_request_duration_seconds_bucket{service=\"gateway\"}[15s])))",
    "histogram_quantile(0.9, sum by (le, service) (rate(http_server_request_duration_seconds_bucket[15s])))",
    "histogram_quantile(0.99, sum by (le, service) (rate(http_server_request_duration_seconds_bucket[15s])))",
    "sum by (service) (rate(http_server_request_duration_seconds_sum[15s])) / sum by (service) (rate(http_server_request_duration_seconds_count[15s]))",
    "sum(rate(http_server_request_duration_seconds_bucket{service=\"gateway\", le=\"0.25\"}[15s])) / sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[15s]))",
    "sum(rate(cache_requests_total{result=\"hit\"}[15s])) / sum(rate(cache_requests_total[15s]))",
    "sum by (service, result) (rate(cache_requests_total[15s])) / ignoring (result) group_left () sum by (service) (rate(cache_requests_total[15s]))",
    "count_over_time(up[15s])",
    "quantile(0.5, process_resident_memory_bytes)",
    "avg by (service) (process_resident_memory_bytes)",
    "quantile_over_time(0.5, process_resident_memory_bytes[15s])",
];

/// Lists that hold the same entries on both sides, once both have scraped every target.
const LISTS: &[&str] = &[
    "label/__name__/values",
    "label/service/values",
    "label/instance/values",
    "label/http_route/values",
    "label/db_query_summary/values",
    "labels",
];

pub(crate) fn trials() -> Vec<Trial> {
    let whole = claims![a_real_one_beside_the_embedded_one_says_the_same];
    let rules = claims![promtool_accepts_the_rules];
    let [has_prometheus, has_promtool] =
        ["prometheus", "promtool"].map(|program| tool(program).is_some());
    let mut trials = wanting(has_prometheus, whole);
    trials.extend(wanting(has_promtool, rules));
    trials
}

fn a_real_one_beside_the_embedded_one_says_the_same() {
    let drill = Drill::start(&["up", "--seed", "41"]);
    let real = real(&drill.folder().join("targets.json"));
    let pair = Pair {
        embedded: drill.url("prometheus"),
        real: &real.url,
    };
    let at_ms = wait_for("half a minute without a missed scrape", WARM_WITHIN, || {
        // What was scraped up to a second ago is stored by now.
        let at_ms = now_ms() - AROUND_MS - 1_000;
        pair.is_warm(at_ms).then_some(at_ms)
    });
    let mut differences = Vec::new();
    for moment in 0..MOMENTS {
        let at_ms = at_ms + moment * MOMENT_MS;
        until("the next moment", SOON, || {
            now_ms() > at_ms + AROUND_MS + 1_000
        });
        differences = pair.differences(at_ms);
        if differences.is_empty() {
            break;
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // The comparison itself can fail: a fifth more, an instance less and another label are seen.
    let (rate, others) = (WINDOWED[1], "up{instance!=\"inventory-2\"}");
    for (embedded, real) in [
        (rate, &*format!("1.25 * {rate}")),
        ("up", others),
        (others, "up"),
        ("up", "label_replace(up, \"job\", \"x\", \"\", \"\")"),
    ] {
        let seen = pair.compare(embedded, real, at_ms, EDGE);
        assert!(seen.is_err(), "no difference of `{embedded}` and `{real}`");
    }
    for list in LISTS {
        pair.agree(list, |url| entries(url, list));
    }
    pair.agree("metadata", |url| {
        Some(get_json(&format!("{url}/api/v1/metadata"))["data"].clone())
    });
    same_exemplars(pair.embedded, pair.real, at_ms);
    let rules = pair.agree("rules", rules);
    assert!(
        rules.as_array().is_some_and(|rules| rules.len() >= 6),
        "{rules}"
    );
}

fn promtool_accepts_the_rules() {
    let output = Command::new(tool("promtool").expect("it was looked for before"))
        .args(["check", "rules"])
        .arg(rule_file())
        .output()
        .expect("promtool runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("SUCCESS"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn rule_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/prometheus/rules/shop.yml")
}

/// A real one that scrapes what the embedded one scrapes, and loads the same rules.
fn real(targets: &Path) -> Prometheus {
    let config = json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
        "rule_files": [rule_file()],
        "scrape_configs": [{
            "job_name": "shop",
            "file_sd_configs": [{"files": [targets], "refresh_interval": "1s"}],
        }],
    });
    let real = Prometheus::start(&config, &["--enable-feature=exemplar-storage"]);
    let config = get_json(&format!("{}/api/v1/status/config", real.url));
    let text = config["data"]["yaml"].as_str().unwrap_or_default();
    assert!(
        text.contains(&*targets.to_string_lossy()),
        "not ours: {text}"
    );
    real
}

/// The two that are compared, by URL.
struct Pair<'a> {
    embedded: &'a str,
    real: &'a str,
}

impl Pair<'_> {
    /// Whether both scraped all four targets through the longest window and around `at_ms`.
    fn is_warm(&self, at_ms: u64) -> bool {
        let whole = "count(count_over_time(up[25s]) >= 24 and min_over_time(up[25s]) == 1)";
        [self.embedded, self.real].iter().all(|url| {
            let found = readings(url, "query", whole, &format!("time={}", seconds(at_ms)));
            found.values().flatten().eq([&4.0])
        })
    }

    /// What the two disagree about at a moment, over all expressions.
    fn differences(&self, at_ms: u64) -> Vec<String> {
        let exact = EXACT
            .iter()
            .map(|expr| self.compare(expr, expr, at_ms, 0.0));
        let windowed = WINDOWED
            .iter()
            .map(|expr| self.compare(expr, expr, at_ms, EDGE));
        exact.chain(windowed).filter_map(Result::err).collect()
    }

    /// Whether the real one's answer at `at_ms` lies within the embedded one's answers around it, and says how not.
    fn compare(&self, embedded: &str, real: &str, at_ms: u64, edge: f64) -> Result<(), String> {
        let now = readings(
            self.real,
            "query",
            real,
            &format!("time={}", seconds(at_ms)),
        );
        let (from_ms, to_ms, step_ms) = (at_ms - AROUND_MS, at_ms + AROUND_MS, 250);
        let steps = (to_ms - from_ms) / step_ms + 1;
        let period = format!(
            "start={}&end={}&step={}",
            seconds(from_ms),
            seconds(to_ms),
            seconds(step_ms)
        );
        let around = readings(self.embedded, "query_range", embedded, &period);
        if now.is_empty() {
            return Err(format!("{real}: no answer from the real one"));
        }
        for (labels, values) in &now {
            let Some(band) = around.get(labels) else {
                return Err(format!("{real}: {labels:?} is not in the embedded one"));
            };
            if !lies_within(values[0], band, edge) {
                return Err(format!(
                    "{real}: {labels:?}: {values:?} is not within {band:?}"
                ));
            }
        }
        // What came or went meanwhile may be on one side only.
        let lasting = around.iter().filter(|(_, band)| band.len() as u64 == steps);
        match lasting
            .map(|(labels, _)| labels)
            .find(|labels| !now.contains_key(*labels))
        {
            Some(labels) => Err(format!("{real}: {labels:?} is not in the real one")),
            None => Ok(()),
        }
    }

    /// Waits until both give the same, and gives it; panics with the difference.
    fn agree(&self, what: &str, of: impl Fn(&str) -> Option<Value>) -> Value {
        let deadline = Instant::now() + SOON;
        let (embedded, real) = wait_for(what, SOON * 2, || {
            let both = (of(self.embedded)?, of(self.real)?);
            (both.0 == both.1 || Instant::now() > deadline).then_some(both)
        });
        assert_eq!(
            embedded, real,
            "{what} of the embedded one and of the real one"
        );
        embedded
    }
}

fn lies_within(value: f64, band: &[f64], edge: f64) -> bool {
    if value.is_nan() {
        return band.iter().any(|value| value.is_nan());
    }
    let least = band.iter().copied().fold(f64::INFINITY, f64::min);
    let most = band.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Sums are not added up in the same order.
    let room = (edge + 1e-12) * least.abs().max(most.abs());
    (least - room..=most + room).contains(&value)
}

/// The values of an answer by their labels.
pub(crate) type Readings = BTreeMap<BTreeMap<String, String>, Vec<f64>>;

pub(crate) fn readings(url: &str, path: &str, expr: &str, time: &str) -> Readings {
    let mut query = String::new();
    for byte in expr.bytes() {
        write!(query, "%{byte:02X}").expect("a text takes everything");
    }
    let answer = get_json(&format!("{url}/api/v1/{path}?{time}&query={query}"));
    assert_eq!(answer["status"], "success", "{expr}: {answer}");
    let data = &answer["data"];
    if data["resultType"] == "scalar" {
        return [(BTreeMap::new(), vec![number(&data["result"])])].into();
    }
    let series = data["result"].as_array().expect("a list of series").iter();
    let read = series.map(|series| {
        let labels = serde_json::from_value(series["metric"].clone()).expect("labels");
        let values = match series["values"].as_array() {
            Some(values) => values.iter().map(number).collect(),
            None => vec![number(&series["value"])],
        };
        (labels, values)
    });
    read.collect()
}

/// The value of `[time, "value"]`.
fn number(sample: &Value) -> f64 {
    let text = sample[1].as_str().expect("a value");
    text.parse().expect("a number")
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970").as_millis() as u64
}

fn seconds(time_ms: u64) -> String {
    format!("{}.{:03}", time_ms / 1_000, time_ms % 1_000)
}

/// What a list holds. Neither has metrics of its own among the shop's; the series of alerts come and go with them.
fn entries(url: &str, list: &str) -> Option<Value> {
    let answer = get_json(&format!("{url}/api/v1/{list}"));
    let entries = answer["data"].as_array().expect("a list").iter();
    let lasting = entries.filter(|entry| {
        let name = entry.as_str().unwrap_or_default();
        ![
            "ALERTS",
            "ALERTS_FOR_STATE",
            "alertname",
            "alertstate",
            "severity",
        ]
        .contains(&name)
    });
    Some(lasting.cloned().collect())
}

/// What the rules say, in order, once all have been evaluated.
fn rules(url: &str) -> Option<Value> {
    let answer = get_json(&format!("{url}/api/v1/rules"));
    let mut found = Vec::new();
    for group in answer["data"]["groups"].as_array().expect("groups") {
        for rule in group["rules"].as_array().expect("rules") {
            if rule["health"] == "unknown" {
                return None;
            }
            assert_eq!(rule["health"], "ok", "{url}: {rule}");
            let (name, kind) = (&rule["name"], &rule["type"]);
            let times = [&group["interval"], &rule["duration"]].map(|time| time.as_f64());
            let texts = [&rule["labels"], &rule["annotations"]];
            found.push(json!([group["name"], name, kind, times, texts]));
        }
    }
    Some(found.into())
}
