//! Hands each request to its worker at its time, from a thread that does nothing else.
//!
//! The thread waits on a condition variable with a deadline, which is as punctual as a plain sleep (some 60 µs on
//! Linux, where a runtime's timer has a millisecond) and lets a new rate or the end be noticed at once.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{Sender, error::TrySendError};

use crate::{
    plan::{Plan, Planned},
    worker::{Worker, lock},
};

/// What the handle asks of the pacer.
#[derive(Debug, Default)]
pub(crate) struct Control {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Asked {
    /// A new rate; `Some(None)` goes back to the profile.
    rate: Option<Option<f64>>,
    stop: Option<Instant>,
    is_over: bool,
}

/// Why waiting ended.
enum Woken {
    InTime,
    NewRate(Option<f64>),
    Stop,
}

impl Control {
    pub(crate) fn set_rate(&self, rate: Option<f64>) {
        lock(&self.asked).rate = Some(rate);
        self.changed.notify_all();
    }

    /// Ends the load; what is under way has until the deadline.
    pub(crate) fn stop(&self, deadline: Instant) {
        lock(&self.asked).stop = Some(deadline);
        self.changed.notify_all();
    }

    /// Until when what is under way may take; at once if nobody asked for the end.
    pub(crate) fn deadline(&self) -> Instant {
        lock(&self.asked).stop.unwrap_or_else(Instant::now)
    }

    /// Says that nothing is under way any more.
    pub(crate) fn end(&self) {
        lock(&self.asked).is_over = true;
        self.changed.notify_all();
    }

    /// Waits for [`Self::end`], for `timeout` at most; says whether it came.
    pub(crate) fn wait_for_end(&self, timeout: Duration) -> bool {
        let asked = lock(&self.asked);
        let waited = self
            .changed
            .wait_timeout_while(asked, timeout, |asked| !asked.is_over);
        let (asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        asked.is_over
    }

    fn wait_until(&self, until: Option<Instant>) -> Woken {
        let mut asked = lock(&self.asked);
        loop {
            if asked.stop.is_some() {
                return Woken::Stop;
            }
            if let Some(rate) = asked.rate.take() {
                return Woken::NewRate(rate);
            }
            let left = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Woken::InTime;
            }
            asked = if until.is_some() {
                let waited = self.changed.wait_timeout(asked, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.changed
                    .wait(asked)
                    .unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

/// Runs the plan until the end is asked for. Late requests are sent at once: arrivals do not wait.
pub(crate) fn run(
    mut plan: Plan,
    started: Instant,
    control: &Control,
    workers: &[(Arc<Worker>, Sender<Planned>)],
) {
    tighten_timer();
    loop {
        let until = plan.next_at().and_then(|at| started.checked_add(at));
        match control.wait_until(until) {
            Woken::Stop => return,
            Woken::NewRate(rate) => plan.set_rate(started.elapsed(), rate),
            Woken::InTime => {
                if let Some(planned) = plan.take() {
                    hand_over(planned, workers);
                }
            }
        }
    }
}

/// A journey stays with one worker, which knows how far it is.
fn hand_over(planned: Planned, workers: &[(Arc<Worker>, Sender<Planned>)]) {
    let (worker, queue) = &workers[planned.journey as usize % workers.len()];
    match queue.try_send(planned) {
        Ok(()) => {}
        // A closed queue is a worker that died; its requests are not lost from the record either.
        Err(TrySendError::Full(planned) | TrySendError::Closed(planned)) => worker.shed(planned),
    }
}

/// Linux rounds a thread's waits up by 50 µs to save power; one microsecond is the least that can be asked for here.
#[cfg(target_os = "linux")]
fn tighten_timer() {
    // Refused only where the machine's owner forbids it; the load then leaves 50 µs later.
    let _late_if_refused =
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
}

#[cfg(not(target_os = "linux"))]
fn tighten_timer() {}
