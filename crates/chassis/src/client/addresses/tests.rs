//! Changes of addresses while calls are in flight, with replicas that count their requests.

use std::sync::atomic::AtomicBool;

use axum::{Router, routing::any};
use tokio::{sync::Semaphore, task::JoinSet};

use super::*;

/// Number of callers; each makes one call after the other.
const CALLERS: usize = 8;

/// A replica that responds to a request when it gets a permit.
struct Replica {
    addr: SocketAddr,
    seen: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl Replica {
    async fn start(permits: usize) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let (seen, permits) = (Arc::default(), Arc::new(Semaphore::new(permits)));
        let (counted, asked): (Arc<AtomicUsize>, _) = (Arc::clone(&seen), Arc::clone(&permits));
        let handler = async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            asked.acquire().await.expect("open").forget();
            "done"
        };
        let router = Router::new().fallback(any(handler));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self {
            addr,
            seen,
            permits,
        }
    }

    async fn open() -> Self {
        Self::start(Semaphore::MAX_PERMITS).await
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Waits until it has seen `more` requests than `before`.
    async fn gains(&self, before: usize, more: usize) {
        let reached = async {
            while self.seen() < before + more {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), reached).await;
        waited.expect("requests come");
    }
}

fn list(replicas: &[&Replica]) -> BTreeMap<String, Vec<SocketAddr>> {
    let addresses = replicas.iter().map(|replica| replica.addr).collect();
    BTreeMap::from([("inventory".to_owned(), addresses)])
}

async fn set(client: &Client, replicas: &[&Replica]) -> usize {
    let changed = client.set_addresses(&list(replicas)).await;
    changed.expect("a list for a known upstream")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_during_a_change_succeed_and_later_ones_use_the_new_list() {
    let (one, two, three) = (
        Replica::open().await,
        Replica::open().await,
        Replica::open().await,
    );
    let client = Client::new(&list(&[&one, &two]), 7);
    // Clients with their own connections see the change, too.
    let clients = [client.clone(), client.with_own_connections()];
    let is_over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (client, is_over) = (clients[number % 2].clone(), Arc::clone(&is_over));
        callers.spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                // Not repeatable, so that a single failed attempt is visible.
                let answer = client.post("inventory", "/").send().await;
                assert_eq!(answer.expect("answered").status, 200);
            }
        });
    }
    for _ in 0..20 {
        assert_eq!(set(&client, &[&one, &two, &three]).await, 1);
        three.gains(three.seen(), CALLERS).await;
        assert_eq!(set(&client, &[&one]).await, 1);
        let gone = [two.seen(), three.seen()];
        one.gains(one.seen(), 2 * CALLERS).await;
        assert_eq!(
            [two.seen(), three.seen()],
            gone,
            "removed replicas get no calls"
        );
        assert_eq!(set(&client, &[&one]).await, 0, "the same list");
    }
    is_over.store(true, Ordering::SeqCst);
    callers.join_all().await;
}

#[tokio::test]
async fn a_change_waits_only_for_calls_to_removed_addresses() {
    let (stays, goes) = (Replica::start(0).await, Replica::start(0).await);
    let client = Client::new(&list(&[&stays, &goes]), 7);
    let mut calls = JoinSet::new();
    while stays.seen() == 0 || goes.seen() == 0 {
        let client = client.clone();
        calls.spawn(async move { client.post("inventory", "/").send().await });
        tokio::task::yield_now().await;
    }
    let changing = {
        let (client, wanted) = (client.clone(), list(&[&stays]));
        tokio::spawn(async move { client.set_addresses(&wanted).await })
    };
    // The list has changed once all further calls go to the remaining replica.
    let before = (stays.seen(), goes.seen());
    for _ in 0..CALLERS {
        let client = client.clone();
        calls.spawn(async move { client.post("inventory", "/").send().await });
    }
    stays.gains(before.0, CALLERS).await;
    assert!(
        !changing.is_finished(),
        "a call to the removed replica is in flight"
    );
    goes.permits.add_permits(Semaphore::MAX_PERMITS);
    let changed = changing.await.expect("no panic").expect("a known upstream");
    assert_eq!(changed, 1, "calls to the remaining replica are in flight");
    stays.permits.add_permits(Semaphore::MAX_PERMITS);
    for answer in calls.join_all().await {
        assert_eq!(answer.expect("answered").status, 200);
    }
}

#[tokio::test]
async fn unknown_upstreams_and_empty_lists_change_nothing() {
    let (one, two) = (Replica::open().await, Replica::open().await);
    let client = Client::new(&list(&[&one]), 7);
    let mut unknown = list(&[&two]);
    unknown.insert("other".to_owned(), vec![two.addr]);
    for wanted in [unknown, list(&[])] {
        let refused = client.set_addresses(&wanted).await;
        assert!(matches!(refused, Err(Error::UnknownUpstream(_))));
        client.get("inventory", "/").send().await.expect("answered");
    }
    assert_eq!((one.seen(), two.seen()), (2, 0));
}
