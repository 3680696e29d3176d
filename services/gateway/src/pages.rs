//! Rendered listing pages, kept for a while so that the front pages of the shop cost nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use shop_api::product::Listing;
use tokio::time::Instant;

use crate::{PageKey, PageSettings};

/// The pages of one process.
#[derive(Debug)]
pub struct PageCache {
    settings: PageSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pages: HashMap<String, Page>,
    /// Keys in the order in which they were stored.
    order: VecDeque<String>,
    bytes: usize,
    evictions: u64,
}

#[derive(Debug)]
struct Page {
    body: Bytes,
    stored_at: Instant,
}

impl PageCache {
    /// An empty cache.
    pub fn new(settings: PageSettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// What tells this request's page from others; nothing if pages are not kept.
    pub fn key(&self, uri: &Uri, listing: &Listing) -> Option<String> {
        if !self.settings.enabled {
            return None;
        }
        Some(match self.settings.key {
            PageKey::Canonical => format!("{}?{}", uri.path(), listing.canonical()),
            PageKey::Uri => uri.to_string(),
        })
    }

    /// The page of a key, if it is young enough.
    pub fn find(&self, key: &str) -> Option<Bytes> {
        let state = self.lock();
        let page = state.pages.get(key)?;
        let is_fresh = page.stored_at.elapsed() < Duration::from_millis(self.settings.ttl_ms);
        is_fresh.then(|| page.body.clone())
    }

    /// Keeps a copy of a page.
    // Never inlined, so that a heap profile can tell these bytes from those of the request.
    #[inline(never)]
    pub fn remember(&self, key: String, body: &[u8]) {
        let mut state = self.lock();
        let freed = state.pages.get(&key).map_or(0, |page| page.body.len());
        if state.bytes - freed + body.len() > self.settings.max_bytes {
            return;
        }
        let page = Page {
            body: Bytes::copy_from_slice(body),
            stored_at: Instant::now(),
        };
        state.bytes = state.bytes - freed + body.len();
        if state.pages.insert(key.clone(), page).is_none() {
            state.order.push_back(key);
        }
        if let Some(capacity) = self.settings.capacity {
            state.shrink(capacity);
        }
    }

    /// Drops every page; gives back how many there were.
    pub fn clear(&self) -> usize {
        let mut state = self.lock();
        let count = state.pages.len();
        // The evictions stay: nothing had to make room.
        let evictions = state.evictions;
        *state = State {
            evictions,
            ..State::default()
        };
        count
    }

    /// Pages kept.
    pub fn len(&self) -> usize {
        self.lock().pages.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pages that had to make room since the start.
    pub fn evictions(&self) -> u64 {
        self.lock().evictions
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shrink(&mut self, capacity: usize) {
        while self.pages.len() > capacity {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(page) = self.pages.remove(&oldest) {
                self.bytes -= page.body.len();
                self.evictions += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(settings: PageSettings) -> PageCache {
        PageCache::new(PageSettings {
            ttl_ms: 1_000,
            ..settings
        })
    }

    fn key(cache: &PageCache, uri: &str) -> Option<String> {
        let uri: Uri = uri.parse().expect("the address is valid");
        cache.key(
            &uri,
            &Listing {
                query: "Kettle".into(),
                ..Listing::default()
            },
        )
    }

    #[test]
    fn a_session_tells_pages_apart_only_when_the_whole_address_does() {
        let (one, other) = (
            "/v1/products?query=Kettle&session=a",
            "/v1/products?session=b&query=kettle",
        );
        for (kind, is_same) in [(PageKey::Canonical, true), (PageKey::Uri, false)] {
            let cache = cache(PageSettings {
                key: kind,
                ..PageSettings::default()
            });
            assert_eq!(key(&cache, one) == key(&cache, other), is_same, "{kind:?}");
            assert_ne!(key(&cache, one), key(&cache, "/v2/products?query=Kettle"));
        }
        let off = cache(PageSettings {
            enabled: false,
            ..PageSettings::default()
        });
        assert_eq!(key(&off, one), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_used_until_its_time_is_up() {
        let cache = cache(PageSettings::default());
        cache.remember("a".into(), b"page");
        assert_eq!(cache.find("a").as_deref(), Some(&b"page"[..]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.find("a"), None);
        cache.remember("a".into(), b"new");
        assert_eq!(
            (cache.find("a").as_deref(), cache.len()),
            (Some(&b"new"[..]), 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_page_makes_room_when_there_is_a_capacity() {
        let cache = cache(PageSettings {
            capacity: Some(2),
            ..PageSettings::default()
        });
        for key in ["a", "b", "c"] {
            cache.remember(key.into(), b"page");
        }
        assert_eq!(
            (cache.find("a"), cache.len(), cache.evictions()),
            (None, 2, 1)
        );
        assert_eq!(cache.lock().bytes, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cleared_cache_holds_nothing_and_fills_again() {
        let cache = cache(PageSettings {
            capacity: Some(2),
            ..PageSettings::default()
        });
        for key in ["a", "b", "c"] {
            cache.remember(key.into(), b"page");
        }
        assert_eq!((cache.clear(), cache.clear()), (2, 0));
        assert_eq!((cache.find("c"), cache.lock().bytes), (None, 0));
        cache.remember("c".into(), b"page");
        assert_eq!((cache.len(), cache.evictions()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_limited_also_without_a_capacity() {
        let cache = cache(PageSettings {
            capacity: None,
            max_bytes: 10,
            ..PageSettings::default()
        });
        for number in 0..100 {
            cache.remember(number.to_string(), b"page");
        }
        assert_eq!((cache.len(), cache.evictions()), (2, 0));
        assert_eq!(cache.lock().bytes, 8);
        cache.remember("0".into(), b"longer");
        assert_eq!((cache.len(), cache.lock().bytes), (2, 10));
    }
}
