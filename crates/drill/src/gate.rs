//! Keeps actions and grading apart: an action that is under way is finished before a write-up is graded, and one that
//! comes later is refused. So everything that was done is in the facts.

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::api::Failure;

/// Actions share it, grading has it alone.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    grading: Mutex<()>,
    actions: RwLock<()>,
}

/// A turn to grade: nothing else is graded meanwhile, and nothing is done.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _grading: MutexGuard<'a, ()>,
    _actions: RwLockWriteGuard<'a, ()>,
}

impl Gate {
    /// Lets an action begin; grading waits until the guard is dropped.
    pub(crate) fn act(&self) -> Result<RwLockReadGuard<'_, ()>, Failure> {
        self.actions.try_read().map_err(|_| Failure::graded())
    }

    /// Waits for the actions that are under way, and keeps others out from now on.
    pub(crate) async fn grade(&self) -> Result<Turn<'_>, Failure> {
        let grading = self.grading.try_lock().map_err(|_| {
            Failure::new("a write-up is already being graded", "wait for its verdict")
        })?;
        Ok(Turn {
            _grading: grading,
            _actions: self.actions.write().await,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn grading_waits_for_what_is_under_way_and_refuses_what_comes_later() {
        let gate = Gate::default();
        let mut context = Context::from_waker(Waker::noop());
        let first = gate.act().expect("nothing is graded");
        let second = gate.act().expect("actions do not exclude each other");
        let mut grading = pin!(gate.grade());
        assert!(grading.as_mut().poll(&mut context).is_pending());
        assert!(gate.act().is_err(), "grading is next");
        assert!(
            matches!(pin!(gate.grade()).poll(&mut context), Poll::Ready(Err(_))),
            "one write-up at a time"
        );
        drop(first);
        assert!(grading.as_mut().poll(&mut context).is_pending());
        drop(second);
        let Poll::Ready(Ok(turn)) = grading.as_mut().poll(&mut context) else {
            panic!("nothing is under way any more");
        };
        assert!(gate.act().is_err(), "it is being graded");
        drop(turn);
        assert!(gate.act().is_ok(), "the grade could not be had");
    }
}
