//! The runtime of commands that ask and wait.

use std::pin::Pin;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

/// A runtime on the thread that waits: nothing goes on beside it.
pub(crate) struct OneThread(Runtime);

/// Starts one.
pub(crate) fn on_this_thread() -> anyhow::Result<OneThread> {
    let runtime = Builder::new_current_thread().enable_all().build();
    Ok(OneThread(runtime.context("async runtime")?))
}

impl OneThread {
    /// Waits for the work. Boxed, so that the runtime's loop is compiled once for every kind of result and not once for
    /// every command.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        let work: Pin<Box<dyn Future<Output = T> + '_>> = Box::pin(work);
        self.0.block_on(work)
    }
}
