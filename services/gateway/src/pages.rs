//! The cache of rendered listing pages, so that the front pages of the shop cost almost nothing.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use parking_lot::Mutex;
use shop_api::product::Listing;
use tokio::time::Instant;

use crate::{CountedBy, PageKey, PageSettings, route::PAGE_CACHE};

/// The page cache of one process.
#[derive(Debug)]
pub struct PageCache {
    settings: PageSettings,
    pages: Mutex<Pages>,
    /// Requests that were counted by their page.
    counted: AtomicUsize,
}

/// Pages that are counted by themselves; a process does not grow without end.
const COUNTED: usize = 20_000;

#[derive(Debug, Default)]
struct Pages {
    by_key: HashMap<String, Page>,
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
            pages: Mutex::default(),
            counted: AtomicUsize::new(0),
        }
    }

    /// Under which name a request is counted.
    pub fn counted_as(&self, uri: &Uri) -> Cow<'static, str> {
        match self.settings.counted_by {
            CountedBy::Page if self.counted.fetch_add(1, Ordering::Relaxed) < COUNTED => {
                Cow::Owned(uri.to_string())
            }
            CountedBy::Page | CountedBy::Cache => Cow::Borrowed(PAGE_CACHE),
        }
    }

    /// The cache key of a request; `None` if the cache is disabled.
    pub fn key(&self, uri: &Uri, listing: &Listing) -> Option<String> {
        if !self.settings.enabled {
            return None;
        }
        Some(match self.settings.key {
            PageKey::Canonical => format!("{}?{}", uri.path(), listing.canonical()),
            PageKey::Uri => uri.to_string(),
        })
    }

    /// The page of a key, if it has not expired.
    pub fn find(&self, key: &str) -> Option<Bytes> {
        let pages = self.pages.lock();
        let page = pages.by_key.get(key)?;
        let is_fresh = page.stored_at.elapsed() < Duration::from_millis(self.settings.ttl_ms);
        is_fresh.then(|| page.body.clone())
    }

    /// Stores a copy of a page.
    // Never inlined, so that a heap profile shows these bytes apart from those of the request.
    #[inline(never)]
    pub fn store(&self, key: String, body: &[u8]) {
        let mut pages = self.pages.lock();
        let freed = pages.by_key.get(&key).map_or(0, |page| page.body.len());
        if pages.bytes - freed + body.len() > self.settings.max_bytes {
            return;
        }
        let page = Page {
            body: Bytes::copy_from_slice(body),
            stored_at: Instant::now(),
        };
        pages.bytes = pages.bytes - freed + body.len();
        if pages.by_key.insert(key.clone(), page).is_none() {
            pages.order.push_back(key);
        }
        if let Some(capacity) = self.settings.capacity {
            pages.shrink(capacity);
        }
    }

    /// Removes all pages; returns how many there were.
    pub fn clear(&self) -> usize {
        let mut pages = self.pages.lock();
        let count = pages.by_key.len();
        // Evictions count only pages that had to make room.
        let evictions = pages.evictions;
        *pages = Pages {
            evictions,
            ..Pages::default()
        };
        count
    }

    /// Number of pages.
    pub fn len(&self) -> usize {
        self.pages.lock().by_key.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of evicted pages since the start.
    pub fn evictions(&self) -> u64 {
        self.pages.lock().evictions
    }
}

impl Pages {
    fn shrink(&mut self, capacity: usize) {
        while self.by_key.len() > capacity {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(page) = self.by_key.remove(&oldest) {
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
    fn only_a_key_by_uri_depends_on_the_session() {
        let (one, other) = (
            "/v1/products?query=Kettle&session=a",
            "/v1/products?session=b&query=kettle",
        );
        for (page_key, is_same) in [(PageKey::Canonical, true), (PageKey::Uri, false)] {
            let cache = cache(PageSettings {
                key: page_key,
                ..PageSettings::default()
            });
            assert_eq!(
                key(&cache, one) == key(&cache, other),
                is_same,
                "{page_key:?}"
            );
            assert_ne!(key(&cache, one), key(&cache, "/v2/products?query=Kettle"));
        }
        let off = cache(PageSettings {
            enabled: false,
            ..PageSettings::default()
        });
        assert_eq!(key(&off, one), None);
    }

    #[test]
    fn requests_are_counted_by_what_the_settings_say_and_by_no_more_pages_than_allowed() {
        let uri: Uri = "/v1/products?page=2&session=s-1"
            .parse()
            .expect("an address");
        let of = |counted_by| {
            cache(PageSettings {
                counted_by,
                ..PageSettings::default()
            })
        };
        assert_eq!(of(CountedBy::Cache).counted_as(&uri), "page");
        let by_page = of(CountedBy::Page);
        assert_eq!(by_page.counted_as(&uri), "/v1/products?page=2&session=s-1");
        by_page.counted.store(COUNTED, Ordering::Relaxed);
        assert_eq!(by_page.counted_as(&uri), "page");
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_used_until_it_expires() {
        let cache = cache(PageSettings::default());
        cache.store("a".into(), b"page");
        assert_eq!(cache.find("a").as_deref(), Some(&b"page"[..]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.find("a"), None);
        cache.store("a".into(), b"new");
        assert_eq!(
            (cache.find("a").as_deref(), cache.len()),
            (Some(&b"new"[..]), 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_evicts_the_oldest_page() {
        let cache = cache(PageSettings {
            capacity: Some(2),
            ..PageSettings::default()
        });
        for key in ["a", "b", "c"] {
            cache.store(key.into(), b"page");
        }
        assert_eq!(
            (cache.find("a"), cache.len(), cache.evictions()),
            (None, 2, 1)
        );
        assert_eq!(cache.pages.lock().bytes, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cleared_cache_is_empty_and_fills_again() {
        let cache = cache(PageSettings {
            capacity: Some(2),
            ..PageSettings::default()
        });
        for key in ["a", "b", "c"] {
            cache.store(key.into(), b"page");
        }
        assert_eq!((cache.clear(), cache.clear()), (2, 0));
        assert_eq!((cache.find("c"), cache.pages.lock().bytes), (None, 0));
        cache.store("c".into(), b"page");
        assert_eq!((cache.len(), cache.evictions()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_limited_even_without_a_capacity() {
        let cache = cache(PageSettings {
            capacity: None,
            max_bytes: 10,
            ..PageSettings::default()
        });
        for number in 0..100 {
            cache.store(number.to_string(), b"page");
        }
        assert_eq!((cache.len(), cache.evictions()), (2, 0));
        assert_eq!(cache.pages.lock().bytes, 8);
        cache.store("0".into(), b"longer");
        assert_eq!((cache.len(), cache.pages.lock().bytes), (2, 10));
    }
}
