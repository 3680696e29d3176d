//! A token bucket for each client: a steady rate, and a burst after a rest.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::LimiterSettings;

/// Time between two searches for buckets that are full again and can go.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);

/// The buckets of all clients: a bounded number, whatever the clients call themselves.
#[derive(Debug)]
pub struct Limiter {
    settings: LimiterSettings,
    state: Mutex<State>,
}

/// May the request go on?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// No; after so long there is a token again.
    Limited(Duration),
}

#[derive(Debug)]
struct State {
    buckets: HashMap<String, Bucket>,
    /// Of every client that came when all buckets were taken.
    shared: Bucket,
    tidied_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Limiter {
    /// A limiter that has seen nobody.
    pub fn new(settings: LimiterSettings) -> Self {
        let now = Instant::now();
        let shared = Bucket {
            tokens: settings.burst,
            filled_at: now,
        };
        let state = State {
            buckets: HashMap::new(),
            shared,
            tidied_at: now,
        };
        Self {
            settings,
            state: Mutex::new(state),
        }
    }

    /// Takes a token from a client's bucket.
    pub fn take(&self, client: &str) -> Decision {
        let (rate, burst) = (self.settings.rate_per_second, self.settings.burst);
        if rate <= 0.0 {
            return Decision::Allowed;
        }
        let now = Instant::now();
        // The state is consistent between any two statements, so a panic elsewhere does not spoil it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = state.buckets.get_mut(client) {
            return bucket.take(now, rate, burst);
        }
        if state.buckets.len() >= self.settings.clients {
            state.tidy(now, rate, burst);
        }
        if state.buckets.len() >= self.settings.clients {
            return state.shared.take(now, rate, burst);
        }
        let mut bucket = Bucket {
            tokens: burst,
            filled_at: now,
        };
        let decision = bucket.take(now, rate, burst);
        state.buckets.insert(client.to_owned(), bucket);
        decision
    }

    /// Clients that have a bucket.
    pub fn clients(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .buckets
            .len()
    }
}

impl State {
    /// Removes buckets that are full: a client without one is treated the same.
    fn tidy(&mut self, now: Instant, rate: f64, burst: f64) {
        if now.duration_since(self.tidied_at) < TIDY_INTERVAL {
            return;
        }
        self.tidied_at = now;
        self.buckets
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
    async fn a_client_has_its_burst_and_then_its_rate() {
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
            "a rest earns no more than the burst"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn clients_do_not_take_from_each_other() {
        let limiter = limiter(10);
        assert_eq!(allowed(&limiter, "a", 10), 3);
        assert_eq!(allowed(&limiter, "b", 10), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn invented_names_gain_neither_memory_nor_tokens() {
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
    async fn a_rate_of_nothing_turns_it_off() {
        let limiter = Limiter::new(LimiterSettings {
            rate_per_second: 0.0,
            burst: 0.0,
            clients: 0,
        });
        assert_eq!(allowed(&limiter, "a", 100), 100);
    }
}
