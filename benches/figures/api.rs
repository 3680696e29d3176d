//! The two query APIs of the backend.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use serde::Deserialize as _;
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

/// Services and their spans, by trace id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces(BTreeMap<Vec<u8>, Vec<(String, Span)>>);

impl Traces {
    /// Reads an answer of `/api/v3`.
    pub(crate) fn read(answer: &Value) -> Self {
        let mut traces = Self::default();
        // An answer without spans is one that has none.
        let found = TracesData::deserialize(&answer["result"]).unwrap_or_default();
        for resource in found.resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|own| own.key == "service.name");
            let service = match name.and_then(|name| name.value?.value) {
                Some(any_value::Value::StringValue(name)) => name,
                _ => String::new(),
            };
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                let spans = traces.0.entry(span.trace_id.clone()).or_default();
                spans.push((service.clone(), span));
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

    /// The traces that begin at the gateway, below `caller` (0: none), and whose every span has its parent.
    pub(crate) fn complete(&self, caller: u64) -> Vec<Shape> {
        let caller = match caller {
            0 => Vec::new(),
            caller => caller.to_be_bytes().to_vec(),
        };
        let spans = self.0.values();
        spans.filter_map(|spans| shape(spans, &caller)).collect()
    }
}

/// A complete trace: its first span's name and duration, and the services in it.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) ms: f64,
    pub(crate) services: BTreeSet<String>,
}

fn shape(spans: &[(String, Span)], caller: &[u8]) -> Option<Shape> {
    let ids: BTreeSet<&[u8]> = spans.iter().map(|(_, span)| &span.span_id[..]).collect();
    let is_root = |(_, span): &&(String, Span)| span.parent_span_id == caller;
    let (roots, rest): (Vec<_>, Vec<_>) = spans.iter().partition(is_root);
    let [(service, root)] = roots.as_slice() else {
        return None;
    };
    let is_whole = rest
        .iter()
        .all(|(_, span)| ids.contains(&span.parent_span_id[..]));
    (is_whole && service == "gateway").then(|| Shape {
        name: root.name.clone(),
        ms: (root.end_time_unix_nano - root.start_time_unix_nano) as f64 / 1e6,
        services: spans.iter().map(|(service, _)| service.clone()).collect(),
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
