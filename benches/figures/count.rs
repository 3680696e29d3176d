//! Every request that was answered is counted once and has one complete trace.

use std::fs::File;
use std::io::BufReader;
use std::time::{Duration, Instant};

use anyhow::Context;
use loadgen::record::line;
use loadgen::{Load, Record, Route};

use crate::Options;
use crate::api::{Api, Traces, now_ns};
use crate::drill::{Drill, Home};
use crate::table::Row;

/// Requests a second.
const RATE: f64 = 500.0;
const TIME: Duration = Duration::from_secs(60);
/// For the requests under way at the end.
const DRAIN: Duration = Duration::from_secs(5);
/// Until the last scrape and the last batch of spans are in; both take about a second.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// The shop's own traffic: practically none, and it is counted, too.
const IDLE: [&str; 2] = ["--rate", "0.001"];
/// Of the traces that are asked for at once.
const WINDOW_NS: i128 = 1_000_000_000;
const COUNTER: &str = r#"sum(http_server_request_duration_seconds_count{service="gateway"})"#;

pub(crate) fn measure(home: &Home, _: Options) -> anyhow::Result<Vec<Row>> {
    let mut drill = Drill::up(home, &IDLE)?;
    let api = Api::new(drill.url("jaeger")?, drill.url("prometheus")?)?;
    let start_ns = now_ns();
    let (record, lag_us) = load(&drill)?;
    let answered = answered(&record);
    let counter = settled(&api, answered as f64)?;
    let lost = |reason: &str| {
        let expr = format!("sum(otel_spans_dropped_total{{reason=\"{reason}\"}})");
        api.number(&expr, None)
    };
    let (full, refused) = (lost("queue_full")?, lost("export_failed")?);
    let mut traces = Traces::default();
    let (mut from_ns, end_ns) = (start_ns - WINDOW_NS, now_ns());
    while from_ns < end_ns {
        traces.merge(api.traces(from_ns, from_ns + WINDOW_NS)?);
        from_ns += WINDOW_NS;
    }
    let journal = drill.run_folder()?.join("load.jsonl");
    drill.end()?;
    let own = line::read(BufReader::new(File::open(journal).context("load record")?))?;
    let others = self::answered(&own);
    let complete = traces.complete(0);
    let three = complete
        .iter()
        .filter(|trace| trace.name == Route::PlaceOrder.name() && trace.services.len() == 3);
    let sum = record.sum(record.whole(), None);
    let orders = record.sum(record.whole(), Some(Route::PlaceOrder));
    Ok(vec![
        Row::new(
            "requests acknowledged = counter total = complete traces, 500/s for 60 s",
            "exact",
            format!("{} = {counter:.0} = {}", answered + others, complete.len(),),
        ),
        Row::new(
            "  traces; spans; spans lost to a full queue, to a failed export",
            "",
            format!(
                "{}; {}; {:.0}, {:.0}",
                traces.len(),
                traces.spans(),
                full.unwrap_or_default(),
                refused.unwrap_or_default()
            ),
        ),
        Row::new(
            "  orders answered with 2xx = complete traces through three services",
            "",
            format!("{} = {}", orders.answered_class(2), three.count()),
        ),
        Row::new(
            "  scheduled; answers by status; without an answer; median lag of the load",
            "",
            format!(
                "{}; {:?}; {:?}; {lag_us} us",
                sum.scheduled, sum.codes, sum.errors
            ),
        ),
    ])
}

/// A load of our own, the same that drills have, because it can be ended while the shop stays up.
fn load(drill: &Drill) -> anyhow::Result<(Record, u64)> {
    let load = Load {
        rate: RATE,
        ..Load::default()
    };
    let config = loadgen::Config::new(drill.addr("gateway")?, 1, load);
    let handle = loadgen::start(config)?;
    std::thread::sleep(TIME);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let record = runtime.block_on(handle.stop(DRAIN));
    let lag_us = record.lag(record.whole()).value_at_quantile(0.5);
    Ok((record, lag_us))
}

fn answered(record: &Record) -> u64 {
    record.sum(record.whole(), None).answered()
}

/// The counter once it shows what it should, or what it shows in the end.
fn settled(api: &Api, expected: f64) -> anyhow::Result<f64> {
    let deadline = Instant::now() + SETTLED_WITHIN;
    // Spans may still be on their way when the counter is right at once.
    std::thread::sleep(Duration::from_secs(2));
    loop {
        let counter = api.number(COUNTER, None)?.unwrap_or_default();
        if counter >= expected || Instant::now() > deadline {
            return Ok(counter);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
