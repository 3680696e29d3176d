//! A read cache in front of the database: bounded in entries and in age, one load at a time for each key,
//! and told explicitly when what it holds has changed.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

/// Limits of a cache.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries at most; 0 keeps nothing.
    pub capacity: usize,
    /// Age from which an entry is loaded again.
    pub ttl: Duration,
    /// Whether callers that miss the same key at the same time share one load.
    pub single_flight: bool,
}

/// What the cache knew about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<V> {
    /// An entry and its age.
    Fresh(V, Duration),
    /// Nothing, or nothing young enough.
    Missing,
}

/// A cache of values that are cheap to clone.
#[derive(Debug)]
pub struct Cache<K, V> {
    limits: Limits,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys in the order in which they were stored, for the eviction; a key may be stale here.
    queue: VecDeque<(K, u64)>,
    /// Loads under way. A load whose cell is no longer here was overtaken by an invalidation.
    flights: HashMap<K, Arc<OnceCell<V>>>,
    stored: u64,
    evictions: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    loaded_at: Instant,
    number: u64,
    /// Set by a hit; gives the entry a second turn in the queue.
    is_used: bool,
}

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, V> {
    /// An empty cache.
    pub fn new(limits: Limits) -> Self {
        let state = State {
            entries: HashMap::new(),
            queue: VecDeque::new(),
            flights: HashMap::new(),
            stored: 0,
            evictions: 0,
        };
        Self {
            limits,
            state: Mutex::new(state),
        }
    }

    /// The entry of a key, if it is young enough.
    pub fn get(&self, key: K) -> Found<V> {
        let mut state = self.lock();
        match state.entries.get_mut(&key) {
            Some(entry) if entry.loaded_at.elapsed() < self.limits.ttl => {
                entry.is_used = true;
                Found::Fresh(entry.value.clone(), entry.loaded_at.elapsed())
            }
            _ => Found::Missing,
        }
    }

    /// Loads a key and keeps the value, unless the key was invalidated while the load was under way.
    pub async fn load<E, F>(&self, key: K, load: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let started_at = Instant::now();
        let flight = self.board(key);
        // A caller that is cancelled in mid-load hands the load to the next one that waits.
        let outcome = flight.get_or_try_init(load).await.cloned();
        let mut state = self.lock();
        if state
            .flights
            .get(&key)
            .is_some_and(|current| Arc::ptr_eq(current, &flight))
        {
            state.flights.remove(&key);
            if let Ok(value) = &outcome {
                state.store(key, value.clone(), started_at, self.limits.capacity);
            }
        }
        outcome
    }

    /// Keeps a value that was read ahead of its need.
    pub fn put(&self, key: K, value: V) {
        self.lock()
            .store(key, value, Instant::now(), self.limits.capacity);
    }

    /// Forgets a key; a load of it that is under way will not be kept.
    pub fn invalidate(&self, key: K) {
        let mut state = self.lock();
        state.entries.remove(&key);
        state.flights.remove(&key);
    }

    /// Forgets everything, loads under way included; gives back how many entries there were.
    pub fn clear(&self) -> usize {
        let mut state = self.lock();
        let count = state.entries.len();
        state.entries.clear();
        state.queue.clear();
        state.flights.clear();
        count
    }

    /// Entries held, also those that are too old to be used.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that had to make room since the start.
    pub fn evictions(&self) -> u64 {
        self.lock().evictions
    }

    /// Joins the load of a key that is under way, or starts one.
    fn board(&self, key: K) -> Arc<OnceCell<V>> {
        let mut state = self.lock();
        if self.limits.single_flight {
            Arc::clone(state.flights.entry(key).or_default())
        } else {
            let own = Arc::new(OnceCell::new());
            state.flights.insert(key, Arc::clone(&own));
            own
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        // The state is consistent between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> State<K, V> {
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

    /// Takes the oldest key of the queue; `false` when the queue is empty.
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
            // Invalidated or stored again since: the queue entry was a shadow.
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests;
