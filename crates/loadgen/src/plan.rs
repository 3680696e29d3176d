//! The schedule: which request at which time. Pure, endless, and the same for the same seed.
//!
//! Arrivals are *slots* for requests, so that the rate over all routes is exact. A slot goes to the journey whose next step
//! has been due for the longest time; if none is due, a new journey starts.

mod action;
mod arrival;
mod customer;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};

pub(crate) use action::{Action, Precondition};
use arrival::Arrivals;
use customer::{Customer, Customers};

use crate::{Load, Partner, Traffic};

/// A request and when to send it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedRequest {
    /// From the start of the load.
    pub(crate) at: Duration,
    /// Number of the journey, from 0.
    pub(crate) journey: u64,
    /// Whether this is the last step of the journey.
    pub(crate) is_last: bool,
    /// Number of the client, from 0.
    pub(crate) client: u32,
    /// The client, where it is none of the numbered ones.
    pub(crate) partner: Option<Arc<Partner>>,
    /// What to send.
    pub(crate) action: Action,
}

/// The endless schedule of one load.
#[derive(Debug)]
pub(crate) struct Plan {
    arrivals: Arrivals,
    customers: Customers,
    due: BinaryHeap<Reverse<DueJourney>>,
    journeys: u64,
    base_rate: f64,
}

/// A journey and when its next step is due.
#[derive(Debug)]
struct DueJourney {
    at_s: f64,
    journey: u64,
    client: u32,
    partner: Option<Arc<Partner>>,
    steps: VecDeque<(f64, Action)>,
}

impl Plan {
    /// The schedule of a valid load, see [`Load::problems`].
    pub(crate) fn new(load: &Load, seed: u64) -> Self {
        // Two streams, so that a change of the rate changes the times but not the journeys.
        let stream =
            |number: u64| StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            arrivals: Arrivals::new(load.rate, load.arrival, stream(1)),
            customers: Customers::new(load, stream(2)),
            due: BinaryHeap::new(),
            journeys: 0,
            base_rate: load.rate,
        }
    }

    /// When the next request is due; `None` if the rate stays 0.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        // A time too large for a `Duration` never comes.
        self.arrivals
            .next_at()
            .and_then(|at_s| Duration::try_from_secs_f64(at_s).ok())
    }

    /// Takes the next request.
    pub(crate) fn take(&mut self) -> Option<PlannedRequest> {
        let at = self.next_at()?;
        let at_s = self.arrivals.advance()?;
        let due = match self.due.peek() {
            Some(Reverse(first)) if first.at_s <= at_s => self.due.pop().map(|Reverse(due)| due),
            _ => None,
        };
        let mut due = due.unwrap_or_else(|| self.begin(at_s));
        let (_, action) = due.steps.pop_front()?;
        let planned = PlannedRequest {
            at,
            journey: due.journey,
            is_last: due.steps.is_empty(),
            client: due.client,
            partner: due.partner.clone(),
            action,
        };
        if let Some(&(think_s, _)) = due.steps.front() {
            due.at_s = at_s + think_s;
            self.due.push(Reverse(due));
        }
        Some(planned)
    }

    /// Plans other traffic from a moment on; journeys that have begun go on.
    pub(crate) fn change(&mut self, at: Duration, traffic: Traffic) {
        let rate = traffic.rate.unwrap_or(self.base_rate);
        self.arrivals.follow(at.as_secs_f64(), rate);
        self.customers.partner = traffic.partner.map(Arc::new);
    }

    fn begin(&mut self, at_s: f64) -> DueJourney {
        let journey = self.journeys;
        self.journeys += 1;
        let Customer {
            client,
            partner,
            steps,
        } = self.customers.next();
        DueJourney {
            at_s,
            journey,
            client,
            partner,
            steps,
        }
    }
}

impl Load {
    /// The exact number of requests in the schedule of a seed within a time from the start; draws the whole schedule.
    pub fn planned(&self, seed: u64, within: Duration) -> u64 {
        let mut plan = Plan::new(self, seed);
        let mut count = 0;
        while plan.next_at().is_some_and(|at| at < within) {
            count += u64::from(plan.take().is_some());
        }
        count
    }
}

impl PartialEq for DueJourney {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for DueJourney {}

impl PartialOrd for DueJourney {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DueJourney {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at_s
            .total_cmp(&other.at_s)
            .then(self.journey.cmp(&other.journey))
    }
}

#[cfg(test)]
mod tests;
