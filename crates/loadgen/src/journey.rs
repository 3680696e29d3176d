//! Journeys in progress: a step that needs the previous response waits here, without a thread or a timer.
//!
//! If a step's slot comes before that response, the step is rescheduled to the time of the response: the customer could
//! not have sent it recent. If the previous step failed, the customer gives up and the remaining steps are abandoned.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::plan::PlannedRequest;

/// Number of orders remembered for later status requests.
const MAX_ORDERS: usize = 1_024;

/// All journeys with further steps. Their number is bounded, because the plan completes every journey.
#[derive(Debug, Default)]
pub(crate) struct Journeys {
    open: HashMap<u64, OpenJourney>,
}

#[derive(Debug, Default)]
struct OpenJourney {
    /// Steps whose slot has passed, in order.
    waiting: VecDeque<PlannedRequest>,
    previous: PreviousStep,
}

/// State of the latest step that was sent.
#[derive(Debug, Default)]
enum PreviousStep {
    #[default]
    InFlight,
    Succeeded(Option<String>),
    Failed,
}

/// What to do next in a journey.
#[derive(Debug, PartialEq)]
pub(crate) enum NextStep {
    Nothing,
    /// Send this step; the id is that of the order placed in the previous step.
    Send(PlannedRequest, Option<String>),
    /// Abandon these steps.
    Abandon(Vec<PlannedRequest>),
}

impl Journeys {
    /// The first step is about to be sent.
    pub(crate) fn begin(&mut self, journey: u64) {
        self.open.entry(journey).or_default().previous = PreviousStep::InFlight;
    }

    /// The slot of a step has come, and the step needs the previous one.
    pub(crate) fn next(&mut self, planned: PlannedRequest) -> NextStep {
        let Some(open) = self.open.get_mut(&planned.journey) else {
            return NextStep::Abandon(vec![planned]);
        };
        match &mut open.previous {
            PreviousStep::InFlight => {
                open.waiting.push_back(planned);
                NextStep::Nothing
            }
            PreviousStep::Succeeded(order) => {
                let order = order.take();
                open.previous = PreviousStep::InFlight;
                NextStep::Send(planned, order)
            }
            PreviousStep::Failed => {
                if planned.is_last {
                    self.open.remove(&planned.journey);
                }
                NextStep::Abandon(vec![planned])
            }
        }
    }

    /// A step that is not the last has finished, at `now` since the start of the load.
    pub(crate) fn ended(
        &mut self,
        journey: u64,
        now: Duration,
        order: Option<String>,
        is_success: bool,
    ) -> NextStep {
        let Some(open) = self.open.get_mut(&journey) else {
            return NextStep::Nothing;
        };
        if !is_success {
            open.previous = PreviousStep::Failed;
            let steps: Vec<PlannedRequest> = open.waiting.drain(..).collect();
            if steps.last().is_some_and(|step| step.is_last) {
                self.open.remove(&journey);
            }
            return NextStep::Abandon(steps);
        }
        match open.waiting.pop_front() {
            Some(mut planned) => {
                planned.at = planned.at.max(now);
                open.previous = PreviousStep::InFlight;
                NextStep::Send(planned, order)
            }
            None => {
                open.previous = PreviousStep::Succeeded(order);
                NextStep::Nothing
            }
        }
    }

    /// The last step has finished.
    pub(crate) fn end(&mut self, journey: u64) {
        self.open.remove(&journey);
    }

    /// Takes all waiting steps when the load stops.
    pub(crate) fn take_waiting(&mut self) -> Vec<PlannedRequest> {
        self.open
            .drain()
            .flat_map(|(_, open)| open.waiting)
            .collect()
    }
}

/// The most recent orders, in a ring.
#[derive(Debug, Default)]
pub(crate) struct RecentOrders {
    orders: Vec<String>,
    oldest: usize,
}

impl RecentOrders {
    pub(crate) fn add(&mut self, order: String) {
        if self.orders.len() < MAX_ORDERS {
            self.orders.push(order);
        } else {
            self.orders[self.oldest] = order;
            self.oldest = (self.oldest + 1) % MAX_ORDERS;
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
    use crate::plan::Action;

    fn step(at_ms: u64, is_last: bool) -> PlannedRequest {
        PlannedRequest {
            at: Duration::from_millis(at_ms),
            journey: 1,
            is_last,
            client: 0,
            partner: None,
            action: Action::GetOrder,
        }
    }

    #[test]
    fn a_step_that_is_due_early_is_rescheduled_to_the_response() {
        let mut journeys = Journeys::default();
        journeys.begin(1);
        assert_eq!(journeys.next(step(100, false)), NextStep::Nothing);
        assert_eq!(journeys.next(step(200, true)), NextStep::Nothing);
        let now = Duration::from_millis(350);
        assert_eq!(
            journeys.ended(1, now, None, true),
            NextStep::Send(step(350, false), None)
        );
        let now = Duration::from_millis(500);
        let order = Some("o-1".to_owned());
        assert_eq!(
            journeys.ended(1, now, order.clone(), true),
            NextStep::Send(step(500, true), order)
        );
        journeys.end(1);
        assert!(journeys.open.is_empty());
    }

    #[test]
    fn a_step_that_is_due_late_keeps_its_time() {
        let mut journeys = Journeys::default();
        journeys.begin(1);
        let order = Some("o-1".to_owned());
        assert_eq!(
            journeys.ended(1, Duration::from_millis(20), order.clone(), true),
            NextStep::Nothing
        );
        assert_eq!(
            journeys.next(step(100, true)),
            NextStep::Send(step(100, true), order)
        );
    }

    #[test]
    fn steps_after_a_failed_step_are_abandoned() {
        let mut journeys = Journeys::default();
        journeys.begin(1);
        assert_eq!(journeys.next(step(100, false)), NextStep::Nothing);
        let ended = journeys.ended(1, Duration::from_millis(200), None, false);
        assert_eq!(ended, NextStep::Abandon(vec![step(100, false)]));
        assert_eq!(
            journeys.next(step(300, true)),
            NextStep::Abandon(vec![step(300, true)])
        );
        assert!(journeys.open.is_empty());
    }

    #[test]
    fn the_oldest_order_is_replaced_first() {
        let mut recent = RecentOrders::default();
        assert_eq!(recent.pick(7), None);
        for number in 0..=MAX_ORDERS {
            recent.add(number.to_string());
        }
        assert_eq!(recent.orders.len(), MAX_ORDERS);
        assert_eq!(recent.pick(0), Some(MAX_ORDERS.to_string()));
    }
}
