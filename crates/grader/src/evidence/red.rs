//! Rate, errors and duration of a service: one computation for every page that shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::Prometheus;

/// Shorter windows may hold fewer than the two samples that a rate needs.
const SHORTEST: Duration = Duration::seconds(3);

/// Requests, errors and latency of a service over a window; none where nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Red {
    /// How long the window is, in seconds: shorter than asked for where the service has been measured for less.
    pub window_s: f64,
    /// Requests per second.
    pub rate: Option<f64>,
    /// Share of server errors, 0 to 1.
    pub errors: Option<f64>,
    /// Median latency, in seconds.
    pub p50_s: Option<f64>,
    /// 99th percentile of the latency, in seconds.
    pub p99_s: Option<f64>,
}

/// What `service` did in the `window` before `until`. A rate is divided by the time that has samples, so a service that
/// started 12 s ago shows the rate of these 12 s.
pub async fn red(
    prometheus: &Prometheus,
    service: &str,
    until: OffsetDateTime,
    window: Duration,
) -> Red {
    let series = "http_server_request_duration_seconds";
    let of = format!("service=\"{service}\"");
    let number = async |expr: String| {
        let value = prometheus.query(&expr, until).await.ok()?;
        value.single().filter(|value| value.is_finite())
    };
    let window = window.max(SHORTEST);
    let asked = window.whole_seconds();
    // This gauge is there from a service's first scrape on, whether it has had requests or not.
    let first = format!("min(min_over_time(timestamp(runtime_workers{{{of}}})[{asked}s:1s]))");
    let covered = number(first).await.map(|first_s| {
        let covered_s = until.unix_timestamp_nanos() as f64 / 1e9 - first_s;
        Duration::seconds_f64(covered_s.ceil())
    });
    let window = covered.map_or(window, |covered| covered.clamp(SHORTEST, window));
    let range = format!("{}s", window.whole_seconds());
    let rate = format!("sum(rate({series}_count{{{of}}}[{range}]))");
    let errors = format!(
        "(sum(rate({series}_count{{{of},http_response_status_code=~\"5..\"}}[{range}])) or vector(0)) / {rate}"
    );
    let quantile = |q: f64| {
        let buckets = format!("sum by (le) (rate({series}_bucket{{{of}}}[{range}]))");
        format!("histogram_quantile({q}, {buckets})")
    };
    let (rate, errors, p50_s, p99_s) = tokio::join!(
        number(rate),
        number(errors),
        number(quantile(0.5)),
        number(quantile(0.99)),
    );
    Red {
        window_s: window.as_seconds_f64(),
        rate,
        errors,
        p50_s,
        p99_s,
    }
}
