//! The outcome of every scheduled request, by second and route: the ground truth for impact numbers.
//!
//! Every scheduled request ends in exactly one of: answered (by status code), an [`ErrorKind`], shed, or abandoned. Until
//! then it is pending. Seconds count from the start of the load and are those of the *scheduled* time, so a request that
//! took 8 s belongs to the second in which the customer sent it.

mod impact;
mod latency;
pub mod line;

use std::{collections::BTreeMap, ops::Range};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub use impact::Impact;
pub use latency::Latency;

use crate::Route;

/// The outcomes of all requests of one load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// Wall clock at second 0, milliseconds since the epoch.
    pub started_at_ms: i64,
    /// Seed of the schedule.
    pub seed: u64,
    seconds: BTreeMap<u32, Second>,
}

/// One second of the schedule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Second {
    /// Time from the schedule to the hand-over to a connection.
    pub lag: Latency,
    /// Outcomes by route.
    pub routes: BTreeMap<Route, Cell>,
}

/// The requests of one route in one second, or a sum over several.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cell {
    /// Scheduled requests.
    #[serde(skip_serializing_if = "is_zero")]
    pub scheduled: u64,
    /// Requests handed to a connection.
    #[serde(skip_serializing_if = "is_zero")]
    pub sent: u64,
    /// Requests not sent because too many were in flight.
    #[serde(skip_serializing_if = "is_zero")]
    pub shed: u64,
    /// Requests not sent because the previous step failed, or because there was no recent order to read.
    #[serde(skip_serializing_if = "is_zero")]
    pub abandoned: u64,
    /// Requests sent again on a new connection because an idle one was closed; not an outcome.
    #[serde(skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// Responses by status code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<u16, u64>,
    /// Requests without a response, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Latency of the requests that did not fail.
    #[serde(skip_serializing_if = "Latency::is_empty")]
    pub latency: Latency,
    /// Time until failure of the requests that failed: 5xx, or no response.
    #[serde(skip_serializing_if = "Latency::is_empty")]
    pub failed_latency: Latency,
}

/// Why a request got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The connection could not be established.
    Connect,
    /// There was no complete response in time.
    Timeout,
    /// The connection closed before the response was complete.
    Closed,
    /// The response was not HTTP, or too large.
    Protocol,
    /// The load was stopped before the response.
    Unfinished,
}

/// The outcome of a request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A complete response with this status code.
    Answered(u16),
    /// No complete response.
    Error(ErrorKind),
}

impl Outcome {
    /// Whether it counts as failed: 5xx, or no response.
    pub fn is_failed(self) -> bool {
        match self {
            Self::Answered(code) => code >= 500,
            Self::Error(_) => true,
        }
    }

    /// Whether the status is 2xx.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

impl Cell {
    /// Requests with a complete response of any status.
    pub fn answered(&self) -> u64 {
        self.codes.values().sum()
    }

    /// Responses of one class: 2 for 200 to 299.
    pub fn answered_class(&self, class: u16) -> u64 {
        self.codes
            .range(class * 100..(class + 1) * 100)
            .map(|(_, count)| count)
            .sum()
    }

    /// Requests that were sent but got no response.
    pub fn unanswered(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Failed requests: 5xx, no response, or shed.
    pub fn failed(&self) -> u64 {
        self.codes.range(500..).map(|(_, count)| count).sum::<u64>() + self.unanswered() + self.shed
    }

    /// Scheduled requests without an outcome yet.
    pub fn under_way(&self) -> u64 {
        self.scheduled
            .saturating_sub(self.answered() + self.unanswered() + self.shed + self.abandoned)
    }

    /// Records the outcome of a sent request, and its latency from the scheduled time.
    pub(crate) fn finish(&mut self, outcome: Outcome, latency_us: u32) {
        match outcome {
            Outcome::Answered(code) => *self.codes.entry(code).or_default() += 1,
            Outcome::Error(kind) => *self.errors.entry(kind).or_default() += 1,
        }
        if outcome.is_failed() {
            self.failed_latency.add(latency_us, 1);
        } else {
            self.latency.add(latency_us, 1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.sent += other.sent;
        self.shed += other.shed;
        self.abandoned += other.abandoned;
        self.resent += other.resent;
        for (&code, count) in &other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        for (&kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.latency.merge(&other.latency);
        self.failed_latency.merge(&other.failed_latency);
    }
}

impl Record {
    /// An empty record of a load that starts at this wall clock time.
    pub fn new(started_at_ms: i64, seed: u64) -> Self {
        Self {
            started_at_ms,
            seed,
            seconds: BTreeMap::new(),
        }
    }

    /// Seconds with requests, in order.
    pub fn seconds(&self) -> impl Iterator<Item = (u32, &Second)> {
        self.seconds.iter().map(|(&at_s, second)| (at_s, second))
    }

    /// The window from second 0 to the end of the last second.
    pub fn whole(&self) -> Range<u32> {
        0..self
            .seconds
            .last_key_value()
            .map_or(0, |(&at_s, _)| at_s + 1)
    }

    /// The seconds that start in a period of wall clock time, milliseconds since the epoch.
    pub fn between_ms(&self, from_ms: i64, to_ms: i64) -> Range<u32> {
        let second = |at_ms: i64| {
            let offset_ms = at_ms.saturating_sub(self.started_at_ms).max(0) as u64;
            u32::try_from(offset_ms.div_ceil(1000)).unwrap_or(u32::MAX)
        };
        second(from_ms)..second(to_ms)
    }

    /// The sum over a window of seconds, of one route or (`None`) of all routes.
    pub fn sum(&self, window: Range<u32>, route: Option<Route>) -> Cell {
        let mut sum = Cell::default();
        for (_, second) in self.window(window) {
            for (_, cell) in second
                .routes
                .iter()
                .filter(|&(&at, _)| route.is_none_or(|route| route == at))
            {
                sum.merge(cell);
            }
        }
        sum
    }

    /// Latency of all sent requests, failed or not, in microseconds from the scheduled time.
    pub fn latency(&self, window: Range<u32>, route: Option<Route>) -> Histogram<u64> {
        let sum = self.sum(window, route);
        let mut all = sum.latency;
        all.merge(&sum.failed_latency);
        all.histogram()
    }

    /// Latency in microseconds at a quantile from 0 to 1; 0 if nothing was sent.
    pub fn quantile_us(&self, window: Range<u32>, route: Option<Route>, quantile: f64) -> u64 {
        self.latency(window, route).value_at_quantile(quantile)
    }

    /// Microseconds from the scheduled time to the hand-over to a connection: the accuracy of the generator.
    pub fn lag(&self, window: Range<u32>) -> Histogram<u64> {
        let mut all = Latency::default();
        for (_, second) in self.window(window) {
            all.merge(&second.lag);
        }
        all.histogram()
    }

    /// Adds another record of the same load.
    pub fn merge(&mut self, other: &Self) {
        for (at_s, second) in other.seconds() {
            self.merge_second(at_s, second);
        }
    }

    pub(crate) fn merge_second(&mut self, at_s: u32, second: &Second) {
        let mine = self.seconds.entry(at_s).or_default();
        mine.lag.merge(&second.lag);
        for (&route, cell) in &second.routes {
            mine.routes.entry(route).or_default().merge(cell);
        }
    }

    pub(crate) fn second_mut(&mut self, at_s: u32) -> &mut Second {
        self.seconds.entry(at_s).or_default()
    }

    pub(crate) fn cell_mut(&mut self, at_s: u32, route: Route) -> &mut Cell {
        self.second_mut(at_s).routes.entry(route).or_default()
    }

    /// Takes all seconds out of the record, which continues empty.
    pub(crate) fn take(&mut self) -> Self {
        let seconds = std::mem::take(&mut self.seconds);
        Self { seconds, ..*self }
    }

    /// Drops the seconds before this one.
    pub(crate) fn drop_before(&mut self, at_s: u32) {
        if self
            .seconds
            .first_key_value()
            .is_some_and(|(&first, _)| first < at_s)
        {
            self.seconds = self.seconds.split_off(&at_s);
        }
    }

    fn window(&self, window: Range<u32>) -> impl Iterator<Item = (&u32, &Second)> {
        let end = window.end.max(window.start);
        self.seconds.range(window.start..end)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
