//! The quota of a customer: a token bucket.

use std::time::Instant;

use parking_lot::Mutex;

/// A token bucket that fills at a steady rate up to a burst.
#[derive(Debug)]
pub struct Quota {
    per_second: f64,
    burst: f64,
    /// Tokens, and when they were last counted.
    level: Mutex<(f64, Instant)>,
}

impl Quota {
    /// A full bucket; a rate of 0 or less means unlimited.
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second,
            burst,
            level: Mutex::new((burst, Instant::now())),
        }
    }

    /// Takes a token; `false` if none is left.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        if self.per_second <= 0.0 {
            return true;
        }
        let mut level = self.level.lock();
        let (tokens, filled_at) = *level;
        let grown = now.saturating_duration_since(filled_at).as_secs_f64() * self.per_second;
        let tokens = (tokens + grown).min(self.burst);
        let is_taken = tokens >= 1.0;
        *level = (if is_taken { tokens - 1.0 } else { tokens }, now);
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_customer_gets_the_burst_and_then_the_rate() {
        let quota = Quota::new(10.0, 3.0);
        let start = Instant::now();
        let taken = |ms: u64, times: usize| {
            let at = start + Duration::from_millis(ms);
            (0..times).filter(|_| quota.take_at(at)).count()
        };
        assert_eq!(taken(0, 5), 3);
        assert_eq!(taken(250, 5), 2);
        assert_eq!(taken(10_000, 5), 3, "a pause earns at most the burst");
    }

    #[test]
    fn a_rate_of_zero_is_unlimited() {
        let quota = Quota::new(0.0, 1.0);
        assert!((0..100).all(|_| quota.take()));
    }
}
