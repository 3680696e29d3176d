//! The cost of telemetry: CPU per request through three services, with and without it.
//! `cargo bench -p chassis --bench chain [-- ROUNDS SECONDS CONNECTIONS]`
//!
//! ```text
//! load -> mini 1 -> mini 2 -> mini 3 -> SQLite        spans -> a sink in this process
//! ```
//!
//! Both chains run all the time, rounds alternate, and the result is the median of the ratios, so that
//! noise affects both sides. CPU is that of the three processes.

#[expect(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/process/mini.rs"]
mod mini;
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/process/sink.rs"]
mod sink;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    mini::{Mini, Start},
    sink::Sink,
};

fn main() {
    let mut numbers = std::env::args().filter_map(|text| text.parse::<u64>().ok());
    let rounds = numbers.next().unwrap_or(5);
    let time = Duration::from_secs(numbers.next().unwrap_or(3));
    let connections = numbers.next().unwrap_or(16);
    let sink = Sink::start();
    let endpoint = format!("http://{}", sink.grpc);
    let on = chain(&endpoint, true);
    let off = chain(&endpoint, false);
    println!(
        "resident at rest: on {:?} KiB, off {:?} KiB",
        resident(&on),
        resident(&off)
    );
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let (on_us, on_rate) = measure(&on, time, connections);
        let (off_us, off_rate) = measure(&off, time, connections);
        println!(
            "round {round}: on {on_us:.1} us/request at {on_rate:.0}/s, off {off_us:.1} us/request at {off_rate:.0}/s, ratio {:.2}",
            on_us / off_us
        );
        ratios.push(on_us / off_us);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "CPU per request, on / off, median: {:.2}",
        ratios[ratios.len() / 2]
    );
    println!(
        "resident after load: on {:?} KiB, off {:?} KiB",
        resident(&on),
        resident(&off)
    );
    for mini in &on {
        let count = |series| mini.metric(series).unwrap_or_default();
        println!(
            "spans: exported {}, dropped {} + {}",
            count("otel_spans_exported_total"),
            count("otel_spans_dropped_total{reason=\"queue_full\"}"),
            count("otel_spans_dropped_total{reason=\"export_failed\"}"),
        );
    }
}

fn chain(endpoint: &str, telemetry: bool) -> Vec<Mini> {
    let start = |change| Start::with_backend(endpoint, "grpc").change(change).run();
    let last = start(json!({ "telemetry": telemetry, "settings": {"database": true} }));
    let upstreams = json!({ "next": [last.addr("listen")] });
    let middle = start(json!({ "telemetry": telemetry, "upstreams": upstreams }));
    let upstreams = json!({ "next": [middle.addr("listen")] });
    let first = start(json!({ "telemetry": telemetry, "upstreams": upstreams }));
    vec![first, middle, last]
}

/// CPU of the chain per request in microseconds, and requests per second.
fn measure(chain: &[Mini], time: Duration, connections: u64) -> (f64, f64) {
    let is_over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let url: hyper::Uri = format!("http://{}/chain/sku-1", chain[0].addr("listen"))
        .parse()
        .expect("an address");
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Empty<bytes::Bytes>>();
    let (cpu, began) = (cpu_ms(chain), Instant::now());
    for _ in 0..connections {
        let (client, url) = (client.clone(), url.clone());
        let (is_over, count) = (Arc::clone(&is_over), Arc::clone(&count));
        runtime.spawn(async move {
            use http_body_util::BodyExt as _;
            while !is_over.load(Ordering::Relaxed) {
                let answer = client.get(url.clone()).await.expect("an answer");
                assert_eq!(answer.status(), 200);
                answer.into_body().collect().await.expect("a body");
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    std::thread::sleep(time);
    is_over.store(true, Ordering::Relaxed);
    let took = began.elapsed();
    let requests = count.load(Ordering::Relaxed) as f64;
    let cpu = cpu_ms(chain) - cpu;
    runtime.shutdown_background();
    (cpu * 1e3 / requests, requests / took.as_secs_f64())
}

/// CPU time of the processes so far, in milliseconds.
fn cpu_ms(chain: &[Mini]) -> f64 {
    let of = |mini: &Mini| {
        let path = format!("/proc/{}/schedstat", mini.child.id());
        // The first number is nanoseconds on a CPU, per thread, so all threads are summed.
        let tasks = std::fs::read_dir(format!("/proc/{}/task", mini.child.id()));
        let tasks = tasks.unwrap_or_else(|error| panic!("{path}: {error}"));
        tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<f64>().ok())
            .sum::<f64>()
    };
    chain.iter().map(of).sum::<f64>() / 1e6
}

/// Resident memory of each process, in KiB.
fn resident(chain: &[Mini]) -> Vec<u64> {
    let of = |mini: &Mini| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", mini.child.id()));
        let status = status.expect("the process lives");
        let line = status.lines().find(|line| line.starts_with("VmRSS"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    chain.iter().map(of).collect()
}
