//! From a bucket of a histogram to the trace of a request in it: in a running drill, in the record of one that ended, and
//! the same in a real Prometheus.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{Drill, Opened, SOON, claims, get, get_json, until, wait_for};

/// What the gateway took for orders, and what an order calls and reads.
const HISTOGRAMS: [&str; 3] = [
    "http_server_request_duration_seconds_bucket{service=\"gateway\", http_route=\"/v1/orders\"}",
    "http_client_request_duration_seconds_bucket{service=\"checkout\"}",
    "db_client_operation_duration_seconds_bucket{service=\"inventory\"}",
];

/// Expressions whose exemplars a real Prometheus must have as well: a selector, and two within a calculation.
const COMPARED: [&str; 2] = [
    "http_server_request_duration_seconds_bucket{service=\"gateway\"}",
    "sum by (le) (rate(db_client_operation_duration_seconds_bucket[1m])) / on () group_left () sum(rate(http_client_request_duration_seconds_bucket{le=\"+Inf\"}[1m] offset 1m))",
];

/// Every exemplar stays in its bucket for longer than this, so that a scrape once per second has it by then.
const SEEN_WITHIN_MS: u64 = 4_000;

pub(crate) fn trials() -> Vec<Trial> {
    claims![a_bucket_leads_to_the_trace_of_a_request_in_it,]
}

fn a_bucket_leads_to_the_trace_of_a_request_in_it() {
    let drill = Drill::start(&["up", "--seed", "43"]);
    let mut traces = Vec::new();
    for histogram in HISTOGRAMS {
        let (series, exemplar) = wait_for(histogram, SOON, || {
            let found = drill.json(&["query", "--exemplars", histogram]);
            let series = found.as_array()?.last()?.clone();
            let exemplar = series["exemplars"].as_array()?.last()?.clone();
            Some((series["seriesLabels"].clone(), exemplar))
        });
        let trace = exemplar["labels"]["trace_id"].as_str().expect("a trace id");
        let span = wait_for("the span of an exemplar", SOON, || {
            span_of(&drill, trace, exemplar["labels"]["span_id"].as_str()?)
        });
        is_what_was_measured(&series, &exemplar, &span);
        traces.push(trace.to_owned());
    }
    let table = drill.ok(&["query", "--exemplars", HISTOGRAMS[0], "--limit", "1"]);
    assert!(
        table.starts_with("TIME (UTC)") && table.lines().count() == 2,
        "{table}"
    );
    drill.refuses(&["query", "--exemplars", "sum("], &[]);
    // What is flushed once a second is in the journal by the time of an orderly end.
    let (_, folder, state) = drill.interrupt();
    let run = folder.file_name().and_then(|name| name.to_str());
    let opened = Opened::start(state.path(), run.expect("an id is text"));
    let prometheus = opened.url("prometheus");
    until("the record", SOON, || {
        let answer = get_json(&format!("{prometheus}/api/v1/labels"));
        answer["data"].as_array().is_some_and(|all| all.len() > 3)
    });
    for (histogram, trace) in HISTOGRAMS.iter().zip(&traces) {
        let found = exemplars(prometheus, histogram, "");
        assert!(
            found.to_string().contains(trace),
            "{trace} is not in {found}"
        );
    }
}

/// The span as Jaeger's API has it, with the name of its service.
fn span_of(drill: &Drill, trace: &str, span: &str) -> Option<Value> {
    let (status, body) = get(&format!("{}/api/traces/{trace}", drill.url("jaeger")));
    let answer: Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
    let trace = &answer["data"][0];
    let mut spans = trace["spans"].as_array()?.iter();
    let mut span = spans.find(|one| one["spanID"] == span)?.clone();
    let process = span["processID"].as_str()?.to_owned();
    span["service"] = trace["processes"][&process]["serviceName"].clone();
    Some(span)
}

/// Service, bucket and span must say the same as the value.
fn is_what_was_measured(series: &Value, exemplar: &Value, span: &Value) {
    assert_eq!(series["service"], span["service"], "{exemplar}: {span}");
    let number =
        |value: &Value| -> f64 { value.as_str().expect("a text").parse().expect("a number") };
    let (value, bound) = (number(&exemplar["value"]), number(&series["le"]));
    assert!(value <= bound, "{value} in the bucket up to {bound}");
    // A span of the database also waits for a connection, and begins and ends around what is measured.
    let took = span["duration"].as_f64().expect("microseconds") / 1e6;
    assert!(
        value <= took + 0.01,
        "{value} s measured in a span of {took} s"
    );
}

/// The exemplars that a backend has for an expression; `bounds` are more parameters.
fn exemplars(prometheus: &str, expr: &str, bounds: &str) -> Value {
    let (status, body) = asked(prometheus, expr, bounds);
    let answer: Value = serde_json::from_str(&body).unwrap_or_default();
    assert_eq!(
        (status, &answer["status"]),
        (200, &"success".into()),
        "{expr}: {body}"
    );
    answer["data"].clone()
}

fn asked(prometheus: &str, expr: &str, bounds: &str) -> (u16, String) {
    let query: String = expr.bytes().map(|byte| format!("%{byte:02X}")).collect();
    get(&format!(
        "{prometheus}/api/v1/query_exemplars?query={query}{bounds}"
    ))
}

/// Compares the exemplars of the embedded Prometheus with those of a real one that scrapes the same targets.
///
/// Both have scraped for half a minute before `now_ms`.
pub(crate) fn same_exemplars(embedded: &str, real: &str, now_ms: u64) {
    let to_ms = now_ms - SEEN_WITHIN_MS;
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let bounds = format!("&start={}&end={}", seconds(to_ms - 15_000), seconds(to_ms));
    for expr in COMPARED {
        let found = exemplars(embedded, expr, &bounds);
        assert_eq!(found, exemplars(real, expr, &bounds), "{expr}");
        let series = found.as_array().expect("a list").iter();
        let counts = series.map(|series| series["exemplars"].as_array().map_or(0, Vec::len));
        let (series, all) = counts.fold((0, 0), |(series, all), count| (series + 1, all + count));
        assert!(
            series >= 10 && all > series,
            "{expr}: {all} exemplars of {series} series"
        );
    }
    for (expr, bounds) in [
        ("sum(", ""),
        ("", ""),
        ("1 + 1", ""),
        ("nothing_of_the_kind", ""),
        ("up", ""),
        ("up", "&start=5&end=4"),
    ] {
        let told = |url: &str| {
            let (status, body) = asked(url, expr, bounds);
            let mut body: Value = serde_json::from_str(&body).unwrap_or_default();
            // Releases differ in where they say that a mistake is.
            if let Some((_, what)) = body["error"]
                .as_str()
                .and_then(|text| text.split_once(": parse error"))
            {
                body["error"] = what.to_owned().into();
            }
            (status, body)
        };
        assert_eq!(told(embedded), told(real), "{expr} {bounds}");
    }
}
