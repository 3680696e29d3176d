//! The collector's figures: ingest through the OTLP/gRPC service, memory a span, search by tag in 100,000 traces,
//! and memory a span before and after one attribute of a megabyte or more.
//!
//! Requests go to the service without a network, so that only the collector is measured. It prints, and judges nothing.
//! `cargo bench --workspace --bench traces`.

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use http::Request;
use opentelemetry_proto::tonic::common::v1::any_value;
use prost::Message as _;
use tower::ServiceExt as _;
use traces::store::Limits;
use traces::{Traces, ui};

#[path = "traces/shop.rs"]
mod shop;

type Error = Box<dyn std::error::Error + Send + Sync>;

const TRACES: u64 = 100_000;
/// 480 spans a request.
const TRACES_PER_REQUEST: u64 = 60;
const START_NS: u64 = 1_763_000_000_000_000_000;
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const ROUNDS: usize = 9;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let limits = Limits {
        bytes: 512 << 20,
        spans: 10_000_000,
    };
    let traces = Traces::new(limits, ui::Config::default(), None);
    let (before, mut took) = (resident()?, Duration::ZERO);
    for first in (0..TRACES).step_by(TRACES_PER_REQUEST as usize) {
        let count = TRACES_PER_REQUEST.min(TRACES - first);
        let frame = frame(&shop::request(first, count, START_NS).encode_to_vec());
        let started = Instant::now();
        let request = Request::post(EXPORT).header("content-type", "application/grpc");
        let service = traces.otlp_grpc_service(|_| true);
        service.oneshot(request.body(Body::from(frame))?).await?;
        took += started.elapsed();
    }
    let (stats, spans) = (traces.stats(), TRACES as usize * shop::SPANS);
    assert_eq!(stats.spans, spans, "every span is stored");
    println!(
        "{TRACES} traces, {spans} spans: ingest {:.0} spans/s; \
         memory {:.1} B a span by own account, {:.1} B resident",
        spans as f64 / took.as_secs_f64(),
        stats.bytes as f64 / spans as f64,
        (resident()? - before) as f64 / spans as f64,
    );
    for (what, query) in searches() {
        let (mut times, mut found) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let started = Instant::now();
            let request = Request::get(&query).body(Body::empty())?;
            let response = traces.jaeger_router().oneshot(request).await?;
            assert!(response.status().is_success(), "{}", response.status());
            found = to_bytes(response.into_body(), usize::MAX).await?.len();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_unstable_by(f64::total_cmp);
        let (median, worst) = (times[ROUNDS / 2], times[ROUNDS - 1]);
        println!("  search {what}: {median:.1} ms median, {worst:.1} ms worst, {found} bytes");
    }
    for bytes in [1_100_000, 7_000_000] {
        after_large_attribute(bytes)?;
    }
    Ok(())
}

/// Fills a store of the default size with ordinary spans, sends one large attribute, and fills it again.
fn after_large_attribute(bytes: usize) -> Result<(), Error> {
    let traces = Traces::new(Limits::default(), ui::Config::default(), None);
    let fill = |first: u64| {
        for number in 0..TRACES / TRACES_PER_REQUEST {
            let number = first + number * TRACES_PER_REQUEST;
            let request = shop::request(number, TRACES_PER_REQUEST, START_NS);
            traces.store().ingest(&request.resource_spans);
        }
        let stats = traces.stats();
        stats.bytes as f64 / stats.spans as f64
    };
    let before = fill(0);
    let mut large = shop::request(TRACES, 1, START_NS);
    let span = &mut large.resource_spans[0].scope_spans[0].spans[0];
    let value = any_value::Value::StringValue("x".repeat(bytes));
    span.attributes[0].value.get_or_insert_default().value = Some(value);
    traces.store().ingest(&large.resource_spans);
    let after = fill(TRACES + 1);
    println!("  an attribute of {bytes} bytes: {before:.1} B a span before it, {after:.1} B after");
    Ok(())
}

/// A message as gRPC sends it: not compressed, its length, its bytes.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// Resident bytes of this process.
fn resident() -> Result<usize, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mut lines = status.lines();
    let resident = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.ok_or("no VmRSS")?.trim().trim_end_matches(" kB");
    Ok(kib.parse::<usize>()? * 1_024)
}

fn searches() -> [(&'static str, String); 6] {
    let search = |query: &str| format!("/api/traces?limit=20&{query}");
    let tags = |json: &str| {
        let quoted: String = form_urlencoded::byte_serialize(json.as_bytes()).collect();
        search(&format!("tags={quoted}"))
    };
    let needle = format!(r#"{{"request.id":"{:016x}"}}"#, shop::mix(777 + 77));
    let failed = r#"{"http.response.status_code":"503","http.route":"/v1/orders"}"#;
    let apart = r#"{"db.operation.name":"INSERT","db.collection.name":"price"}"#;
    [
        ("by a tag of one trace in 100,000", tags(&needle)),
        ("by a tag of every 50th trace", tags(failed)),
        ("by a tag of no trace", tags(r#"{"request.id":"none"}"#)),
        ("by two tags that never meet on a span", tags(apart)),
        (
            "by minimum duration, none so long",
            search("minDuration=10s"),
        ),
        (
            "by service and operation, the newest 20",
            search("service=inventory&operation=SELECT%20price"),
        ),
    ]
}
