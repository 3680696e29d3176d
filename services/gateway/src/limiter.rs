//! Rate limit: a token bucket for each client, with a steady rate and a burst after a pause.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::LimiterSettings;

/// Minimum time between two removals of full buckets.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(1);

/// The buckets of all clients. Their number is bounded, even if clients invent names.
#[derive(Debug)]
pub struct Limiter {
    settings: LimiterSettings,
    buckets: Mutex<Buckets>,
}

/// Whether a request may proceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// No; the next token is available after this time.
    Limited(Duration),
}

#[derive(Debug)]
struct Buckets {
    by_client: HashMap<String, Bucket>,
    /// For all clients that come while the maximum number of buckets is in use.
    shared: Bucket,
    cleaned_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Limiter {
    /// A limiter without any buckets.
    pub fn new(settings: LimiterSettings) -> Self {
        let now = Instant::now();
        let shared = Bucket {
            tokens: settings.burst,
            filled_at: now,
        };
        let buckets = Buckets {
            by_client: HashMap::new(),
            shared,
            cleaned_at: now,
        };
        Self {
            settings,
            buckets: Mutex::new(buckets),
        }
    }

    /// Takes a token from a client's bucket.
    pub fn take(&self, client: &str) -> Decision {
        let (rate, burst) = (self.settings.rate_per_second, self.settings.burst);
        if rate <= 0.0 {
            return Decision::Allowed;
        }
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        if let Some(bucket) = buckets.by_client.get_mut(client) {
            return bucket.take(now, rate, burst);
        }
        if buckets.by_client.len() >= self.settings.clients {
            buckets.remove_full(now, rate, burst);
        }
        if buckets.by_client.len() >= self.settings.clients {
            return buckets.shared.take(now, rate, burst);
        }
        let mut bucket = Bucket {
            tokens: burst,
            filled_at: now,
        };
        let decision = bucket.take(now, rate, burst);
        buckets.by_client.insert(client.to_owned(), bucket);
        decision
    }

    /// Number of clients with a bucket.
    pub fn clients(&self) -> usize {
        self.buckets.lock().by_client.len()
    }
}

impl Buckets {
    /// Removes full buckets: a client without a bucket is treated the same.
    fn remove_full(&mut self, now: Instant, rate: f64, burst: f64) {
        if now.duration_since(self.cleaned_at) < CLEANUP_INTERVAL {
            return;
        }
        self.cleaned_at = now;
        self.by_client
            .retain(|_, bucket| bucket.level(now, rate, burst) < burst);
    }
}

impl Bucket {
    fn level(&self, now: Instant, rate: f64, burst: f64) -> f64 {
        let gained = now.duration_since(self.filled_at).as_secs_f64() * rate;
        (self.tokens + gained).min(burst)
    }

    fn take(&mut self, now: Instant, rate: f64, burst: f64) -> Decision {
        self.tokens = self.level(now, rate, burst);
        self.filled_at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Decision::Allowed;
        }
        Decision::Limited(Duration::from_secs_f64((1.0 - self.tokens) / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(clients: usize) -> Limiter {
        Limiter::new(LimiterSettings {
            rate_per_second: 2.0,
            burst: 3.0,
            clients,
        })
    }

    fn allowed(limiter: &Limiter, client: &str, tries: u32) -> u32 {
        (0..tries)
            .map(|_| u32::from(limiter.take(client) == Decision::Allowed))
            .sum()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_gets_its_burst_and_then_its_rate() {
        let limiter = limiter(10);
        assert_eq!(allowed(&limiter, "a", 10), 3);
        assert_eq!(
            limiter.take("a"),
            Decision::Limited(Duration::from_millis(500))
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(allowed(&limiter, "a", 10), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(
            allowed(&limiter, "a", 10),
            3,
            "a pause earns at most the burst"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn clients_do_not_share_tokens() {
        let limiter = limiter(10);
        assert_eq!(allowed(&limiter, "a", 10), 3);
        assert_eq!(allowed(&limiter, "b", 10), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn invented_names_gain_no_memory_and_no_tokens() {
        let limiter = limiter(2);
        assert_eq!(allowed(&limiter, "a", 10), 3);
        assert_eq!(allowed(&limiter, "b", 10), 3);
        let invented: u32 = (0..100)
            .map(|n| allowed(&limiter, &format!("x{n}"), 1))
            .sum();
        assert_eq!((invented, limiter.clients()), (3, 2));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(allowed(&limiter, "c", 1), 1);
        assert_eq!(limiter.clients(), 1, "full buckets made room");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_zero_disables_the_limit() {
        let limiter = Limiter::new(LimiterSettings {
            rate_per_second: 0.0,
            burst: 0.0,
            clients: 0,
        });
        assert_eq!(allowed(&limiter, "a", 100), 100);
    }
}
