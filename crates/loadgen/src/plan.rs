//! The schedule: which request at which time. Pure, endless, and the same for the same seed.
//!
//! Arrivals are *slots* for requests, so the rate over all routes is exactly the one that was asked for. A slot goes
//! to the journey whose next step is due the longest; if none is due, a new journey starts in it.

mod arrival;
mod ask;
mod customer;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};

use arrival::Arrivals;
pub(crate) use ask::{Ask, Needs};
use customer::Customers;

use crate::{Load, load::Curve};

/// One request and when to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// From the start of the load.
    pub(crate) at: Duration,
    /// Number of the journey, from 0.
    pub(crate) journey: u64,
    /// Whether the journey has no step after this one.
    pub(crate) is_last: bool,
    /// Which client, from 0.
    pub(crate) client: u32,
    /// What to send.
    pub(crate) ask: Ask,
}

/// The endless schedule of one load.
#[derive(Debug)]
pub(crate) struct Plan {
    arrivals: Arrivals,
    customers: Customers,
    due: BinaryHeap<Reverse<Due>>,
    journeys: u64,
    base: Load,
}

/// A journey that waits for its next step to be due.
#[derive(Debug)]
struct Due {
    at_s: f64,
    journey: u64,
    client: u32,
    steps: VecDeque<(f64, Ask)>,
}

impl Plan {
    /// The schedule of a load that has no [`Load::problems`].
    pub(crate) fn new(load: &Load, seed: u64) -> Self {
        // Two streams: a change of the rate moves the times but not what the customers want.
        let stream =
            |number: u64| StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            arrivals: Arrivals::new(load.profile.curve(load.rate), load.arrival, stream(1)),
            customers: Customers::new(load, stream(2)),
            due: BinaryHeap::new(),
            journeys: 0,
            base: load.clone(),
        }
    }

    /// When the next request is to be sent; `None` while the rate is 0 for good.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        // A time beyond what a duration holds will not come.
        self.arrivals
            .next_at()
            .and_then(|at_s| Duration::try_from_secs_f64(at_s).ok())
    }

    /// Takes the next request.
    pub(crate) fn take(&mut self) -> Option<Planned> {
        let at = self.next_at()?;
        let at_s = self.arrivals.advance()?;
        let due = match self.due.peek() {
            Some(Reverse(first)) if first.at_s <= at_s => self.due.pop().map(|Reverse(due)| due),
            _ => None,
        };
        let mut due = due.unwrap_or_else(|| self.begin(at_s));
        let (_, ask) = due.steps.pop_front()?;
        let planned = Planned {
            at,
            journey: due.journey,
            is_last: due.steps.is_empty(),
            client: due.client,
            ask,
        };
        if let Some(&(think_s, _)) = due.steps.front() {
            due.at_s = at_s + think_s;
            self.due.push(Reverse(due));
        }
        Some(planned)
    }

    /// Holds a rate from a moment on; `None` follows the profile again.
    pub(crate) fn set_rate(&mut self, at: Duration, rate: Option<f64>) {
        let curve = match rate {
            Some(rate) => Curve::steady(rate),
            None => self.base.profile.curve(self.base.rate),
        };
        self.arrivals.follow(at.as_secs_f64(), curve);
    }

    fn begin(&mut self, at_s: f64) -> Due {
        let journey = self.journeys;
        self.journeys += 1;
        let (client, steps) = self.customers.next();
        Due {
            at_s,
            journey,
            client,
            steps,
        }
    }
}

impl Load {
    /// Requests that the schedule of a seed has within a time from the start; exact, so it takes as long as drawing them.
    pub fn planned(&self, seed: u64, within: Duration) -> u64 {
        let mut plan = Plan::new(self, seed);
        let mut count = 0;
        while plan.next_at().is_some_and(|at| at < within) {
            count += u64::from(plan.take().is_some());
        }
        count
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at_s
            .total_cmp(&other.at_s)
            .then(self.journey.cmp(&other.journey))
    }
}

#[cfg(test)]
mod tests;
