//! Watches the service's runtime from outside it.

use std::time::{Duration, Instant};

use telemetry::names::metric;
use tokio::{runtime::Handle, time::MissedTickBehavior};

/// Ten probes a second are enough for a quantile over half a minute, and cost nothing.
const EVERY: Duration = Duration::from_millis(100);

/// Hands the runtime a task every so often and measures how long it waits for a worker, which a
/// task that sleeps could not: the timer's own coarseness would be ten times what is measured.
pub(super) async fn watch(service: Handle) {
    let lag = metrics::histogram!(metric::RUNTIME_SCHEDULER_LAG);
    let alive = metrics::gauge!(metric::RUNTIME_ALIVE_TASKS);
    let depth = metrics::gauge!(metric::RUNTIME_GLOBAL_QUEUE_DEPTH);
    let workers = metrics::gauge!(metric::RUNTIME_WORKERS);
    let numbers = service.metrics();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let lag = lag.clone();
        // Awaited, so that a blocked runtime is not handed one probe after the other. An error
        // means that the runtime is ending, and so is this thread.
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
