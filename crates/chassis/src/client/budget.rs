//! The retry budget: retries are limited to a share of the calls, so that they cannot multiply load.

use std::sync::atomic::{AtomicU32, Ordering};

use metrics::Gauge;

/// Retries are counted in tenths, so that one call can earn a tenth of a retry.
const ONE: u32 = 10;
/// A burst of at most ten retries: more is not a hiccup.
const MOST: u32 = 10 * ONE;
/// One retry for every ten calls.
const EARNED: u32 = 1;

/// The retries left for one upstream.
#[derive(Debug)]
pub(super) struct Budget {
    tenths: AtomicU32,
    gauge: Gauge,
}

impl Budget {
    pub(super) fn new(gauge: Gauge) -> Self {
        let budget = Self {
            tenths: AtomicU32::new(MOST),
            gauge,
        };
        budget.show(MOST);
        budget
    }

    /// Counts the first attempt of a call.
    pub(super) fn earn(&self) {
        let earned = self
            .tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
                (tenths < MOST).then(|| (tenths + EARNED).min(MOST))
            });
        if let Ok(before) = earned {
            self.show(before + EARNED);
        }
    }

    /// Takes one retry, if one is left.
    pub(super) fn spend(&self) -> bool {
        let spent = self
            .tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
                tenths.checked_sub(ONE)
            });
        if let Ok(before) = spent {
            self.show(before - ONE);
        }
        spent.is_ok()
    }

    fn show(&self, tenths: u32) {
        self.gauge.set(f64::from(tenths) / f64::from(ONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_retries_are_a_tenth_of_the_calls() {
        let budget = Budget::new(Gauge::noop());
        let burst = (0..100).filter(|_| budget.spend()).count();
        assert_eq!(burst, 10);
        let later = (0..1_000)
            .filter(|_| {
                budget.earn();
                budget.spend()
            })
            .count();
        assert_eq!(later, 100);
    }
}
