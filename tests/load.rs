//! A backend under 50 times the spans and 10 times the series of a drill: memory stays below its limits, the oldest traces
//! go first and go whole, queries answer, and what was dropped is counted.
//!
//! ```text
//! shop's traces ─OTLP─► backend ◄─scrape─ three targets with 10,000 series each
//!                          ▲
//!                  a query a second
//! ```
//!
//! `FIREDRILL_LOAD_S=600` goes on for so many seconds at 40,000 spans a second, and prints its figures; without it, spans
//! come as fast as they are taken until the oldest have had to go.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use prost::Message as _;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::support::{
    Program, SOON, claims, firedrill, get, get_json, http, status_kib, until, value_of,
};

#[path = "../crates/traces/benches/traces/shop.rs"]
mod shop;

pub(crate) fn trials() -> Vec<Trial> {
    claims![under_load_the_oldest_traces_go_whole_and_queries_are_answered]
}

/// 50 times what the store is made for.
const SPANS_A_SECOND: f64 = 40_000.0;
const TRACES_A_REQUEST: u64 = 60;
/// A drill has some 3,000.
const SERIES_A_TARGET: usize = 10_000;
const TARGETS: usize = 3;
/// Of the store of spans, and of that of samples; a segment is full before the first is looked at.
const STORE_BYTES: f64 = (50 << 20) as f64;
/// Both stores, the program, and what takes in requests; 179 MB were seen after 400 s.
const PROCESS_BYTES: f64 = 300e6;
/// A debug build beside other tests.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Traces that are looked up at the end, evenly spread.
const LOOKED_UP: u64 = 200;

fn under_load_the_oldest_traces_go_whole_and_queries_are_answered() {
    let seconds = std::env::var("FIREDRILL_LOAD_S").ok();
    let longer: Option<f64> = seconds.and_then(|text| text.parse().ok());
    let place = tempfile::tempdir().expect("a temporary folder");
    let backend = Backend::start(place.path());
    let mut asker = Asker::new();
    let mut load = Load::new(&backend);
    until("the first scrapes", SOON, || {
        backend.metric("prometheus_tsdb_head_series") >= (SERIES_A_TARGET * TARGETS) as f64
    });
    let began = Instant::now();
    loop {
        load.send();
        asker.ask_in_turn(&backend);
        let is_enough = match longer {
            Some(seconds) => began.elapsed().as_secs_f64() >= seconds,
            None => load.requests.is_multiple_of(100) && load.is_a_tenth_gone(&backend),
        };
        if is_enough {
            break;
        }
        if longer.is_some() {
            load.keep_pace(began);
        }
        assert!(
            longer.is_some() || began.elapsed() < SOON,
            "nothing is dropped"
        );
    }
    load.finish();
    if longer.is_some() {
        println!(
            "{} spans of {} traces in {:.0} s, slowest answer {:.0} ms, most memory {:.0} MB",
            load.spans,
            load.traces(),
            began.elapsed().as_secs_f64(),
            asker.slowest.as_secs_f64() * 1e3,
            backend.most_resident() / 1e6
        );
        for name in SHOWN {
            println!("{name} {}", backend.metric(name));
        }
    }
    load.check(&backend);
    asker.ask(&backend);
    let most = backend.most_resident();
    assert!(most < PROCESS_BYTES, "{most} bytes resident");
}

/// What the figures of a long run show.
const SHOWN: [&str; 11] = [
    "traces_stored_spans",
    "traces_stored_traces",
    "traces_stored_bytes",
    "traces_received_spans_total",
    "traces_evicted_spans_total",
    "traces_journal_lost_batches_total",
    "prometheus_tsdb_head_series",
    "prometheus_tsdb_head_samples_appended_total",
    "prometheus_tsdb_evicted_samples_total",
    "prometheus_tsdb_storage_bytes",
    "process_resident_memory_bytes",
];

/// A backend of no drill, with targets of its own.
struct Backend {
    program: Program,
    otlp: String,
    jaeger: String,
    prometheus: String,
}

impl Backend {
    fn start(place: &Path) -> Self {
        let targets: Vec<Value> = (0..TARGETS)
            .map(|number| json!({"targets": [target(number)], "labels": {"job": "load"}}))
            .collect();
        let file = place.join("targets.json");
        std::fs::write(&file, json!(targets).to_string()).expect("there is room");
        let any = "127.0.0.1:0";
        let config = json!({
            "run": "load", "jaeger": any, "otlp_grpc": any, "otlp_http": any, "prometheus": any,
            "targets": file, "journal": place,
        });
        let mut child = firedrill(place)
            .args(["serve", "backend"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary under test starts");
        // The input stays open: its end is the end of the backend.
        let input = child.stdin.as_mut().expect("it is piped");
        writeln!(input, "{config}").expect("it reads");
        let output = child.stdout.take().expect("it is piped");
        let program = Program(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("a ready line");
        let url = |name: &str| format!("http://{}", ready[name].as_str().expect("an address"));
        Self {
            program,
            otlp: url("otlp_http"),
            jaeger: url("jaeger"),
            prometheus: url("prometheus"),
        }
    }

    /// One of its own metrics.
    fn metric(&self, name: &str) -> f64 {
        let (_, text) = get(&format!("{}/metrics", self.prometheus));
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no `{name}` in {text}"))
    }

    /// The most memory that it ever had, in bytes.
    fn most_resident(&self) -> f64 {
        status_kib(self.program.0.id(), "VmHWM:") as f64 * 1_024.0
    }

    /// How many spans of a trace there are.
    fn spans_of(&self, number: u64) -> usize {
        let id: String = shop::trace_id(number)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let answer = get_json(&format!("{}/api/traces/{id}", self.jaeger));
        answer["data"][0]["spans"].as_array().map_or(0, Vec::len)
    }
}

/// A target whose counters rise at every scrape; its thread ends with the tests.
fn target(number: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for (scrape, client) in listener.incoming().flatten().enumerate() {
            let mut client = client;
            let mut head = [0; 4_096];
            let lines = (0..SERIES_A_TARGET).map(|series| {
                format!(
                    "load_total{{n=\"{series}\"}} {}\n",
                    scrape * (series + number)
                )
            });
            let body = format!("# TYPE load_total counter\n{}", lines.collect::<String>());
            let head_of_answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length:";
            // A scraper that has given up is counted there.
            let _ = client.read(&mut head);
            let _ = write!(client, "{head_of_answer} {}\r\n\r\n{body}", body.len());
        }
    });
    addr
}

/// The spans on their way: the gateway's in one request, the others of the same traces in the next.
struct Load {
    client: Client,
    url: String,
    requests: u64,
    spans: u64,
    start_ns: u64,
}

impl Load {
    fn new(backend: &Backend) -> Self {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
        Self {
            client: http(),
            url: format!("{}/v1/traces", backend.otlp),
            requests: 0,
            spans: 0,
            start_ns: since.expect("after 1970").as_nanos() as u64,
        }
    }

    fn traces(&self) -> u64 {
        self.requests * TRACES_A_REQUEST
    }

    fn send(&mut self) {
        let part = |number: u64| {
            let first = number * TRACES_A_REQUEST;
            shop::request(first, TRACES_A_REQUEST, self.start_ns).resource_spans
        };
        let mut request = part(self.requests);
        request.truncate(1);
        if let Some(before) = self.requests.checked_sub(1) {
            request.extend(part(before).drain(1..));
        }
        self.requests += 1;
        self.post(request);
    }

    /// Sends what the last request has left.
    fn finish(&mut self) {
        let first = (self.requests - 1) * TRACES_A_REQUEST;
        let mut rest = shop::request(first, TRACES_A_REQUEST, self.start_ns).resource_spans;
        rest.remove(0);
        self.post(rest);
    }

    fn post(&mut self, resource_spans: Vec<opentelemetry_proto::tonic::trace::v1::ResourceSpans>) {
        let spans = resource_spans.iter().flat_map(|one| &one.scope_spans);
        self.spans += spans.map(|one| one.spans.len() as u64).sum::<u64>();
        let request = opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest {
            resource_spans,
        };
        let sent = self.client.post(&self.url).body(request.encode_to_vec());
        let sent = sent.header("content-type", "application/x-protobuf");
        let answer = sent.send().expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Waits until as much time has passed as the spans are to take.
    fn keep_pace(&self, began: Instant) {
        let due = began + Duration::from_secs_f64(self.spans as f64 / SPANS_A_SECOND);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }

    fn is_a_tenth_gone(&self, backend: &Backend) -> bool {
        backend.metric("traces_evicted_spans_total") * 10.0 > self.spans as f64
    }

    /// Counts, the stores and the traces at the end.
    fn check(&self, backend: &Backend) {
        let evicted = backend.metric("traces_evicted_spans_total");
        assert!(evicted > 0.0);
        assert_eq!(
            backend.metric("traces_received_spans_total"),
            self.spans as f64
        );
        let stored = backend.metric("traces_stored_spans");
        assert_eq!(
            stored + evicted,
            self.spans as f64,
            "each span is counted once"
        );
        for name in ["traces_stored_bytes", "prometheus_tsdb_storage_bytes"] {
            let bytes = backend.metric(name);
            assert!(bytes < STORE_BYTES, "{name} {bytes}");
        }
        let step = self.traces() / LOOKED_UP;
        let numbers = (0..LOOKED_UP).map(|place| place * step);
        let found: Vec<usize> = numbers.map(|number| backend.spans_of(number)).collect();
        let gone = found.iter().take_while(|spans| **spans == 0).count();
        assert!((1..found.len()).contains(&gone), "{found:?}");
        assert!(
            found[gone..].iter().all(|spans| *spans == shop::SPANS),
            "{found:?}"
        );
    }
}

/// Asks both halves meanwhile.
struct Asker {
    next: Instant,
    slowest: Duration,
}

impl Asker {
    fn new() -> Self {
        Self {
            next: Instant::now(),
            slowest: Duration::ZERO,
        }
    }

    fn ask_in_turn(&mut self, backend: &Backend) {
        if Instant::now() >= self.next {
            self.ask(backend);
            self.next = Instant::now() + Duration::from_secs(1);
        }
    }

    fn ask(&mut self, backend: &Backend) {
        let began = Instant::now();
        let count = value_of(&backend.prometheus, "count(load_total)", &[]);
        assert_eq!(count, Some((SERIES_A_TARGET * TARGETS) as f64));
        self.took(began);
        let began = Instant::now();
        let search = "service=gateway&limit=20&start=0&end=9000000000000000";
        let found = get_json(&format!("{}/api/traces?{search}", backend.jaeger));
        assert!(found["data"].is_array(), "{found}");
        self.took(began);
    }

    fn took(&mut self, since: Instant) {
        let took = since.elapsed();
        assert!(took < ANSWERED_WITHIN, "an answer took {took:?}");
        self.slowest = self.slowest.max(took);
    }
}
