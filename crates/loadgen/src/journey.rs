//! Journeys under way: a step that needs the answer to the one before it waits here, not on a thread or a clock.
//!
//! A step whose slot comes before that answer is scheduled anew for the moment of the answer: the customer could
//! not have asked earlier. If the step before failed, the customer gives up and the rest is abandoned.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::plan::Planned;

/// Orders that are remembered for those who look at one later.
const MAX_EARLIER: usize = 1_024;

/// The state of every journey that has a further step; bounded by the plan, which always takes it to its last.
#[derive(Debug, Default)]
pub(crate) struct Journeys {
    open: HashMap<u64, Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Steps whose slot has come, in order.
    waiting: VecDeque<Planned>,
    before: Before,
}

/// The latest step that was sent.
#[derive(Debug, Default)]
enum Before {
    #[default]
    UnderWay,
    Succeeded(Option<String>),
    Failed,
}

/// What to do next in a journey.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Nothing,
    /// Send this step; the id is that of the order placed before it.
    Send(Planned, Option<String>),
    /// Nothing will come of these.
    Abandon(Vec<Planned>),
}

impl Journeys {
    /// The first step is about to be sent.
    pub(crate) fn begin(&mut self, journey: u64) {
        self.open.entry(journey).or_default().before = Before::UnderWay;
    }

    /// The slot of a step has come that needs the one before it.
    pub(crate) fn next(&mut self, planned: Planned) -> Next {
        let Some(open) = self.open.get_mut(&planned.journey) else {
            return Next::Abandon(vec![planned]);
        };
        match &mut open.before {
            Before::UnderWay => {
                open.waiting.push_back(planned);
                Next::Nothing
            }
            Before::Succeeded(order) => {
                let order = order.take();
                open.before = Before::UnderWay;
                Next::Send(planned, order)
            }
            Before::Failed => {
                if planned.is_last {
                    self.open.remove(&planned.journey);
                }
                Next::Abandon(vec![planned])
            }
        }
    }

    /// A step that is not the last has ended, at `now` since the start of the load.
    pub(crate) fn ended(
        &mut self,
        journey: u64,
        now: Duration,
        order: Option<String>,
        is_success: bool,
    ) -> Next {
        let Some(open) = self.open.get_mut(&journey) else {
            return Next::Nothing;
        };
        if !is_success {
            open.before = Before::Failed;
            let steps: Vec<Planned> = open.waiting.drain(..).collect();
            if steps.last().is_some_and(|step| step.is_last) {
                self.open.remove(&journey);
            }
            return Next::Abandon(steps);
        }
        match open.waiting.pop_front() {
            Some(mut planned) => {
                planned.at = planned.at.max(now);
                open.before = Before::UnderWay;
                Next::Send(planned, order)
            }
            None => {
                open.before = Before::Succeeded(order);
                Next::Nothing
            }
        }
    }

    /// The last step has ended.
    pub(crate) fn end(&mut self, journey: u64) {
        self.open.remove(&journey);
    }

    /// Everything that still waits, when the load ends.
    pub(crate) fn take_waiting(&mut self) -> Vec<Planned> {
        self.open
            .drain()
            .flat_map(|(_, open)| open.waiting)
            .collect()
    }
}

/// A ring of orders placed so far.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    orders: Vec<String>,
    oldest: usize,
}

impl Earlier {
    pub(crate) fn add(&mut self, order: String) {
        if self.orders.len() < MAX_EARLIER {
            self.orders.push(order);
        } else {
            self.orders[self.oldest] = order;
            self.oldest = (self.oldest + 1) % MAX_EARLIER;
        }
    }

    pub(crate) fn pick(&self, number: u64) -> Option<String> {
        let count = self.orders.len() as u64;
        let index = number.checked_rem(count)?;
        self.orders.get(index as usize).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Ask;

    fn step(at_ms: u64, is_last: bool) -> Planned {
        Planned {
            at: Duration::from_millis(at_ms),
            journey: 1,
            is_last,
            client: 0,
            ask: Ask::GetOrder,
        }
    }

    #[test]
    fn a_step_that_is_due_early_is_scheduled_for_the_answer() {
        let mut journeys = Journeys::default();
        journeys.begin(1);
        assert_eq!(journeys.next(step(100, false)), Next::Nothing);
        assert_eq!(journeys.next(step(200, true)), Next::Nothing);
        let now = Duration::from_millis(350);
        assert_eq!(
            journeys.ended(1, now, None, true),
            Next::Send(step(350, false), None)
        );
        let now = Duration::from_millis(500);
        let order = Some("o-1".to_owned());
        assert_eq!(
            journeys.ended(1, now, order.clone(), true),
            Next::Send(step(500, true), order)
        );
        journeys.end(1);
        assert!(journeys.open.is_empty());
    }

    #[test]
    fn a_step_that_is_due_late_keeps_its_own_time() {
        let mut journeys = Journeys::default();
        journeys.begin(1);
        let order = Some("o-1".to_owned());
        assert_eq!(
            journeys.ended(1, Duration::from_millis(20), order.clone(), true),
            Next::Nothing
        );
        assert_eq!(
            journeys.next(step(100, true)),
            Next::Send(step(100, true), order)
        );
    }

    #[test]
    fn nothing_follows_a_failed_step() {
        let mut journeys = Journeys::default();
        journeys.begin(1);
        assert_eq!(journeys.next(step(100, false)), Next::Nothing);
        let ended = journeys.ended(1, Duration::from_millis(200), None, false);
        assert_eq!(ended, Next::Abandon(vec![step(100, false)]));
        assert_eq!(
            journeys.next(step(300, true)),
            Next::Abandon(vec![step(300, true)])
        );
        assert!(journeys.open.is_empty());
    }

    #[test]
    fn the_oldest_order_is_forgotten_first() {
        let mut earlier = Earlier::default();
        assert_eq!(earlier.pick(7), None);
        for number in 0..=MAX_EARLIER {
            earlier.add(number.to_string());
        }
        assert_eq!(earlier.orders.len(), MAX_EARLIER);
        assert_eq!(earlier.pick(0), Some(MAX_EARLIER.to_string()));
    }
}
