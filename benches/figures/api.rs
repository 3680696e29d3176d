//! The two query APIs of the backend.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::Value;

/// Questions to one running backend.
#[derive(Debug)]
pub(crate) struct Api {
    client: reqwest::blocking::Client,
    jaeger: String,
    prometheus: String,
}

impl Api {
    /// By the addresses of Jaeger and Prometheus, as URLs without a slash at the end.
    pub(crate) fn new(jaeger: &str, prometheus: &str) -> anyhow::Result<Self> {
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .context("HTTP client")?;
        Ok(Self {
            client,
            jaeger: jaeger.to_owned(),
            prometheus: prometheus.to_owned(),
        })
    }

    /// The sum of an instant vector at a time in seconds since the epoch; `None` when there is no sample.
    pub(crate) fn number(&self, expr: &str, at_s: Option<f64>) -> anyhow::Result<Option<f64>> {
        let mut query = vec![("query", expr.to_owned())];
        query.extend(at_s.map(|at_s| ("time", format!("{at_s:.3}"))));
        let answer = self.get(&format!("{}/api/v1/query", self.prometheus), &query)?;
        let vector = answer["data"]["result"].as_array();
        let vector = vector.with_context(|| format!("no vector: {answer}"))?;
        let numbers = vector
            .iter()
            .filter_map(|sample| sample["value"][1].as_str()?.parse::<f64>().ok());
        Ok(numbers.reduce(|sum, number| sum + number))
    }

    /// The traces that began within a span of time (nanoseconds since the epoch) and in which the gateway took part.
    pub(crate) fn traces(&self, from_ns: i128, to_ns: i128) -> anyhow::Result<Traces> {
        let query = [
            ("query.service_name", "gateway".to_owned()),
            ("query.start_time_min", rfc3339(from_ns)?),
            ("query.start_time_max", rfc3339(to_ns)?),
            ("query.search_depth", "2000".to_owned()),
        ];
        let answer = self.get(&format!("{}/api/v3/traces", self.jaeger), &query)?;
        Ok(Traces::read(&answer))
    }

    fn get(&self, url: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let url = reqwest::Url::parse_with_params(url, query)?;
        Ok(self.client.get(url).send()?.json()?)
    }

    /// The URL of one trace.
    pub(crate) fn trace_path(id: &str) -> String {
        format!("/api/v3/traces/{id}")
    }
}

/// What is needed of a span.
#[derive(Debug, Clone, Default)]
struct Span {
    id: String,
    parent: String,
    service: String,
    name: String,
    ms: f64,
}

/// Spans by trace id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces(BTreeMap<String, Vec<Span>>);

impl Traces {
    /// Reads an answer of `/api/v3`.
    pub(crate) fn read(answer: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ns = |value: &Value| -> i128 { text(value).parse().unwrap_or_default() };
        let mut traces = Self::default();
        for resource in list(&answer["result"]["resourceSpans"]) {
            let attributes = list(&resource["resource"]["attributes"]);
            let service = attributes
                .iter()
                .find(|attribute| attribute["key"] == "service.name")
                .map(|attribute| text(&attribute["value"]["stringValue"]))
                .unwrap_or_default();
            for scope in list(&resource["scopeSpans"]) {
                for span in list(&scope["spans"]) {
                    let spans = traces.0.entry(text(&span["traceId"])).or_default();
                    spans.push(Span {
                        id: text(&span["spanId"]),
                        parent: text(&span["parentSpanId"]),
                        service: service.clone(),
                        name: text(&span["name"]),
                        ms: (ns(&span["endTimeUnixNano"]) - ns(&span["startTimeUnixNano"])) as f64
                            / 1e6,
                    });
                }
            }
        }
        traces
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All spans together.
    pub(crate) fn spans(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Adds others. A trace that is in both is replaced: both come from the same store.
    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The traces that begin at the gateway, below `caller` (empty: none), and whose every span has its parent.
    pub(crate) fn complete(&self, caller: &str) -> Vec<Shape> {
        let spans = self.0.values();
        spans.filter_map(|spans| shape(spans, caller)).collect()
    }
}

/// A complete trace: its first span's name and duration, and the services in it.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) ms: f64,
    pub(crate) services: BTreeSet<String>,
}

fn shape(spans: &[Span], caller: &str) -> Option<Shape> {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    let (roots, rest): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.parent == caller);
    let [root] = roots.as_slice() else {
        return None;
    };
    let is_whole = rest.iter().all(|span| ids.contains(span.parent.as_str()));
    (is_whole && root.service == "gateway").then(|| Shape {
        name: root.name.clone(),
        ms: root.ms,
        services: spans.iter().map(|span| span.service.clone()).collect(),
    })
}

/// The wall clock in nanoseconds since the epoch.
pub(crate) fn now_ns() -> i128 {
    // A clock before 1970 would show in every figure.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos().cast_signed())
}

fn rfc3339(at_ns: i128) -> anyhow::Result<String> {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(at_ns)?;
    Ok(at.format(&time::format_description::well_known::Rfc3339)?)
}
