//! The samples that both Prometheus get: what scrapes of a small shop would have stored over fifty minutes, staleness
//! markers included. Deterministic, so that an answer that differs today differs tomorrow.
//!
//! The time is a night with a leap day in it, for the functions of dates.

mod shop;
mod target;

use std::collections::BTreeMap;

use target::{Gone, Shape, Target};

/// 2024-02-28T23:50:00Z in Unix milliseconds.
pub(super) const START_MS: i64 = 1_709_164_200_000;
/// From scrape to scrape.
pub(super) const INTERVAL_MS: i64 = 15_000;
/// Scrapes of a target that was always there.
pub(super) const SCRAPES: usize = 200;

/// Names and values, sorted by name.
pub(super) type Labels = Vec<(String, String)>;
/// Moments in Unix milliseconds and values, oldest first.
pub(super) type Samples = Vec<(i64, f64)>;

/// What both get to know of one series.
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) samples: Samples,
}

/// The bounds of the latency histograms.
const BOUNDS: &[&str] = &["0.005", "0.05", "0.25", "0.5", "1.0", "5.0", "+Inf"];

/// Every series of the fixture, each once.
pub(super) fn series() -> Vec<Series> {
    let mut found: BTreeMap<Labels, Samples> = BTreeMap::new();
    let odd = [
        gateway("gateway-1", 0, 1.0, &[Gone::Restarted(70)]),
        // Its scrapes fail for two minutes and a half, and it comes back with new counters.
        gateway("gateway-2", 3_217, 0.83, &[Gone::Failed(90..100)]),
        // A deploy: the old version's series end, the new one's begin.
        checkout("checkout-1", 7_450, "1.4.0", &[Gone::Removed(120..SCRAPES)]),
        checkout("checkout-1", 7_450, "1.5.0", &[Gone::Removed(0..121)]),
        // No scrape for three minutes: a gap without a marker.
        checkout("checkout-2", 11_999, "1.4.0", &[Gone::Unseen(50..62)]),
        queue(),
        oddities(),
    ];
    for target in odd.into_iter().chain(shop::targets()) {
        for series in target.series() {
            found
                .entry(series.labels)
                .or_default()
                .extend(series.samples);
        }
    }
    let found = found.into_iter().map(|(labels, mut samples)| {
        samples.sort_by_key(|(t_ms, _)| *t_ms);
        Series { labels, samples }
    });
    found.collect()
}

/// `share` of the traffic goes to this instance, so that no two of them show the same.
fn gateway(instance: &'static str, offset_ms: i64, share: f64, gone: &[Gone]) -> Target {
    let mut target = Target::new("shop", instance, offset_ms, gone);
    let requests = [
        ("GET", "/products", "200", 12.0),
        ("GET", "/products", "500", 0.1),
        ("GET", "/products/{sku}", "200", 31.5),
        ("POST", "/cart", "200", 4.0),
        ("POST", "/cart", "409", 0.6),
        ("POST", "/checkout", "201", 1.7),
        ("POST", "/checkout", "503", 0.05),
    ];
    for (method, route, code, rate) in requests {
        let labels = [("method", method), ("route", route), ("code", code)];
        target.add("http_requests_total", &labels, Shape::Counter(rate * share));
    }
    for (route, rate, middle) in [
        ("/products", 12.0, 0.03),
        ("/cart", 4.6, 0.2),
        ("/checkout", 1.7, 0.7),
    ] {
        let labels = [("route", route)];
        target.histogram(
            "http_request_duration_seconds",
            &labels,
            BOUNDS,
            rate * share,
            middle,
        );
    }
    target.add("process_start_time_seconds", &[], Shape::Started);
    target.add("memory_bytes", &[], Shape::Wave(180e6 * share, 40e6, 37.0));
    for (state, middle) in [("idle", 6.0), ("used", 4.0)] {
        let shape = Shape::Steps(middle, 3.0, 11);
        target.add("pool_connections", &[("state", state)], shape);
    }
    target.add("pool_size", &[], Shape::Same(10.0));
    target
}

fn checkout(
    instance: &'static str,
    offset_ms: i64,
    version: &'static str,
    gone: &[Gone],
) -> Target {
    let mut target = Target::new("shop", instance, offset_ms, gone);
    let labels = [("service", "checkout"), ("version", version)];
    target.add("build_info", &labels, Shape::Same(1.0));
    target.add(
        "orders_total",
        &[("result", "stored")],
        Shape::Counter(1.61),
    );
    target.add(
        "orders_total",
        &[("result", "refused")],
        Shape::Counter(0.02),
    );
    let start = 90e6 + offset_ms as f64;
    target.add("memory_bytes", &[], Shape::Rise(start, 31_337.0));
    target.add("process_start_time_seconds", &[], Shape::Started);
    target.add("pool_size", &[], Shape::Same(4.0));
    target
}

fn queue() -> Target {
    let mut target = Target::new("queue", "outbox", 500, &[]);
    for (name, middle) in [("orders", 20.0), ("mail", 3.0), ("empty", 0.0)] {
        let shape = Shape::Steps(middle, middle, 17);
        target.add("queue_depth", &[("queue", name)], shape);
    }
    target.add("oldest_seconds", &[], Shape::Saw(240.0, 23));
    target.add("last_run_timestamp_seconds", &[], Shape::Now(-93.5));
    for (shard, on, off) in [("0", 12, 8), ("1", 3, 2), ("2", 1, 27), ("3", 25, 40)] {
        let shape = Shape::Flicker(on, off);
        target.add("shard_lag_seconds", &[("shard", shard)], shape);
    }
    target
}

/// What real exporters do now and then, and what makes arithmetic hard.
fn oddities() -> Target {
    let mut target = Target::new("odd", "odd-1", 1, &[]);
    let temperatures: &[(&str, &'static [f64])] = &[
        ("nan", &[f64::NAN]),
        ("sometimes_nan", &[20.5, f64::NAN, 21.25, 19.75]),
        ("inf", &[1.0, f64::INFINITY, 2.0]),
        ("minus_inf", &[f64::NEG_INFINITY, 3.0, 4.0, 5.0]),
        ("zero", &[0.0, -0.0]),
        ("tenths", &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ("cold", &[-40.25, -12.5, -3.75]),
    ];
    for (sensor, values) in temperatures {
        target.add("temperature", &[("sensor", sensor)], Shape::Cycle(values));
    }
    for (kind, values) in [
        ("tiny", &[5e-324, 1e-308, 2.5e-300] as &'static [f64]),
        ("huge", &[1.5e308, 1.7e308, -1.6e308]),
        (
            "precise",
            &[1e16, 1.0, -1e16, 9_007_199_254_740_993.0, 1e-9],
        ),
    ] {
        target.add("extreme", &[("kind", kind)], Shape::Cycle(values));
    }
    for text in ["größer ✓", "C:\\temp\\x", "a \"quoted\" one", "a=b,c"] {
        target.add("note", &[("text", text)], Shape::Same(1.0));
    }
    // A sample every four minutes is found by looking back; one every seven is not always.
    target.add("sparse", &[("every", "4m")], Shape::Seldom(16));
    target.add("sparse", &[("every", "7m")], Shape::Seldom(28));
    target.add("resetting_total", &[], Shape::Saw(1_000.0, 9));
    target.add("late_total", &[], Shape::After(150, 2.5));
    target.add("early_total", &[], Shape::Before(40, 2.5));
    target.histogram("endless_seconds", &[], &["0.1", "1.0"], 3.0, 0.2);
    target.histogram("only_seconds", &[], &["+Inf"], 3.0, 0.2);
    target.histogram("empty_seconds", &[], BOUNDS, 0.0, 0.2);
    target.histogram(
        "below_zero_seconds",
        &[],
        &["-1.0", "0.0", "+Inf"],
        5.0,
        0.2,
    );
    for (le, value) in [("0.1", 7.0), ("1.0", 5.0), ("5.0", 9.0), ("+Inf", 9.0)] {
        target.add("crooked_bucket", &[("le", le)], Shape::Same(value));
    }
    for (le, value) in [
        ("0.1", 1.0),
        ("much", 2.0),
        ("1.0", f64::NAN),
        ("+Inf", 4.0),
    ] {
        target.add("nonsense_bucket", &[("le", le)], Shape::Same(value));
    }
    target
}
