//! Jobs waiting for a connection, and the threads that run them.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, thread};

use metrics::Gauge;
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use telemetry::names::{label, metric};

/// A job for a connection.
pub(super) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A queue that connections of one kind share.
pub(super) struct Queue {
    jobs: Mutex<Jobs>,
    wake: Condvar,
    gauges: Arc<Gauges>,
}

/// The gauges of a pool.
pub(super) struct Gauges {
    pub(super) idle: Gauge,
    pub(super) used: Gauge,
    pub(super) pending: Gauge,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
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
            jobs: Mutex::default(),
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
        self.jobs.lock().waiting.push_back(job);
        self.wake.notify_one();
    }

    /// Ends the threads once all waiting jobs are done.
    pub(super) fn close(&self) {
        self.jobs.lock().is_closed = true;
        self.wake.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            if jobs.is_closed {
                return None;
            }
            self.wake.wait(&mut jobs);
        }
    }

    fn work(&self, mut connection: Connection) {
        while let Some(job) = self.next() {
            self.gauges.pending.decrement(1.0);
            self.gauges.idle.decrement(1.0);
            self.gauges.used.increment(1.0);
            // The panic hook has logged a panic. The caller gets an error, and the connection stays usable,
            // because dropping the transaction has rolled it back.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
            self.gauges.used.decrement(1.0);
            self.gauges.idle.increment(1.0);
        }
    }
}
