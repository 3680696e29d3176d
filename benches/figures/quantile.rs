//! The p99 of our histograms beside the exact ones of the same minute and route: by the spans of the same requests,
//! whose clock starts where the histogram's does, and by the load's own record, whose clock also sees the way there.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use anyhow::Context;
use loadgen::Route;
use loadgen::record::line;

use crate::Options;
use crate::api::{Api, Traces, now_ns};
use crate::drill::{Drill, Home};
use crate::table::Row;

/// Requests a second: some hundred beyond the 99th percentile of the busiest route.
const RATE: &str = "200";
/// Connections and caches are warm after this.
const WARM: Duration = Duration::from_secs(5);
const WINDOW_S: u64 = 60;
/// Until the last scrape of the window is in.
const SCRAPED: Duration = Duration::from_secs(2);
const QUANTILES: [f64; 2] = [0.5, 0.99];

/// The routes with requests enough: 40, 28 and 10 in 100.
const ROUTES: [Route; 3] = [Route::GetProduct, Route::ListProducts, Route::PlaceOrder];

pub(crate) fn measure(home: &Home, _: Options) -> anyhow::Result<Vec<Row>> {
    let mut drill = Drill::up(home, &["--rate", RATE])?;
    std::thread::sleep(WARM + Duration::from_secs(WINDOW_S));
    let end_ms = i64::try_from(now_ns() / 1_000_000)?;
    std::thread::sleep(SCRAPED);
    let api = Api::new(drill.url("jaeger")?, drill.url("prometheus")?)?;
    let mut ours = Vec::new();
    for (route, quantile) in pairs() {
        let (method, path) = route
            .name()
            .split_once(' ')
            .context("a method and a path")?;
        let expr = format!(
            "histogram_quantile({quantile}, sum by (le) (rate(http_server_request_duration_seconds_bucket{{\
             service=\"gateway\",http_request_method=\"{method}\",http_route=\"{path}\"}}[{WINDOW_S}s])))"
        );
        let value = api.number(&expr, Some(end_ms as f64 / 1e3))?;
        ours.push(value.with_context(|| format!("no samples of `{route}`"))?);
    }
    let traces = traces(&api, i128::from(end_ms) * 1_000_000)?;
    let journal = drill.run_folder()?.join("load.jsonl");
    drill.end()?;
    let record = line::read(BufReader::new(File::open(journal).context("load record")?))?;
    let start_ms = end_ms - i64::try_from(WINDOW_S * 1_000)?;
    let window = record.between_ms(start_ms, end_ms);
    let rows = pairs().zip(ours).flat_map(|((route, quantile), ours)| {
        let spans = traces.iter().filter(|(name, _)| name == route.name());
        let spans: Vec<f64> = spans.map(|(_, ms)| *ms).collect();
        let load_us = record.quantile_us(window.clone(), Some(route), quantile);
        let count = record.sum(window.clone(), Some(route)).answered();
        let against = |exact_ms: f64, count: u64| {
            let percent = (ours * 1e3 / exact_ms - 1.0) * 100.0;
            format!(
                "{percent:+.1} % ({:.2} ms, {exact_ms:.2} ms, {count} requests)",
                ours * 1e3
            )
        };
        let reach = if quantile == 0.99 { "within 10 %" } else { "" };
        let figure = format!(
            "p{:.0} of {route}, histogram against exact",
            quantile * 100.0
        );
        [
            Row::new(
                &figure,
                reach,
                against(exact(&spans, quantile), spans.len() as u64),
            ),
            Row::new(
                "  against the load's record",
                reach,
                against(load_us as f64 / 1e3, count),
            ),
        ]
    });
    Ok(rows.collect())
}

/// Name and duration (ms) of every request of the window that ends at `end_ns`, by the gateway's spans.
fn traces(api: &Api, end_ns: i128) -> anyhow::Result<Vec<(String, f64)>> {
    const SECOND_NS: i128 = 1_000_000_000;
    let mut all = Traces::default();
    for second in (1..=i128::from(WINDOW_S)).rev() {
        let from_ns = end_ns - second * SECOND_NS;
        all.merge(api.traces(from_ns, from_ns + SECOND_NS)?);
    }
    let shapes = all.complete(0).into_iter();
    Ok(shapes.map(|shape| (shape.name, shape.ms)).collect())
}

/// The value at a quantile by nearest rank; not a number when there is none.
fn exact(values: &[f64], quantile: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (quantile * values.len() as f64).ceil() as usize;
    values
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

fn pairs() -> impl Iterator<Item = (Route, f64)> {
    let routes = ROUTES.into_iter();
    routes.flat_map(|route| QUANTILES.map(|quantile| (route, quantile)))
}
