//! The collector's figures: ingest over real OTLP/gRPC, memory a span, search by tag in 100,000 traces.
//!
//! The collector is a process of its own (this executable again), so that its memory and CPU time are only its own;
//! the sender shares the machine. `cargo bench -p traces --bench traces [-- ROUNDS]`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _, Bytes};
use prost::Message as _;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use traces::store::Limits;
use traces::{Traces, ui};

#[path = "traces/shop.rs"]
mod shop;

type Error = Box<dyn std::error::Error + Send + Sync>;

const TRACES: u64 = 100_000;
/// 480 spans a request.
const TRACES_PER_REQUEST: u64 = 60;
const CONNECTIONS: usize = 2;
const START_NS: u64 = 1_763_000_000_000_000_000;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "collector") {
        return collector().await;
    }
    let rounds = arguments
        .iter()
        .find_map(|text| text.parse::<usize>().ok())
        .unwrap_or(3);
    let requests: Vec<Bytes> = (0..TRACES.div_ceil(TRACES_PER_REQUEST))
        .map(|number| number * TRACES_PER_REQUEST)
        .map(|first| {
            let count = TRACES_PER_REQUEST.min(TRACES - first);
            shop::request(first, count, START_NS).encode_to_vec().into()
        })
        .collect();
    let wire: usize = requests.iter().map(Bytes::len).sum();
    let spans = TRACES as usize * shop::SPANS;
    println!(
        "{TRACES} traces, {spans} spans, {} bytes a span on the wire",
        wire / spans
    );
    for round in 1..=rounds {
        run(round, &requests, spans).await?;
    }
    Ok(())
}

async fn run(round: usize, requests: &[Bytes], spans: usize) -> Result<(), Error> {
    let mut collector = Collector::start()?;
    let before = collector.figures()?;
    let started = Instant::now();
    send_all(&collector.grpc, requests).await?;
    let took = started.elapsed();
    let after = collector.figures()?;
    assert_eq!(after.spans, spans, "every span is stored");
    println!(
        "round {round}: ingest {:.0} spans/s, collector {:.2} us CPU a span; \
         memory {:.1} B a span by own account, {:.1} B resident",
        spans as f64 / took.as_secs_f64(),
        (after.cpu - before.cpu).as_secs_f64() * 1e6 / spans as f64,
        after.bytes as f64 / spans as f64,
        (after.resident - before.resident) as f64 / spans as f64,
    );
    for (what, query) in searches() {
        let (mut times, mut found) = (Vec::new(), 0);
        for _ in 0..9 {
            let started = Instant::now();
            found = collector.search(&query)?;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        println!(
            "  search {what}: {:.1} ms median, {:.1} ms worst, {found} bytes",
            millis(times[4]),
            millis(times[8])
        );
    }
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn searches() -> Vec<(&'static str, String)> {
    let tags = |json: &str| {
        let quoted: String = form_urlencoded::byte_serialize(json.as_bytes()).collect();
        format!("/api/traces?limit=20&tags={quoted}")
    };
    let needle = format!(r#"{{"request.id":"{:016x}"}}"#, shop::mix(777 + 77));
    vec![
        ("by a tag of one trace in 100,000", tags(&needle)),
        (
            "by a tag of every 50th trace",
            tags(r#"{"http.response.status_code":"503","http.route":"/v1/orders"}"#),
        ),
        ("by a tag of no trace", tags(r#"{"request.id":"none"}"#)),
        (
            "by two tags that never meet on a span",
            tags(r#"{"db.operation.name":"INSERT","db.collection.name":"price"}"#),
        ),
        (
            "by minimum duration, none so long",
            "/api/traces?limit=20&minDuration=10s".to_owned(),
        ),
        (
            "by service and operation, the newest 20",
            "/api/traces?limit=20&service=inventory&operation=SELECT%20price".to_owned(),
        ),
    ]
}

async fn send_all(address: &str, requests: &[Bytes]) -> Result<(), Error> {
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..CONNECTIONS {
        let own: Vec<Bytes> = requests
            .iter()
            .skip(number)
            .step_by(CONNECTIONS)
            .cloned()
            .collect();
        let address = address.to_owned();
        senders.spawn(async move {
            let channel = tonic::transport::Endpoint::new(format!("http://{address}"))?
                .connect()
                .await?;
            let mut client = tonic::client::Grpc::new(channel);
            for request in own {
                client.ready().await?;
                let path = http::uri::PathAndQuery::from_static(
                    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                );
                client
                    .unary(tonic::Request::new(request), path, RawCodec)
                    .await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    Ok(())
}

struct Figures {
    spans: usize,
    bytes: usize,
    resident: usize,
    cpu: Duration,
}

/// The collector's process; it ends with its standard input.
struct Collector {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    grpc: String,
}

impl Drop for Collector {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Collector {
    fn start() -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("collector")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take().ok_or("the input was piped")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the output was piped")?);
        let mut started = Self {
            child,
            commands,
            answers,
            grpc: String::new(),
        };
        started.grpc = started.line()?;
        Ok(started)
    }

    fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    fn figures(&mut self) -> Result<Figures, Error> {
        writeln!(self.commands, "stats")?;
        let line = self.line()?;
        let mut numbers = line.split(' ').map(str::parse);
        let mut next = || numbers.next().ok_or("a number is missing");
        let (spans, bytes) = (next()??, next()??);
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        let resident: usize = resident.trim().trim_end_matches(" kB").parse()?;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        // User and system time, in ticks of 10 ms.
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Figures {
            spans,
            bytes,
            resident: resident * 1024,
            cpu: Duration::from_millis(ticks * 10),
        })
    }

    /// Asks the Jaeger API in the collector's own process, so that no HTTP client is measured.
    fn search(&mut self, query: &str) -> Result<usize, Error> {
        writeln!(self.commands, "{query}")?;
        Ok(self.line()?.parse()?)
    }
}

async fn collector() -> Result<(), Error> {
    use tower::ServiceExt as _;
    let limits = Limits {
        bytes: 512 << 20,
        spans: 10_000_000,
    };
    let traces = Traces::new(limits, ui::Config::default(), None);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let server = traces.clone();
    let serving = tokio::spawn(async move {
        server
            .serve_otlp_grpc(listener, std::future::pending())
            .await
    });
    let jaeger = traces.jaeger_router();
    let (lines, mut commands) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(command) = commands.recv().await {
        if command == "stats" {
            let stats = traces.stats();
            println!("{} {}", stats.spans, stats.bytes);
            continue;
        }
        let request = http::Request::builder()
            .uri(command)
            .body(axum::body::Body::empty())?;
        let response = jaeger.clone().oneshot(request).await?;
        assert!(response.status().is_success(), "{}", response.status());
        println!(
            "{}",
            axum::body::to_bytes(response.into_body(), usize::MAX)
                .await?
                .len()
        );
    }
    serving.abort();
    Ok(())
}

/// Sends requests that are encoded already.
#[derive(Debug, Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
