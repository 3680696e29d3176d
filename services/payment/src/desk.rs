//! The provider's workers, and the line in front of them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many workers, and a line that is only so long.
#[derive(Debug)]
pub(crate) struct Desk {
    workers: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A place in the line.
#[derive(Debug)]
pub(crate) struct Turn {
    workers: Arc<Semaphore>,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    /// A desk of `workers` at which `waiting` more may stand.
    pub(crate) fn new(workers: usize, waiting: usize) -> Self {
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            places: Arc::new(Semaphore::new(workers.saturating_add(waiting))),
        }
    }

    /// A place at the end of the line, if it is not too long.
    pub(crate) fn line_up(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Turn {
            workers: Arc::clone(&self.workers),
            _place: place,
        })
    }
}

impl Turn {
    /// Waits for a worker; who came first is served first. Both are free again when the result is dropped.
    pub(crate) async fn come(self) -> (Self, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed; if it were, going without a worker would do no harm.
        let worker = Arc::clone(&self.workers).acquire_owned().await.ok();
        (self, worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_the_line_full_is_sent_away_and_who_leaves_makes_room() {
        let desk = Desk::new(1, 1);
        let first = desk.line_up().expect("room").come().await;
        let second = desk.line_up().expect("a place in the line");
        assert!(desk.line_up().is_none());
        drop(first);
        let served = second.come().await;
        assert!(served.1.is_some());
        assert!(desk.line_up().is_some());
    }
}
