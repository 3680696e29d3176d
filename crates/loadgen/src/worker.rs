//! Sends what was planned, keeps journeys in order, and records how each request ended.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc};

use crate::{
    Config, Record,
    client::Client,
    journey::{Earlier, Journeys, Next},
    plan::{Ask, Needs, Planned},
    record::{ErrorKind, Outcome},
};

/// One worker's state, shared by its tasks and read by the handle.
#[derive(Debug)]
pub(crate) struct Worker {
    started: Instant,
    timeout: Duration,
    limit: usize,
    client: Client,
    in_flight: AtomicUsize,
    is_stopping: AtomicBool,
    idle: Notify,
    journeys: Mutex<Journeys>,
    earlier: Mutex<Earlier>,
    /// What was recorded since it was taken last.
    fresh: Mutex<Record>,
}

/// A request under way: whatever becomes of its task, it is counted once.
struct Flight {
    worker: Arc<Worker>,
    planned: Planned,
    outcome: Outcome,
    order: Option<String>,
}

impl Worker {
    pub(crate) fn new(config: &Config, started: Instant, limit: usize) -> Self {
        Self {
            started,
            timeout: config.timeout,
            limit,
            client: Client::new(config.target),
            in_flight: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
            idle: Notify::new(),
            journeys: Mutex::default(),
            earlier: Mutex::default(),
            fresh: Mutex::new(Record::new(config.started_at_ms, config.seed)),
        }
    }

    /// Sends what comes until the pacer hangs up, then waits for what is under way, up to what `deadline` says.
    pub(crate) async fn run(
        self: &Arc<Self>,
        mut planned: mpsc::Receiver<Planned>,
        deadline: impl Fn() -> Instant,
    ) {
        while let Some(planned) = planned.recv().await {
            self.dispatch(planned);
        }
        self.is_stopping.store(true, Ordering::Relaxed);
        let drained = async {
            while self.in_flight() > 0 {
                self.idle.notified().await;
            }
        };
        // What is still under way after the deadline is counted as unfinished when its task is dropped.
        let _in_time = tokio::time::timeout_at(deadline().into(), drained).await;
        for waiting in lock(&self.journeys).take_waiting() {
            self.abandon(&waiting);
        }
    }

    /// Requests that have been sent and not ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// What was recorded since the last time.
    pub(crate) fn take_fresh(&self) -> Record {
        lock(&self.fresh).take()
    }

    /// Records a planned request that cannot be sent because too many are under way.
    pub(crate) fn shed(self: &Arc<Self>, planned: Planned) {
        {
            let mut fresh = lock(&self.fresh);
            let cell = fresh.cell_mut(second(planned.at), planned.ask.route());
            cell.scheduled += 1;
            cell.shed += 1;
        }
        self.ended(&planned, None, false);
    }

    fn dispatch(self: &Arc<Self>, planned: Planned) {
        match planned.ask.needs() {
            Needs::Nothing => {
                if !planned.is_last {
                    lock(&self.journeys).begin(planned.journey);
                }
                self.send(planned, None);
            }
            Needs::EarlierOrder(pick) => {
                let order = lock(&self.earlier).pick(pick);
                match order {
                    Some(order) => self.send(planned, Some(order)),
                    None => self.abandon(&planned),
                }
            }
            Needs::StepBefore => {
                let next = lock(&self.journeys).next(planned);
                self.go_on(next);
            }
        }
    }

    /// Sends or abandons the next step of a journey, if there is one that can be decided.
    fn go_on(self: &Arc<Self>, next: Next) {
        match next {
            Next::Nothing => {}
            Next::Send(planned, order) => self.send(planned, order),
            Next::Abandon(steps) => steps.iter().for_each(|planned| self.abandon(planned)),
        }
    }

    fn send(self: &Arc<Self>, planned: Planned, order: Option<String>) {
        if planned.ask == Ask::GetOrder && order.is_none() {
            // The order was accepted without an id that could be looked at.
            self.abandon(&planned);
            return lock(&self.journeys).end(planned.journey);
        }
        if self.in_flight() >= self.limit {
            return self.shed(planned);
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        lock(&self.fresh)
            .cell_mut(second(planned.at), planned.ask.route())
            .scheduled += 1;
        let flight = Flight {
            worker: Arc::clone(self),
            planned,
            outcome: Outcome::Error(ErrorKind::Unfinished),
            order: None,
        };
        tokio::spawn(flight.fly(order));
    }

    fn abandon(&self, planned: &Planned) {
        let mut fresh = lock(&self.fresh);
        let cell = fresh.cell_mut(second(planned.at), planned.ask.route());
        cell.scheduled += 1;
        cell.abandoned += 1;
    }

    /// A step of a journey has ended: the one that waits for it goes on from here.
    fn ended(self: &Arc<Self>, planned: &Planned, order: Option<String>, is_success: bool) {
        if planned.is_last {
            lock(&self.journeys).end(planned.journey);
            return;
        }
        let can_go_on = !self.is_stopping.load(Ordering::Relaxed);
        let now = self.started.elapsed();
        let next = lock(&self.journeys).ended(planned.journey, now, order, is_success && can_go_on);
        self.go_on(next);
    }
}

impl Flight {
    async fn fly(mut self, order: Option<String>) {
        let worker = Arc::clone(&self.worker);
        let lag = worker.started.elapsed().saturating_sub(self.planned.at);
        {
            let mut fresh = lock(&worker.fresh);
            let second = fresh.second_mut(second(self.planned.at));
            second.lag.add(micros(lag), 1);
            second
                .routes
                .entry(self.planned.ask.route())
                .or_default()
                .sent += 1;
        }
        let request = || {
            let request = self.planned.ask.request(
                self.planned.client,
                worker.client.host(),
                order.as_deref(),
            );
            request.expect("paths are made of names that need no escape")
        };
        let is_order = matches!(self.planned.ask, Ask::PlaceOrder { .. });
        let call =
            tokio::time::timeout(worker.timeout, worker.client.call(request, is_order)).await;
        let Ok(call) = call else {
            self.outcome = Outcome::Error(ErrorKind::Timeout);
            return;
        };
        if call.is_resent {
            lock(&worker.fresh)
                .cell_mut(second(self.planned.at), self.planned.ask.route())
                .resent += 1;
        }
        match call.answer {
            Ok(answer) => {
                self.outcome = Outcome::Answered(answer.status);
                if is_order && self.outcome.is_success() {
                    self.order = order_id(&answer.body);
                }
            }
            Err(kind) => self.outcome = Outcome::Error(kind),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let worker = &self.worker;
        let latency = worker.started.elapsed().saturating_sub(self.planned.at);
        lock(&worker.fresh)
            .cell_mut(second(self.planned.at), self.planned.ask.route())
            .finish(self.outcome, micros(latency));
        let is_unfinished = self.outcome == Outcome::Error(ErrorKind::Unfinished);
        if !is_unfinished {
            let order = self.order.take();
            if let Some(order) = &order {
                lock(&worker.earlier).add(order.clone());
            }
            worker.ended(&self.planned, order, self.outcome.is_success());
        }
        if worker.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            worker.idle.notify_one();
        }
    }
}

/// The id in the answer to an order. A success without one leaves the customer without an order to look at.
fn order_id(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Placed {
        order: String,
    }
    let placed: Placed = serde_json::from_slice(body).ok()?;
    // It becomes part of a path.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (placed.order.len() <= 128 && placed.order.bytes().all(is_plain)).then_some(placed.order)
}

fn second(at: Duration) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(u32::MAX)
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// A panic while a record was being written leaves at worst one count missing, which is no reason to stop.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Load, Route};

    #[tokio::test]
    async fn lag_and_latency_count_from_the_scheduled_time() {
        // Nobody listens on a port that was just given back, and a refusal is an outcome like any other.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let target = listener.local_addr().expect("bound");
        drop(listener);
        let config = Config::new(target, 1, Load::default());
        let late = Duration::from_millis(700);
        let started = Instant::now() - late;
        let worker = Arc::new(Worker::new(&config, started, 1));
        worker.dispatch(Planned {
            at: Duration::ZERO,
            journey: 0,
            is_last: true,
            client: 0,
            ask: Ask::PutNonsense {
                cart: "c-1".to_owned(),
            },
        });
        let (tx, rx) = mpsc::channel(1);
        drop(tx);
        worker.run(rx, || Instant::now() + config.timeout).await;
        let record = worker.take_fresh();
        let late_us = u64::try_from(late.as_micros()).expect("small");
        // Buckets are 0.1 % wide.
        assert!(record.lag(0..1).min() >= late_us - late_us / 1_000);
        assert!(record.quantile_us(0..1, Some(Route::PutCart), 1.0) >= late_us);
        assert_eq!(
            record.sum(0..1, None).errors.get(&ErrorKind::Connect),
            Some(&1)
        );
    }

    #[test]
    fn only_an_order_id_that_fits_into_a_path_is_one() {
        for (body, expected) in [
            (r#"{"order": "ord-1", "total_minor": 5}"#, Some("ord-1")),
            (r#"{"order": "../x"}"#, None),
            (r#"{"order": 7}"#, None),
            (r#"{"id": "ord-1"}"#, None),
            ("", None),
        ] {
            assert_eq!(order_id(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
