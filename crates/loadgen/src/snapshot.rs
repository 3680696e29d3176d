//! The last few seconds in numbers, for a status display.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

use crate::{Record, Route};

/// The load over the last whole seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// End of the window, in seconds since the start of the load.
    pub at_s: u32,
    /// Length of the window in seconds; shorter than requested right after the start.
    pub window_s: u32,
    /// Requests in flight.
    pub in_flight: usize,
    /// Median delay of sending, in milliseconds.
    pub lag_p50_ms: f64,
    /// Sum of all routes.
    pub all: Rates,
    /// The routes used in the window, in the order of [`Route::ALL`].
    pub routes: Vec<(Route, Rates)>,
}

/// Rate, errors and latency of one route or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Requests scheduled per second.
    pub rate: f64,
    /// Share of failed requests (5xx, no response, shed), from 0 to 1.
    pub failed_ratio: f64,
    /// Median latency from the scheduled time, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
}

impl Snapshot {
    /// The `window_s` whole seconds before second `at_s` of a record.
    pub fn of(record: &Record, at_s: u32, window_s: u32, in_flight: usize) -> Self {
        let window_s = window_s.min(at_s);
        let window = at_s - window_s..at_s;
        let rates = |route| Rates::of(record, window.clone(), route);
        Self {
            at_s,
            window_s,
            in_flight,
            lag_p50_ms: record.lag(window.clone()).value_at_quantile(0.5) as f64 / 1e3,
            all: rates(None),
            routes: Route::ALL
                .into_iter()
                .map(|route| (route, rates(Some(route))))
                .filter(|(_, rates)| rates.rate > 0.0)
                .collect(),
        }
    }
}

/// A table with one line per route and a last one for all routes.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = Route::ALL
            .map(|route| route.name().len())
            .into_iter()
            .max()
            .unwrap_or(0);
        writeln!(
            f,
            "{:<width$}  {:>10}  {:>7}  {:>8}  {:>8}",
            "route", "requests/s", "failed", "p50 ms", "p99 ms"
        )?;
        let routes = self
            .routes
            .iter()
            .map(|(route, rates)| (route.name(), rates));
        for (name, rates) in routes.chain([("all", &self.all)]) {
            let Rates {
                rate,
                failed_ratio,
                p50_ms,
                p99_ms,
            } = rates;
            let failed = failed_ratio * 100.0;
            writeln!(
                f,
                "{name:<width$}  {rate:>10.1}  {failed:>5.1} %  {p50_ms:>8.2}  {p99_ms:>8.2}"
            )?;
        }
        Ok(())
    }
}

impl Rates {
    fn of(record: &Record, window: Range<u32>, route: Option<Route>) -> Self {
        let sum = record.sum(window.clone(), route);
        let latency = record.latency(window.clone(), route);
        let per = |count: u64, all: u64| {
            if all == 0 {
                0.0
            } else {
                count as f64 / all as f64
            }
        };
        Self {
            rate: per(sum.scheduled, u64::from(window.end - window.start)),
            failed_ratio: per(
                sum.failed(),
                sum.scheduled - sum.abandoned.min(sum.scheduled),
            ),
            p50_ms: latency.value_at_quantile(0.5) as f64 / 1e3,
            p99_ms: latency.value_at_quantile(0.99) as f64 / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    fn record() -> Record {
        let mut record = Record::new(0, 1);
        for (route, code, latency_us) in [
            (Route::GetProduct, 200, 800),
            (Route::GetProduct, 404, 1_200),
            (Route::PlaceOrder, 201, 12_000),
            (Route::PlaceOrder, 500, 1_500_000),
        ] {
            for at_s in 0..4 {
                let cell = record.cell_mut(at_s, route);
                cell.scheduled += 1;
                cell.finish(Outcome::Answered(code), latency_us);
            }
        }
        record
    }

    #[test]
    fn the_table_is_aligned_and_sums_up() {
        // Latencies are upper bounds of their buckets, at most 0.1 % above.
        let expected = "\
route                   requests/s   failed    p50 ms    p99 ms
GET /v1/products/{sku}         2.0    0.0 %      0.80      1.20
POST /v1/orders                2.0   50.0 %     12.01   1500.16
all                            4.0   25.0 %      1.20   1500.16
";
        assert_eq!(Snapshot::of(&record(), 4, 3, 0).to_string(), expected);
    }

    #[test]
    fn a_window_is_never_longer_than_the_load() {
        let snapshot = Snapshot::of(&record(), 2, 60, 0);
        assert_eq!((snapshot.window_s, snapshot.all.rate), (2, 4.0));
        let snapshot = Snapshot::of(&record(), 0, 60, 0);
        assert_eq!((snapshot.all.rate, snapshot.routes), (0.0, vec![]));
    }
}
