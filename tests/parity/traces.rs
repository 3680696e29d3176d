//! Jaeger's stable query API beside a real Jaeger that got the very same OTLP: spans made for it, and those of a shop.
//!
//! The order of spans, attributes, events, links and traces aside, and in the stable API the remarks that a real one
//! attaches to spans (`@jaeger@warnings`), every field of every answer is compared. The stable API of 2.13 has no dependencies and no search
//! by attributes; these are compared on the older one, which Jaeger's own page calls.

mod corpus;

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use prost::Message as _;
use serde_json::{Value, json};
use traces::store::Limits;
use traces::{Traces, journal, ui};

use super::compare::difference;
use super::embedded::{self, Served};
use super::list::{self, lines};
use super::real::Jaeger;
use crate::support::{Drill, SOON, http, until, wait_for};

/// Traces of the shop that are looked up one by one.
const SHOP_TRACES: usize = 40;
/// Spans of the shop that both get at least.
const SHOP_SPANS: usize = 1_000;
/// A range in which everything lies that was made up.
const WHOLE: &str =
    "query.start_time_min=2024-02-28T00:00:00Z&query.start_time_max=2024-03-01T00:00:00Z";

pub(super) fn same_answers() {
    let shop = shop();
    let corpus = corpus::requests();
    let embedded = Embedded::start();
    let real = Jaeger::start();
    let client = http();
    for request in corpus.iter().chain(&shop) {
        for url in [&embedded.otlp.url, &real.otlp] {
            let sent = client
                .post(format!("{url}/v1/traces"))
                .header("Content-Type", "application/x-protobuf")
                .body(request.encode_to_vec())
                .send()
                .expect("the spans are sent");
            assert_eq!(sent.status(), 200, "{url}");
        }
    }
    let pair = Pair {
        client,
        embedded: &embedded.query.url,
        real: &real.query,
    };
    let shop = Shop::of(&shop);
    let last = shop.ids.last().expect("the shop has spans");
    let last = format!("/api/v3/traces/{last}");
    until("the last span of the shop", SOON, || {
        pair.ask(pair.real, &last).0 == 200
    });
    let mut found = Found::default();
    pair.ask_all(&shop, &mut found);
    println!(
        "parity: traces {} spans, {} queries, {} of them answered with spans ({}): {} differences, {} listed with their cause",
        list::count(spans(&corpus) + shop.spans),
        list::count(found.queries),
        list::count(found.answered),
        list::count(found.spans),
        found.wrong.len(),
        found.listed,
    );
    assert!(found.answered > 60, "most queries find something");
    assert!(found.wrong.is_empty(), "{}", found.wrong.join("\n"));
}

fn spans(requests: &[Request]) -> usize {
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    let scopes = resources.flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

/// What the services of a shop under load export in some seconds, request by request.
fn shop() -> Vec<Request> {
    let drill = Drill::start(&["up", "--seed", "47"]);
    let metrics = format!("{}/metrics", drill.url("prometheus"));
    wait_for("enough spans", SOON, || {
        let text = crate::support::get(&metrics).1;
        let mut lines = text.lines();
        let stored = lines.find_map(|line| line.strip_prefix("traces_stored_spans "))?;
        (stored.parse::<usize>().ok()? >= SHOP_SPANS).then_some(())
    });
    let (_, folder, _state) = drill.interrupt();
    let mut requests = Vec::new();
    let read = journal::replay(&folder, |request| requests.push(request));
    let read = read.expect("the journal is there");
    assert!(
        read.damage.is_empty() && read.spans >= SHOP_SPANS as u64,
        "{read:?}"
    );
    requests
}

/// What is known of the shop's spans, for questions about them.
struct Shop {
    ids: Vec<String>,
    spans: usize,
}

impl Shop {
    fn of(requests: &[Request]) -> Self {
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        let ids = scopes.flat_map(|scope| &scope.spans);
        let mut ids: Vec<String> = ids.map(|span| hex::encode(&span.trace_id)).collect();
        ids.dedup();
        // The last is that of the last request, which is stored when all are.
        let last = ids.last().cloned().expect("the shop has spans");
        ids.retain(|id| *id != last);
        ids.sort();
        ids.dedup();
        ids.truncate(SHOP_TRACES);
        ids.push(last);
        Self {
            ids,
            spans: spans(requests),
        }
    }

    /// Searches whose answers depend on the moment, with all of the shop's time.
    fn searches() -> Vec<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("it is after 1970").as_secs() as i64;
        let at = |second: i64| {
            let time = time::OffsetDateTime::from_unix_timestamp(second).expect("a time");
            let format = time::format_description::well_known::Rfc3339;
            time.format(&format).expect("it is written")
        };
        let range = format!(
            "query.start_time_min={}&query.start_time_max={}&query.num_traces=100000",
            at(now - 3_600),
            at(now + 60)
        );
        let conditions = [
            "query.service_name=gateway",
            "query.service_name=inventory",
            "query.service_name=checkout",
            "query.service_name=inventory&query.duration_min=300us",
            "query.service_name=inventory&query.duration_max=1ms",
            "query.service_name=gateway&query.operation_name=POST%20/v1/orders",
            "query.service_name=checkout&query.duration_min=2ms&query.duration_max=1s",
            "query.operation_name=GET",
        ];
        let search = |condition: &&str| format!("traces?{condition}&{range}");
        conditions.iter().map(search).collect()
    }
}

/// The embedded Jaeger, without a journal.
struct Embedded {
    query: Served,
    otlp: Served,
}

impl Embedded {
    fn start() -> Self {
        let config = ui::Config {
            links: Vec::new(),
            link_patterns: Vec::new(),
            end_ms: None,
        };
        let traces = Traces::new(Limits::default(), config, None);
        Self {
            query: embedded::serve(traces.jaeger_router()),
            otlp: embedded::serve(traces.otlp_http_router()),
        }
    }
}

#[derive(Default)]
struct Found {
    queries: usize,
    answered: usize,
    spans: usize,
    listed: usize,
    wrong: Vec<String>,
}

struct Pair<'a> {
    client: reqwest::blocking::Client,
    embedded: &'a str,
    real: &'a str,
}

impl Pair<'_> {
    fn ask_all(&self, shop: &Shop, found: &mut Found) {
        let listed = lines(include_str!("traces/queries.txt"));
        let listed = listed.into_iter().map(|line| line.text);
        let made_up = (1..=corpus::TRACES).map(|trace| hex::encode(corpus::trace_id(trace)));
        let ids = made_up.chain(shop.ids.iter().cloned());
        let by_id = ids.map(|id| format!("traces/{id}"));
        let services = ["gateway", "checkout", "inventory"];
        let operations = services.map(|service| format!("operations?service={service}"));
        let questions = listed
            .chain(by_id)
            .chain(Shop::searches())
            .chain(operations);
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = now_ms.expect("it is after 1970").as_millis();
        // First: what the real one adjusts in a trace that it is asked for, its memory keeps, and counts otherwise.
        let dependencies = [
            format!("/api/dependencies?endTs={now_ms}&lookback=3600000"),
            "/api/dependencies?endTs=1709168400000&lookback=86400000".to_owned(),
            "/api/dependencies?endTs=1609168400000&lookback=1000".to_owned(),
        ];
        let questions = questions.map(|question| full(&question));
        for question in dependencies.into_iter().chain(questions) {
            found.queries += 1;
            let (spans, wrong) = self.compare(&question);
            found.answered += usize::from(spans > 0);
            found.spans += spans;
            found.wrong.extend(wrong);
        }
        for line in lines(include_str!("traces/differs.txt")) {
            found.listed += 1;
            if self.compare(&full(&line.text)).1.is_none() {
                let text = line.text;
                found
                    .wrong
                    .push(format!("{text}: listed as different, and is not"));
            }
        }
    }

    /// How many spans the real one answers with, and how the answers differ.
    fn compare(&self, question: &str) -> (usize, Option<String>) {
        let [a, b] = [self.embedded, self.real].map(|url| {
            let (status, answer) = self.ask(url, question);
            json!([status, plain(answer)])
        });
        let spans = b[1]["spans"].as_array().map_or(0, Vec::len);
        let difference = difference(&a, &b);
        (spans, difference.map(|found| format!("{question}{found}")))
    }

    fn ask(&self, url: &str, question: &str) -> (u16, Value) {
        let response = self.client.get(format!("{url}{question}")).send();
        let response = response.expect("it answers");
        let status = response.status().as_u16();
        let text = response.text().expect("a text");
        let answer = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
        (status, answer)
    }
}

/// A question of the stable API unless it says otherwise; a search that names no time or number asks for all that was
/// made up.
fn full(question: &str) -> String {
    if question.starts_with("/api/") {
        return question.to_owned();
    }
    let mut full = format!("/api/v3/{question}");
    if question.starts_with("traces?query.") {
        for (name, all) in [
            ("start_time_", WHOLE),
            ("num_traces", "query.num_traces=100"),
        ] {
            if !question.contains(name) {
                full = format!("{full}&{all}");
            }
        }
    }
    full
}

/// An answer as a sorted list of spans, each with its resource and scope; anything else with its lists sorted.
/// Of errors the status alone counts, for their wording is each one's own.
fn plain(answer: Value) -> Value {
    let resources = &answer["result"]["resourceSpans"];
    let Some(resources) = resources.as_array() else {
        let is_error = answer["error"].is_object() || answer["errors"].is_array();
        if is_error || answer["text"].is_string() {
            return Value::Null;
        }
        return older(answer);
    };
    let mut spans = Vec::new();
    for resource in resources {
        for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
            for span in scope["spans"].as_array().into_iter().flatten() {
                spans.push(sorted(json!({
                    "span": span,
                    "scope": scope["scope"],
                    "scopeSchema": scope["schemaUrl"],
                    "resource": resource["resource"],
                    "resourceSchema": resource["schemaUrl"],
                })));
            }
        }
    }
    spans.sort_by_cached_key(|span| {
        let own = &span["span"];
        format!("{}{}{}{span}", own["traceId"], own["spanId"], own["kind"])
    });
    json!({ "spans": spans })
}

/// An answer of the older API; of traces the spans, each with its process.
fn older(answer: Value) -> Value {
    let traces = answer["data"].as_array().into_iter().flatten();
    let traces: Vec<&Value> = traces.filter(|trace| trace["spans"].is_array()).collect();
    if traces.is_empty() {
        return sorted(answer);
    }
    let mut spans = Vec::new();
    for trace in traces {
        for span in trace["spans"].as_array().into_iter().flatten() {
            let mut span = span.clone();
            let process = span["processID"].take();
            let process = process.as_str().unwrap_or_default();
            span["process"] = trace["processes"][process].clone();
            if let Some(warnings) = span["warnings"].as_array_mut() {
                // The memory store of 2.13 adds the same ones at every look.
                warnings.sort_by_cached_key(Value::to_string);
                warnings.dedup();
            }
            spans.push(sorted(span));
        }
    }
    spans.sort_by_cached_key(Value::to_string);
    json!({ "spans": spans })
}

/// The same without the remarks, and with every list sorted but those that are values.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| {
                let mut value = sorted(value);
                if let Some(items) = value.as_array_mut()
                    && key != "values"
                {
                    items.retain(|item| item["key"] != "@jaeger@warnings");
                    items.sort_by_cached_key(Value::to_string);
                }
                (key, value)
            });
            // A span that has nothing but remarks for attributes has none.
            let members = members.filter(|(key, value)| key != "attributes" || *value != json!([]));
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
