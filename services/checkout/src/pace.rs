//! Spreads deliveries over time, so that the warehouse gets no more than was agreed with it.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// The limit of one process.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: Option<f64>,
    /// When the next delivery may begin.
    next: Mutex<Instant>,
}

impl Pace {
    /// So many per second; absent means no limit.
    pub(crate) fn new(per_second: Option<f64>) -> Self {
        Self {
            per_second: per_second.filter(|rate| *rate > 0.0),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the turn of a delivery that counts as `count`; the next one's turn comes as much later.
    pub(crate) async fn wait(&self, count: usize) {
        let Some(rate) = self.per_second else {
            return;
        };
        let turn = {
            let mut next = self.next.lock();
            let turn = (*next).max(Instant::now());
            *next = turn + Duration::from_secs_f64(count as f64 / rate);
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_counts_more_makes_the_next_wait_longer() {
        for (rate, counts, expected_ms) in [
            (None, [1, 1, 1], 0),
            (Some(10.0), [1, 1, 1], 200),
            (Some(10.0), [6, 6, 1], 1_200),
            (Some(20.0), [6, 6, 1], 600),
        ] {
            let pace = Pace::new(rate);
            let begun = Instant::now();
            for count in counts {
                pace.wait(count).await;
            }
            // The runtime's timer has steps of a millisecond.
            let waited_ms = begun.elapsed().as_millis();
            assert!(
                (expected_ms..expected_ms + 5).contains(&waited_ms),
                "{rate:?} {counts:?}: {waited_ms} ms"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_without_deliveries_is_not_saved_up() {
        let pace = Pace::new(Some(10.0));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let begun = Instant::now();
        for _ in 0..3 {
            pace.wait(1).await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(200));
    }
}
