//! The load generator against a minimal shop, over real sockets.

mod keep_alive;
mod latency;
mod limit;
mod record;
mod shop;

use std::time::{Duration, Instant};

use loadgen::{Config, Handle, Load};

/// Longer than any of these tests takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

fn config(target: std::net::SocketAddr, load: Load) -> Config {
    Config::new(target, 11, load)
}

/// Waits until the load has reached a state.
async fn until(handle: &Handle, holds: impl Fn(&Handle) -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds(handle) {
        assert!(Instant::now() < end, "{:?}", handle.record());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn scheduled(handle: &Handle) -> u64 {
    handle.read(|record| record.sum(record.whole(), None).scheduled)
}
