//! Passes each request to the worker on time, on a dedicated thread.
//!
//! The thread waits on a condition variable with a deadline. That is as accurate as a sleep (some 60 µs on Linux, where the
//! runtime's timer has a resolution of a millisecond), and the thread notices new traffic or the end at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{Sender, error::TrySendError};

use crate::{
    Traffic,
    plan::{Plan, PlannedRequest},
    worker::Worker,
};

/// Orders from the handle to the pacer.
#[derive(Debug, Default)]
pub(crate) struct Control {
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Orders {
    traffic: Option<Traffic>,
    stop: Option<Instant>,
    is_over: bool,
}

/// Why the pacer woke up.
enum Wake {
    OnTime,
    NewTraffic(Traffic),
    Stop,
}

impl Control {
    pub(crate) fn change(&self, traffic: Traffic) {
        self.orders.lock().traffic = Some(traffic);
        self.changed.notify_all();
    }

    /// Stops the load; requests in flight may finish until the deadline.
    pub(crate) fn stop(&self, deadline: Instant) {
        self.orders.lock().stop = Some(deadline);
        self.changed.notify_all();
    }

    /// The deadline for requests in flight; now if the load was not stopped.
    pub(crate) fn deadline(&self) -> Instant {
        self.orders.lock().stop.unwrap_or_else(Instant::now)
    }

    /// Reports that all requests have finished.
    pub(crate) fn end(&self) {
        self.orders.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits for [`Self::end`] up to `timeout`; returns whether it was called.
    pub(crate) fn wait_for_end(&self, timeout: Duration) -> bool {
        let mut orders = self.orders.lock();
        self.changed
            .wait_while_for(&mut orders, |orders| !orders.is_over, timeout);
        orders.is_over
    }

    fn wait_until(&self, until: Option<Instant>) -> Wake {
        let mut orders = self.orders.lock();
        loop {
            if orders.stop.is_some() {
                return Wake::Stop;
            }
            if let Some(traffic) = orders.traffic.take() {
                return Wake::NewTraffic(traffic);
            }
            match until {
                Some(until) if until <= Instant::now() => return Wake::OnTime,
                Some(until) => {
                    self.changed.wait_until(&mut orders, until);
                }
                None => self.changed.wait(&mut orders),
            }
        }
    }
}

/// Runs the plan until the load is stopped. Late requests are sent at once.
pub(crate) fn run(
    mut plan: Plan,
    started: Instant,
    control: &Control,
    worker: &Arc<Worker>,
    queue: &Sender<PlannedRequest>,
) {
    tighten_timer();
    loop {
        let until = plan.next_at().and_then(|at| started.checked_add(at));
        match control.wait_until(until) {
            Wake::Stop => return,
            Wake::NewTraffic(traffic) => plan.change(started.elapsed(), traffic),
            Wake::OnTime => {
                if let Some(planned) = plan.take() {
                    dispatch(planned, worker, queue);
                }
            }
        }
    }
}

fn dispatch(planned: PlannedRequest, worker: &Arc<Worker>, queue: &Sender<PlannedRequest>) {
    match queue.try_send(planned) {
        Ok(()) => {}
        // A closed queue means that the worker has died; its requests are still recorded.
        Err(TrySendError::Full(planned) | TrySendError::Closed(planned)) => worker.shed(planned),
    }
}

/// By default Linux may extend a thread's waits by 50 µs to save power; this reduces it to one microsecond.
#[cfg(target_os = "linux")]
fn tighten_timer() {
    // If the system refuses, requests are sent up to 50 µs later.
    let _late_if_refused =
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
}

#[cfg(not(target_os = "linux"))]
fn tighten_timer() {}
