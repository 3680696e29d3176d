//! What the metrics half costs: taking samples in, keeping them, asking for them. It prints, and judges nothing.
//!
//! ```text
//! cargo bench --workspace --bench metrics
//! ```

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use prom::exposition::{self, Description, Exemplar, Format, Label, Visitor};
use prom::journal::Journal;
use prom::replay::replay;
use prom::store::{Limits, SeriesId, Store};
use promql::{Labels, Sample};

/// What dashboards ask, over 600 series, 15 minutes at 1 s, 5 s steps; `$` is the name of the buckets.
const QUERIES: [&str; 7] = [
    "histogram_quantile(0.99, sum by (le, service) (rate($[1m])))",
    "sum by (service) (rate($[1m]))",
    "$",
    "max_over_time($[1m])",
    "topk(5, rate($[1m]))",
    "rate($[1m]) / on (service, http_route) group_left sum by (service, http_route) (rate($[1m]))",
    "max_over_time(sum(rate($[1m]))[5m:5s])",
];
const BUCKETS: usize = 40;
const GROUPS: usize = 15;
const SECONDS: i64 = 900;
const STEP_MS: i64 = 5_000;
const START_MS: i64 = 1_700_000_000_000;
const ROUNDS: usize = 9;

fn main() {
    ingest();
    parse();
    keep_and_ask();
    journal();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A source of numbers that is the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn bucket_labels(group: usize, bucket: usize) -> Labels {
    let service = ["gateway", "checkout", "inventory"][group % 3];
    let bound = 0.000_25 * 1.3f64.powi(bucket as i32);
    let name = "http_server_request_duration_seconds_bucket";
    Labels::new([
        ("__name__", name.to_owned()),
        ("job", "shop".to_owned()),
        ("service", service.to_owned()),
        ("instance", format!("instance-{}", group % 3)),
        ("http_route", format!("/v1/route-{}", group / 3)),
        ("http_response_status_code", "200".to_owned()),
        ("le", bound.to_string()),
    ])
}

/// Counts of a histogram that takes about 20 requests a second.
struct Histogram([u64; BUCKETS]);

impl Histogram {
    fn step(&mut self, random: &mut Random) {
        for _ in 0..20 {
            let middle = (random.next() % 10 + random.next() % 10 + 8) as usize;
            for count in &mut self.0[middle.min(BUCKETS - 1)..] {
                *count += 1;
            }
        }
    }
}

fn fill(store: &Store, seconds: i64) -> u64 {
    let ids: Vec<Vec<SeriesId>> = (0..GROUPS)
        .map(|group| {
            let mut batch = store.batch();
            let ids = (0..BUCKETS).map(|bucket| batch.series(&bucket_labels(group, bucket)));
            ids.map(|id| id.expect("the store takes this many series"))
                .collect()
        })
        .collect();
    let mut random = Random(7);
    let mut histograms: Vec<Histogram> = (0..GROUPS).map(|_| Histogram([0; BUCKETS])).collect();
    for second in 0..seconds {
        for (ids, histogram) in ids.iter().zip(&mut histograms) {
            histogram.step(&mut random);
            let mut batch = store.batch();
            for (id, count) in ids.iter().zip(histogram.0) {
                let value = count as f64;
                batch.append(*id, Sample::new(START_MS + second * 1_000, value));
            }
        }
    }
    (GROUPS * BUCKETS) as u64 * seconds as u64
}

fn ingest() {
    let times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let store = Store::new(Limits::default());
            let started = Instant::now();
            black_box(fill(&store, SECONDS));
            started.elapsed()
        })
        .collect();
    let count = (GROUPS * BUCKETS) as f64 * SECONDS as f64;
    let rate = count / median(times).as_secs_f64();
    println!("ingest into the store       {:8.1} M samples/s", rate / 1e6);
}

/// Recognises nothing: every line is taken apart.
struct Count(u64);

impl Visitor for Count {
    fn recall(&mut self, _: &str) -> Option<usize> {
        None
    }
    fn series(&mut self, text: &str, labels: &[Label<'_>]) {
        black_box((text, labels));
    }
    fn sample(&mut self, value: f64, _: Option<i64>) {
        black_box(value);
        self.0 += 1;
    }
    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        black_box(exemplar);
    }
    fn describe(&mut self, _: &str, _: Description<'_>) {}
}

fn parse() {
    let mut text = String::new();
    for group in 0..GROUPS {
        for bucket in 0..BUCKETS {
            let labels = bucket_labels(group, bucket)
                .to_string()
                .replace("\", ", "\",");
            let _ = writeln!(text, "{labels} {}", group * bucket);
        }
    }
    let mut count = Count(0);
    let started = Instant::now();
    for _ in 0..200 {
        let read = exposition::parse(text.as_bytes(), Format::Text, &mut count);
        read.expect("the text follows the format");
    }
    let rate = count.0 as f64 / started.elapsed().as_secs_f64();
    println!("parse unknown series        {:8.1} M samples/s", rate / 1e6);
}

fn keep_and_ask() {
    let store = Store::new(Limits::default());
    let samples = fill(&store, SECONDS);
    let stats = store.stats();
    let per_sample = stats.bytes as f64 / samples as f64;
    println!("memory of 600 series, 900 s {per_sample:8.2} B/sample, labels and index included");
    let (start_ms, end_ms) = (START_MS, START_MS + SECONDS * 1_000);
    let options = promql::Options::default();
    for query in QUERIES {
        let query = query.replace('$', "http_server_request_duration_seconds_bucket");
        let times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let started = Instant::now();
                let answer = promql::range(&store, &query, start_ms, end_ms, STEP_MS, &options);
                black_box(answer.expect("the query is right"));
                started.elapsed()
            })
            .collect();
        println!("{:8.1} ms  {query}", median(times).as_secs_f64() * 1e3);
    }
}

fn journal() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let journal = Journal::create(folder.path(), u64::MAX).expect("a file can be made");
    let journal = std::sync::Arc::new(journal);
    let store = Store::with_journal(Limits::default(), std::sync::Arc::clone(&journal));
    let samples = fill(&store, SECONDS);
    journal.flush();
    let bytes = journal.written() as f64 / samples as f64;
    let again = Store::new(Limits::default());
    let started = Instant::now();
    let found = replay(folder.path(), &again).expect("the journal can be read");
    let rate = found.samples as f64 / started.elapsed().as_secs_f64();
    println!(
        "journal                     {bytes:8.2} B/sample, replayed at {:.1} M samples/s",
        rate / 1e6
    );
}
