//! Work waiting for a connection, and the threads that do it.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use metrics::Gauge;
use rusqlite::Connection;
use telemetry::names::{label, metric};

/// Work for a connection.
pub(super) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A queue that the connections of one kind share.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    gauges: Arc<Gauges>,
}

/// What is shown of a pool.
pub(super) struct Gauges {
    pub(super) idle: Gauge,
    pub(super) used: Gauge,
    pub(super) pending: Gauge,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Gauges {
    pub(super) fn new(pool: &'static str, connections: usize) -> Self {
        let count = |state| {
            metrics::gauge!(
                metric::DB_CLIENT_CONNECTION_COUNT,
                label::DB_POOL_NAME => pool,
                label::DB_CONNECTION_STATE => state,
            )
        };
        let gauges = Self {
            idle: count("idle"),
            used: count("used"),
            pending: metrics::gauge!(
                metric::DB_CLIENT_CONNECTION_PENDING,
                label::DB_POOL_NAME => pool
            ),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a pool has a handful of connections"
        )]
        let connections = connections as f64;
        gauges.idle.set(connections);
        gauges.used.set(0.0);
        gauges.pending.set(0.0);
        metrics::gauge!(metric::DB_CLIENT_CONNECTION_MAX, label::DB_POOL_NAME => pool)
            .set(connections);
        gauges
    }
}

impl Queue {
    /// Starts one thread per connection.
    pub(super) fn start(
        name: &str,
        connections: Vec<Connection>,
        gauges: Arc<Gauges>,
    ) -> std::io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            gauges,
        });
        for (number, connection) in connections.into_iter().enumerate() {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .stack_size(512 * 1_024)
                .spawn(move || queue.work(connection))?;
        }
        Ok(queue)
    }

    pub(super) fn push(&self, job: Job) {
        self.gauges.pending.increment(1.0);
        self.lock().jobs.push_back(job);
        self.wake.notify_one();
    }

    /// Ends the threads after the work that waits.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Jobs run outside the lock, so nothing half done is behind a poisoned one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, mut connection: Connection) {
        while let Some(job) = self.next() {
            self.gauges.pending.decrement(1.0);
            self.gauges.idle.decrement(1.0);
            self.gauges.used.increment(1.0);
            // The panic hook has logged it; the caller gets an error, and the connection, whose
            // transaction was rolled back by its drop, goes on.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
            self.gauges.used.decrement(1.0);
            self.gauges.idle.increment(1.0);
        }
    }
}
