//! A read cache in front of the database: limited in entries and age, with one load at a time per key and explicit
//! invalidation.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::OnceCell, time::Instant};

/// Limits of a cache.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of entries; 0 disables the cache.
    pub capacity: usize,
    /// Time after which an entry expires.
    pub ttl: Duration,
    /// Whether concurrent misses of the same key share one load.
    pub single_flight: bool,
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<V> {
    /// An entry and its age.
    Hit(V, Duration),
    /// No entry, or an expired one.
    Miss,
}

/// A cache of values that are cheap to clone.
#[derive(Debug)]
pub struct Cache<K, V> {
    limits: Limits,
    contents: Mutex<Contents<K, V>>,
}

#[derive(Debug)]
struct Contents<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys in the order of eviction; an element may be outdated.
    queue: VecDeque<(K, u64)>,
    /// Loads in progress. An invalidation removes the load's cell, so that its result is not stored.
    flights: HashMap<K, Arc<OnceCell<V>>>,
    stored: u64,
    evictions: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    loaded_at: Instant,
    number: u64,
    /// Set by a hit; moves the entry to the end of the queue once instead of evicting it.
    is_used: bool,
}

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, V> {
    /// An empty cache.
    pub fn new(limits: Limits) -> Self {
        let contents = Contents {
            entries: HashMap::new(),
            queue: VecDeque::new(),
            flights: HashMap::new(),
            stored: 0,
            evictions: 0,
        };
        Self {
            limits,
            contents: Mutex::new(contents),
        }
    }

    /// Looks up a key.
    pub fn get(&self, key: K) -> Lookup<V> {
        let mut contents = self.contents.lock();
        match contents.entries.get_mut(&key) {
            Some(entry) if entry.loaded_at.elapsed() < self.limits.ttl => {
                entry.is_used = true;
                Lookup::Hit(entry.value.clone(), entry.loaded_at.elapsed())
            }
            _ => Lookup::Miss,
        }
    }

    /// Loads a key and stores the value, unless the key was invalidated during the load.
    pub async fn load<E, F>(&self, key: K, load: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let started_at = Instant::now();
        let flight = self.flight(key);
        // If the loading caller is cancelled, the next waiting caller loads.
        let outcome = flight.get_or_try_init(load).await.cloned();
        let mut contents = self.contents.lock();
        if contents
            .flights
            .get(&key)
            .is_some_and(|current| Arc::ptr_eq(current, &flight))
        {
            contents.flights.remove(&key);
            if let Ok(value) = &outcome {
                contents.store(key, value.clone(), started_at, self.limits.capacity);
            }
        }
        outcome
    }

    /// Stores a value that was loaded in advance.
    pub fn put(&self, key: K, value: V) {
        self.contents
            .lock()
            .store(key, value, Instant::now(), self.limits.capacity);
    }

    /// Removes a key; the result of a load in progress will not be stored.
    pub fn invalidate(&self, key: K) {
        let mut contents = self.contents.lock();
        contents.entries.remove(&key);
        contents.flights.remove(&key);
    }

    /// Removes all entries, and ignores loads in progress; returns how many entries there were.
    pub fn clear(&self) -> usize {
        let mut contents = self.contents.lock();
        let count = contents.entries.len();
        contents.entries.clear();
        contents.queue.clear();
        contents.flights.clear();
        count
    }

    /// Number of entries, including expired ones.
    pub fn len(&self) -> usize {
        self.contents.lock().entries.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of evicted entries since the start.
    pub fn evictions(&self) -> u64 {
        self.contents.lock().evictions
    }

    /// Joins the load of a key that is in progress, or starts one.
    fn flight(&self, key: K) -> Arc<OnceCell<V>> {
        let mut contents = self.contents.lock();
        if self.limits.single_flight {
            Arc::clone(contents.flights.entry(key).or_default())
        } else {
            let own = Arc::new(OnceCell::new());
            contents.flights.insert(key, Arc::clone(&own));
            own
        }
    }
}

impl<K: Copy + Eq + Hash, V> Contents<K, V> {
    fn store(&mut self, key: K, value: V, loaded_at: Instant, capacity: usize) {
        if capacity == 0 {
            return;
        }
        self.stored += 1;
        let number = self.stored;
        self.entries.insert(
            key,
            Entry {
                value,
                loaded_at,
                number,
                is_used: false,
            },
        );
        self.queue.push_back((key, number));
        while self.entries.len() > capacity || self.queue.len() > capacity.saturating_mul(2) {
            if !self.evict_one() {
                break;
            }
        }
    }

    /// Takes the first key of the queue; `false` if the queue is empty.
    fn evict_one(&mut self) -> bool {
        let Some((key, number)) = self.queue.pop_front() else {
            return false;
        };
        match self.entries.get_mut(&key) {
            Some(entry) if entry.number == number && entry.is_used => {
                entry.is_used = false;
                self.queue.push_back((key, number));
            }
            Some(entry) if entry.number == number => {
                self.entries.remove(&key);
                self.evictions += 1;
            }
            // Invalidated or stored again since then: the element is outdated.
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests;
