//! The current request: its id for log lines and upstream calls, and its deadline.
//!
//! It is stored with the task and not in a span, so that log lines have a request id even if no trace is
//! recorded.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

tokio::task_local! {
    static CURRENT: Request;
}

/// A request that this process handles.
#[derive(Debug, Clone)]
pub struct Request {
    /// Value of `x-request-id`.
    pub id: Arc<str>,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

impl Request {
    /// Time left; zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Runs `work` as part of `request`.
pub async fn scope<F: Future>(request: Request, work: F) -> F::Output {
    CURRENT.scope(request, work).await
}

/// The request of the current task, if any.
pub fn current() -> Option<Request> {
    CURRENT.try_with(Request::clone).ok()
}

/// Passes the current request's id to `read` without copying it.
pub fn with_id<T>(read: impl FnOnce(Option<&str>) -> T) -> T {
    // `try_with` would consume the closure on failure too, so it is taken in the branch that runs.
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
