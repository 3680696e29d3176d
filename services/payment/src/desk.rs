//! The provider's workers, and the queue in front of them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A fixed number of workers behind a bounded queue.
#[derive(Debug)]
pub(crate) struct Desk {
    workers: Arc<Semaphore>,
    /// Permits for all charges in progress, queued or not.
    admissions: Arc<Semaphore>,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct QueuePosition {
    workers: Arc<Semaphore>,
    _admission: OwnedSemaphorePermit,
}

impl Desk {
    /// A desk with `workers` workers and a queue of at most `waiting` charges.
    pub(crate) fn new(workers: usize, waiting: usize) -> Self {
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            admissions: Arc::new(Semaphore::new(workers.saturating_add(waiting))),
        }
    }

    /// Joins the queue, unless it is full.
    pub(crate) fn enqueue(&self) -> Option<QueuePosition> {
        let admission = Arc::clone(&self.admissions).try_acquire_owned().ok()?;
        Some(QueuePosition {
            workers: Arc::clone(&self.workers),
            _admission: admission,
        })
    }
}

impl QueuePosition {
    /// Waits for a worker, first come, first served. Dropping the result frees the worker and the place in the queue.
    pub(crate) async fn worker(self) -> (Self, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed; if it were, the charge could proceed without a worker.
        let worker = Arc::clone(&self.workers).acquire_owned().await.ok();
        (self, worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_charges_until_one_is_done() {
        let desk = Desk::new(1, 1);
        let first = desk.enqueue().expect("a free worker").worker().await;
        let second = desk.enqueue().expect("a place in the queue");
        assert!(desk.enqueue().is_none());
        drop(first);
        let served = second.worker().await;
        assert!(served.1.is_some());
        assert!(desk.enqueue().is_some());
    }
}
