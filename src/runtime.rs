//! The runtime of commands that ask and wait.

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

/// A runtime on the thread that waits: nothing goes on beside it.
pub(crate) fn on_this_thread() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("async runtime")
}
