//! Four minutes of a shop, a sample a second: quiet, an incident with everything that a rule watches, quiet again with
//! what flickers at the edges.

use super::super::fixture::{START_MS, Series};

/// Samples of a series that is always there; rules are evaluated as often.
pub(super) const SECONDS: i64 = 240;

/// A metric, its labels and its value at a second; none where a scrape would not have found it.
type Line = (&'static str, &'static str, fn(i64) -> Option<f64>);

const SCENE: &[Line] = &[
    (
        "http_server_request_duration_seconds_bucket",
        "http_request_method=POST http_route=/v1/orders instance=gateway-1 le=0.5 service=gateway",
        |second| Some(orders(second) - late(second)),
    ),
    (
        "http_server_request_duration_seconds_count",
        "http_request_method=POST http_response_status_code=201 http_route=/v1/orders instance=gateway-1 service=gateway",
        |second| Some(orders(second)),
    ),
    (
        "http_server_request_duration_seconds_count",
        "http_request_method=POST http_response_status_code=503 http_route=/v1/orders instance=gateway-1 service=gateway",
        // The series begins with the first failure, as those of clients do.
        |second| (second >= 70).then(|| (second.min(120) - 69) as f64 * 3.0),
    ),
    (
        "allocator_allocated_bytes",
        "instance=checkout-1 job=shop",
        |second| Some(40e6 + 3e5 * (second - 60).clamp(0, 70) as f64),
    ),
    (
        "process_start_time_seconds",
        "instance=checkout-1 job=shop",
        |second| {
            let restarted = if second < 200 { -100 } else { 199 };
            Some((START_MS / 1_000 + restarted) as f64)
        },
    ),
    (
        "log_events_total",
        "instance=checkout-1 level=warn service=checkout",
        |second| Some((second - 80).clamp(0, 40) as f64 * 2.0),
    ),
    (
        "outbox_oldest_age_seconds",
        "instance=checkout-1",
        |second| {
            Some(if second < 90 {
                0.0
            } else {
                ((second - 90) % 90) as f64
            })
        },
    ),
    ("up", "instance=inventory-1 job=shop", |second| {
        Some(f64::from(!(150..175).contains(&second)))
    }),
    (
        "up",
        "instance=inventory-2 job=shop",
        // No target for a while, and back with a failing scrape.
        |second| (!(40..60).contains(&second)).then_some(f64::from(second < 220)),
    ),
    (
        "requests_total",
        "instance=a job=shop route=/cart",
        |second| Some((second * 7 + second / 3) as f64),
    ),
    (
        "requests_total",
        "instance=b job=shop route=/cart",
        // The counter starts over.
        |second| Some((second % 100 * 6) as f64),
    ),
    ("depth", "instance=a queue=orders", |second| {
        Some((second % 31) as f64 / 2.5)
    }),
    ("depth", "instance=a queue=mail", |second| {
        (second % 90 < 70).then_some((second % 45 / 4) as f64)
    }),
    ("flickering", "instance=a", |second| {
        Some(f64::from(second % 7 < 4 || (100..120).contains(&second)))
    }),
    ("vanishing", "shard=7", |second| {
        (second < 30 || (60..100).contains(&second) || second > 200).then_some(1.0)
    }),
    ("temperature", "sensor=roof", |second| {
        Some((second % 50) as f64 / 4.0 - 3.0)
    }),
];

/// Orders so far: ten a second.
fn orders(second: i64) -> f64 {
    (second * 10) as f64
}

/// Those that took too long: none at first, then six of ten.
fn late(second: i64) -> f64 {
    ((second - 60).clamp(0, 50) * 6) as f64
}

/// Every series, with a marker at the first second that lacks it.
pub(super) fn series() -> Vec<Series> {
    let lines = SCENE.iter().map(|(name, labels, value)| {
        let labels = labels.split(' ').filter_map(|pair| pair.split_once('='));
        let mut labels: Vec<(String, String)> = labels
            .chain([("__name__", *name)])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        labels.sort();
        let samples = (0..=SECONDS).filter_map(|second| {
            let was_there = second > 0 && value(second - 1).is_some();
            let marker = was_there.then_some(promql::STALE);
            Some((START_MS + second * 1_000, value(second).or(marker)?))
        });
        Series {
            labels,
            samples: samples.collect(),
        }
    });
    lines.collect()
}
