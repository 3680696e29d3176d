//! What the cache promises, with the clock paused.

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
async fn an_entry_is_used_until_its_time_is_up() {
    let cache = cache(10, true);
    put(&cache, 1, 11).await;
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(cache.get(1), Found::Fresh(11, Duration::from_secs(9)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(cache.get(1), Found::Missing);
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_entry_is_gone_at_once() {
    let cache = cache(10, true);
    put(&cache, 1, 11).await;
    cache.invalidate(1);
    assert_eq!(cache.get(1), Found::Missing);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_overtaken_by_an_invalidation_is_answered_but_not_kept() {
    let cache = cache(10, true);
    let loaded: Result<u32, Infallible> = cache
        .load(1, || async {
            cache.invalidate(1);
            Ok(11)
        })
        .await;
    assert_eq!(loaded, Ok(11));
    assert_eq!(cache.get(1), Found::Missing);
}

#[tokio::test(start_paused = true)]
async fn callers_that_miss_together_share_one_load_if_asked_to() {
    for (single_flight, expected) in [(true, 1), (false, 3)] {
        let cache = cache(10, single_flight);
        let loads = AtomicU32::new(0);
        let caller = || {
            cache.load(1, || async {
                loads.fetch_add(1, Ordering::Relaxed);
                // Long enough for the others to come.
                tokio::task::yield_now().await;
                Ok::<u32, Infallible>(11)
            })
        };
        let answers = tokio::join!(caller(), caller(), caller());
        assert_eq!(answers, (Ok(11), Ok(11), Ok(11)));
        assert_eq!(
            loads.load(Ordering::Relaxed),
            expected,
            "single flight {single_flight}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_is_not_kept() {
    let cache = cache(10, true);
    assert_eq!(
        cache.load(1, || async { Err::<u32, _>("no") }).await,
        Err("no")
    );
    assert_eq!(cache.get(1), Found::Missing);
    put(&cache, 1, 12).await;
    assert_eq!(cache.get(1), Found::Fresh(12, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn capacity_is_never_exceeded_and_used_entries_stay() {
    let cache = cache(3, true);
    for key in 1..=3 {
        put(&cache, key, key).await;
    }
    assert!(matches!(cache.get(1), Found::Fresh(..)));
    for key in 4..=5 {
        put(&cache, key, key).await;
        assert_eq!(cache.len(), 3);
    }
    assert!(
        matches!(cache.get(1), Found::Fresh(..)),
        "the used entry had a second turn"
    );
    assert_eq!(cache.get(2), Found::Missing);
    assert_eq!(cache.evictions(), 2);
}

#[tokio::test(start_paused = true)]
async fn storing_one_key_again_and_again_holds_no_more_than_one_entry() {
    let cache = cache(2, true);
    for round in 0..100 {
        cache.invalidate(1);
        put(&cache, 1, round).await;
    }
    assert_eq!(cache.len(), 1);
    assert!(cache.lock().queue.len() <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_cleared_cache_holds_nothing_and_keeps_no_load_that_was_under_way() {
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
    assert_eq!(loaded, Ok(22), "whoever asked gets an answer");
    assert_eq!(
        (cache.get(1), cache.get(2)),
        (Found::Missing, Found::Missing)
    );
    put(&cache, 1, 12).await;
    assert_eq!(cache.len(), 1);
}
