//! Measures the service's runtime from outside.

use std::time::{Duration, Instant};

use telemetry::names::metric;
use tokio::{runtime::Handle, time::MissedTickBehavior};

/// Ten probes a second are enough for a quantile over half a minute, and cost almost nothing.
const INTERVAL: Duration = Duration::from_millis(100);

/// Regularly spawns a task on the runtime and measures how long it waits for a worker. A task that sleeps
/// could not measure this: the timer's resolution is ten times coarser than the lag.
pub(super) async fn watch(service: Handle) {
    let lag = metrics::histogram!(metric::RUNTIME_SCHEDULER_LAG);
    let alive = metrics::gauge!(metric::RUNTIME_ALIVE_TASKS);
    let depth = metrics::gauge!(metric::RUNTIME_GLOBAL_QUEUE_DEPTH);
    let workers = metrics::gauge!(metric::RUNTIME_WORKERS);
    let numbers = service.metrics();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let lag = lag.clone();
        // Awaited, so that probes do not pile up in a blocked runtime. An error means that the runtime
        // is shutting down.
        let probe = service.spawn(async move { lag.record(began.elapsed().as_secs_f64()) });
        if probe.await.is_err() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        {
            alive.set(numbers.num_alive_tasks() as f64);
            depth.set(numbers.global_queue_depth() as f64);
            workers.set(numbers.num_workers() as f64);
        }
    }
}
