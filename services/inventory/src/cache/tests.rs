//! The cache, with the clock paused.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU32, Ordering},
};

use super::*;

fn cache(capacity: usize, single_flight: bool) -> Cache<u32, u32> {
    Cache::new(Limits {
        capacity,
        ttl: Duration::from_secs(10),
        single_flight,
    })
}

async fn put(cache: &Cache<u32, u32>, key: u32, value: u32) {
    let loaded: Result<u32, Infallible> = cache.load(key, || async { Ok(value) }).await;
    assert_eq!(loaded, Ok(value));
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_used_until_it_expires() {
    let cache = cache(10, true);
    put(&cache, 1, 11).await;
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(cache.get(1), Lookup::Hit(11, Duration::from_secs(9)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(cache.get(1), Lookup::Miss);
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_entry_is_removed_at_once() {
    let cache = cache(10, true);
    put(&cache, 1, 11).await;
    cache.invalidate(1);
    assert_eq!(cache.get(1), Lookup::Miss);
}

#[tokio::test(start_paused = true)]
async fn a_load_during_an_invalidation_returns_but_is_not_stored() {
    let cache = cache(10, true);
    let loaded: Result<u32, Infallible> = cache
        .load(1, || async {
            cache.invalidate(1);
            Ok(11)
        })
        .await;
    assert_eq!(loaded, Ok(11));
    assert_eq!(cache.get(1), Lookup::Miss);
}

#[tokio::test(start_paused = true)]
async fn concurrent_misses_share_one_load_if_configured() {
    for (single_flight, expected) in [(true, 1), (false, 3)] {
        let cache = cache(10, single_flight);
        let loads = AtomicU32::new(0);
        let caller = || {
            cache.load(1, || async {
                loads.fetch_add(1, Ordering::Relaxed);
                // Lets the other callers start.
                tokio::task::yield_now().await;
                Ok::<u32, Infallible>(11)
            })
        };
        let loaded = tokio::join!(caller(), caller(), caller());
        assert_eq!(loaded, (Ok(11), Ok(11), Ok(11)));
        assert_eq!(
            loads.load(Ordering::Relaxed),
            expected,
            "single flight {single_flight}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_is_not_stored() {
    let cache = cache(10, true);
    assert_eq!(
        cache.load(1, || async { Err::<u32, _>("no") }).await,
        Err("no")
    );
    assert_eq!(cache.get(1), Lookup::Miss);
    put(&cache, 1, 12).await;
    assert_eq!(cache.get(1), Lookup::Hit(12, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_full_cache_evicts_unused_entries_first() {
    let cache = cache(3, true);
    for key in 1..=3 {
        put(&cache, key, key).await;
    }
    assert!(matches!(cache.get(1), Lookup::Hit(..)));
    for key in 4..=5 {
        put(&cache, key, key).await;
        assert_eq!(cache.len(), 3);
    }
    assert!(
        matches!(cache.get(1), Lookup::Hit(..)),
        "a used entry is not evicted first"
    );
    assert_eq!(cache.get(2), Lookup::Miss);
    assert_eq!(cache.evictions(), 2);
}

#[tokio::test(start_paused = true)]
async fn storing_a_key_repeatedly_keeps_one_entry() {
    let cache = cache(2, true);
    for round in 0..100 {
        cache.invalidate(1);
        put(&cache, 1, round).await;
    }
    assert_eq!(cache.len(), 1);
    assert!(cache.contents.lock().queue.len() <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_cleared_cache_is_empty_and_ignores_loads_in_progress() {
    let cache = Arc::new(cache(10, true));
    put(&cache, 1, 11).await;
    let (go, gone) = tokio::sync::oneshot::channel();
    let loading = {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move {
            let load = || async { gone.await.map(|()| 22) };
            cache.load(2, load).await
        })
    };
    tokio::task::yield_now().await;
    assert_eq!((cache.clear(), cache.clear()), (1, 0));
    go.send(()).expect("the load waits");
    let loaded = loading.await.expect("no panic");
    assert_eq!(loaded, Ok(22), "the caller still gets the value");
    assert_eq!((cache.get(1), cache.get(2)), (Lookup::Miss, Lookup::Miss));
    put(&cache, 1, 12).await;
    assert_eq!(cache.len(), 1);
}
