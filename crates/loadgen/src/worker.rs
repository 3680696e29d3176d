//! Sends the planned requests, keeps the order of each journey, and records the outcomes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use crate::{
    Config, Record,
    client::Client,
    journey::{Journeys, NextStep, RecentOrders},
    plan::{Action, PlannedRequest, Precondition},
    record::{ErrorKind, Outcome},
};

/// The state of the worker, shared with its tasks and the handle.
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
    recent_orders: Mutex<RecentOrders>,
    /// Outcomes since they were last taken.
    fresh: Mutex<Record>,
}

/// A request in flight. It is counted exactly once, however its task ends.
struct Flight {
    worker: Arc<Worker>,
    planned: PlannedRequest,
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
            recent_orders: Mutex::default(),
            fresh: Mutex::new(Record::new(config.started_at_ms, config.seed)),
        }
    }

    /// Sends requests until the pacer closes the queue, then waits for requests in flight until `deadline`.
    pub(crate) async fn run(
        self: &Arc<Self>,
        mut planned: mpsc::Receiver<PlannedRequest>,
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
        // Dropping the task of a request that is still in flight counts it as unfinished.
        let _in_time = tokio::time::timeout_at(deadline().into(), drained).await;
        for waiting in self.journeys.lock().take_waiting() {
            self.abandon(&waiting);
        }
    }

    /// Number of requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes the outcomes since the last call.
    pub(crate) fn take_fresh(&self) -> Record {
        self.fresh.lock().take()
    }

    /// Records a planned request that is not sent because too many are in flight.
    pub(crate) fn shed(self: &Arc<Self>, planned: PlannedRequest) {
        {
            let mut fresh = self.fresh.lock();
            let cell = fresh.cell_mut(second(planned.at), planned.action.route());
            cell.scheduled += 1;
            cell.shed += 1;
        }
        self.ended(&planned, None, false);
    }

    fn dispatch(self: &Arc<Self>, planned: PlannedRequest) {
        match planned.action.precondition() {
            Precondition::Nothing => {
                if !planned.is_last {
                    self.journeys.lock().begin(planned.journey);
                }
                self.send(planned, None);
            }
            Precondition::RecentOrder(pick) => {
                let order = self.recent_orders.lock().pick(pick);
                match order {
                    Some(order) => self.send(planned, Some(order)),
                    None => self.abandon(&planned),
                }
            }
            Precondition::PreviousStep => {
                let next = self.journeys.lock().next(planned);
                self.go_on(next);
            }
        }
    }

    /// Sends or abandons the next steps of a journey.
    fn go_on(self: &Arc<Self>, next: NextStep) {
        match next {
            NextStep::Nothing => {}
            NextStep::Send(planned, order) => self.send(planned, order),
            NextStep::Abandon(steps) => steps.iter().for_each(|planned| self.abandon(planned)),
        }
    }

    fn send(self: &Arc<Self>, planned: PlannedRequest, order: Option<String>) {
        if planned.action == Action::GetOrder && order.is_none() {
            // The response to the order had no usable id.
            self.abandon(&planned);
            return self.journeys.lock().end(planned.journey);
        }
        if self.in_flight() >= self.limit {
            return self.shed(planned);
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.fresh
            .lock()
            .cell_mut(second(planned.at), planned.action.route())
            .scheduled += 1;
        let flight = Flight {
            worker: Arc::clone(self),
            planned,
            outcome: Outcome::Error(ErrorKind::Unfinished),
            order: None,
        };
        tokio::spawn(flight.fly(order));
    }

    fn abandon(&self, planned: &PlannedRequest) {
        let mut fresh = self.fresh.lock();
        let cell = fresh.cell_mut(second(planned.at), planned.action.route());
        cell.scheduled += 1;
        cell.abandoned += 1;
    }

    /// Continues a journey after one of its steps has finished.
    fn ended(self: &Arc<Self>, planned: &PlannedRequest, order: Option<String>, is_success: bool) {
        if planned.is_last {
            self.journeys.lock().end(planned.journey);
            return;
        }
        let can_go_on = !self.is_stopping.load(Ordering::Relaxed);
        let now = self.started.elapsed();
        let next = self
            .journeys
            .lock()
            .ended(planned.journey, now, order, is_success && can_go_on);
        self.go_on(next);
    }
}

impl Flight {
    async fn fly(mut self, order: Option<String>) {
        let worker = Arc::clone(&self.worker);
        let lag = worker.started.elapsed().saturating_sub(self.planned.at);
        {
            let mut fresh = worker.fresh.lock();
            let second = fresh.second_mut(second(self.planned.at));
            second.lag.add(micros(lag), 1);
            second
                .routes
                .entry(self.planned.action.route())
                .or_default()
                .sent += 1;
        }
        let request = || {
            let request = self.planned.action.request(
                self.planned.client,
                self.planned.partner.as_deref(),
                worker.client.host(),
                order.as_deref(),
            );
            request.expect("names in paths need no escaping")
        };
        let is_order = matches!(self.planned.action, Action::PlaceOrder { .. });
        let call =
            tokio::time::timeout(worker.timeout, worker.client.call(request, is_order)).await;
        let Ok(call) = call else {
            self.outcome = Outcome::Error(ErrorKind::Timeout);
            return;
        };
        if call.is_resent {
            worker
                .fresh
                .lock()
                .cell_mut(second(self.planned.at), self.planned.action.route())
                .resent += 1;
        }
        match call.response {
            Ok(response) => {
                self.outcome = Outcome::Answered(response.status);
                if is_order && self.outcome.is_success() {
                    self.order = order_id(&response.body);
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
        worker
            .fresh
            .lock()
            .cell_mut(second(self.planned.at), self.planned.action.route())
            .finish(self.outcome, micros(latency));
        let is_unfinished = self.outcome == Outcome::Error(ErrorKind::Unfinished);
        if !is_unfinished {
            let order = self.order.take();
            if let Some(order) = &order {
                worker.recent_orders.lock().add(order.clone());
            }
            worker.ended(&self.planned, order, self.outcome.is_success());
        }
        if worker.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            worker.idle.notify_one();
        }
    }
}

/// The order's id in a response, if it has one.
fn order_id(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct PlacedOrder {
        order: String,
    }
    let placed: PlacedOrder = serde_json::from_slice(body).ok()?;
    // The id becomes part of a path.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (placed.order.len() <= 128 && placed.order.bytes().all(is_plain)).then_some(placed.order)
}

fn second(at: Duration) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(u32::MAX)
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Load, Route};

    #[tokio::test]
    async fn lag_and_latency_count_from_the_scheduled_time() {
        // A port that was just released refuses connections, which is an outcome like any other.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let target = listener.local_addr().expect("bound");
        drop(listener);
        let config = Config::new(target, 1, Load::default());
        let late = Duration::from_millis(700);
        let started = Instant::now() - late;
        let worker = Arc::new(Worker::new(&config, started, 1));
        worker.dispatch(PlannedRequest {
            at: Duration::ZERO,
            journey: 0,
            is_last: true,
            client: 0,
            partner: None,
            action: Action::PutMalformed {
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
    fn an_order_id_must_be_valid_in_a_path() {
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
