//! How long the queries of a dashboard take over a quarter of an hour of 1 s samples.
//!
//! `cargo bench -p promql --bench promql`; prints the median and the fastest of some rounds, and judges nothing.

use std::time::{Duration, Instant};

use promql::{Labels, MatchOp, Matcher, Options, Sample, Series, Source, range};

const SERVICES: usize = 3;
const ROUTES: usize = 5;
const BUCKETS: usize = 40;
const SAMPLES: i64 = 900;
const ROUNDS: usize = 15;

const QUERIES: [&str; 7] = [
    "histogram_quantile(0.99, sum by (le, service) (rate(x_bucket[1m])))",
    "sum by (service) (rate(x_bucket[1m]))",
    "x_bucket",
    "max_over_time(x_bucket[1m])",
    "topk(5, rate(x_bucket[1m]))",
    "sum by (service, route) (rate(x_bucket{le=\"+Inf\"}[1m])) / on (service) group_left sum by (service) (rate(x_bucket{le=\"+Inf\"}[1m]))",
    "max_over_time(sum(rate(x_bucket[1m]))[5m:5s])",
];

/// Series in memory, found by a scan over all labels.
struct Memory(Vec<Series>);

impl Source for Memory {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        let matching = self.0.iter().filter(|series| {
            matchers.iter().all(|matcher| {
                matcher.is_match(series.labels.get(&matcher.name).unwrap_or_default())
            })
        });
        matching
            .map(|series| {
                let from = series
                    .samples
                    .partition_point(|sample| sample.t_ms < from_ms);
                let to = series
                    .samples
                    .partition_point(|sample| sample.t_ms <= to_ms);
                Series {
                    labels: series.labels.clone(),
                    samples: series.samples[from..to].to_vec(),
                }
            })
            .collect()
    }
}

fn main() {
    let source = Memory(histograms());
    let name = Matcher::new(MatchOp::Equal, "__name__", "x_bucket");
    let select = median(|| {
        source
            .select(std::slice::from_ref(&name), 0, SAMPLES * 1000)
            .len()
    });
    println!(
        "{:>9} {:>9}  of {} series",
        "median",
        "fastest",
        source.0.len()
    );
    report("the source alone", select);
    for query in QUERIES {
        let options = Options::default();
        let times = median(|| {
            let answer = range(&source, query, 0, SAMPLES * 1000, 5_000, &options);
            answer.expect("the queries above are right").warnings.len()
        });
        report(query, times);
    }
}

fn report(what: &str, (median, fastest): (Duration, Duration)) {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("{:>6.2} ms {:>6.2} ms  {what}", ms(median), ms(fastest));
}

fn median(mut run: impl FnMut() -> usize) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(run());
            started.elapsed()
        })
        .collect();
    times.sort();
    (times[ROUNDS / 2], times[0])
}

/// Cumulative counters that grow a little differently each, with one reset on the way.
fn histograms() -> Vec<Series> {
    let mut series = Vec::new();
    for index in 0..SERVICES * ROUTES * BUCKETS {
        let bucket = index % BUCKETS;
        let le = if bucket == BUCKETS - 1 {
            "+Inf".to_owned()
        } else {
            format!("{}", 0.001 * 1.3_f64.powi(bucket as i32))
        };
        let labels = Labels::new([
            ("__name__", "x_bucket".to_owned()),
            ("instance", format!("i-{}", index / BUCKETS)),
            ("le", le),
            ("route", format!("/r/{}", index / BUCKETS % ROUTES)),
            ("service", format!("s-{}", index / BUCKETS / ROUTES)),
        ]);
        let count = |second: i64| (second % 600 * (bucket as i64 + 1) + second % 7) as f64;
        let samples = (0..SAMPLES).map(|second| Sample {
            t_ms: second * 1000 + 137,
            value: count(second),
        });
        series.push(Series {
            labels,
            samples: samples.collect(),
        });
    }
    series
}
