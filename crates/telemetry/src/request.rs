//! The request being answered: its id for log lines and onward calls, and how long it may take.
//!
//! It is kept beside the task and not in a span, so that log lines name their request even where
//! no trace is recorded.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

tokio::task_local! {
    static CURRENT: Request;
}

/// One request on its way through the services.
#[derive(Debug, Clone)]
pub struct Request {
    /// Value of `x-request-id`.
    pub id: Arc<str>,
    /// When an answer is of no more use.
    pub deadline: Instant,
}

impl Request {
    /// Time left to answer; zero when the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Runs `work` as part of `request`.
pub async fn scope<F: Future>(request: Request, work: F) -> F::Output {
    CURRENT.scope(request, work).await
}

/// The request that the current task works for, if any.
pub fn current() -> Option<Request> {
    CURRENT.try_with(Request::clone).ok()
}

/// Gives the current request's id to `read`, without copying it.
pub fn with_id<T>(read: impl FnOnce(Option<&str>) -> T) -> T {
    // The closure moves into whichever branch runs; `try_with` would consume it on failure too.
    let mut read = Some(read);
    let found = CURRENT.try_with(|request| read.take().map(|read| read(Some(&request.id))));
    match found {
        Ok(Some(value)) => value,
        _ => (read.take().expect("the closure runs in one branch only"))(None),
    }
}

/// Runs `work` on this thread as part of `request`.
pub fn sync_scope<T>(request: Request, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(request, work)
}
