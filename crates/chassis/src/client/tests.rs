//! The client against upstreams that succeed, fail, or never respond.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::any,
};
use shop_api::header;

use super::{addresses::spread, *};

/// An upstream that responds to the `n`th request (from 0) with `answer`; it ends with the test's runtime.
async fn upstream<A: IntoResponse>(
    answer: impl Fn(u32, HeaderMap) -> A + Clone + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let handler =
        async move |headers: HeaderMap| answer(counted.fetch_add(1, Ordering::SeqCst), headers);
    let router = Router::new().fallback(any(handler));
    tokio::spawn(axum::serve(listener, router).into_future());
    (addr, count)
}

fn client(addresses: &[SocketAddr]) -> Client {
    client_with(addresses, Calls::default())
}

fn client_with(addresses: &[SocketAddr], calls: Calls) -> Client {
    let upstreams = [("inventory".to_owned(), addresses.to_vec())];
    Client::with_calls(&upstreams.into_iter().collect(), calls, 7)
}

/// An address without a listener.
async fn unused_address() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    listener.local_addr().expect("bound")
}

fn seen(count: &AtomicU32) -> u32 {
    count.load(Ordering::SeqCst)
}

#[test]
fn replicas_get_an_even_share_of_all_calls_and_of_every_second_one() {
    for count in 1..=3 {
        for step in 1..=3 {
            let mut shares = vec![0_u32; count];
            for turn in 0..300 {
                shares[spread(turn * step, count)] += 1;
            }
            let even = 300 / count as u32;
            assert!(
                shares.iter().all(|share| share.abs_diff(even) <= 6),
                "{count} {step} {shares:?}"
            );
        }
    }
}

#[tokio::test]
async fn calls_are_spread_over_all_addresses() {
    let (one, seen_one) = upstream(|_, _| "one").await;
    let (two, seen_two) = upstream(|_, _| "two").await;
    let client = client(&[one, two]);
    for _ in 0..6 {
        client.get("inventory", "/").send().await.expect("answered");
    }
    assert_eq!(seen(&seen_one) + seen(&seen_two), 6);
    assert!(seen(&seen_one) >= 2 && seen(&seen_two) >= 2);
}

#[tokio::test]
async fn overload_is_retried_only_where_that_is_safe() {
    let busy = |n: u32, _: HeaderMap| {
        if n.is_multiple_of(2) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }
    };
    let (addr, count) = upstream(busy).await;
    let client = client(&[addr]);
    let get = client.get("inventory", "/").send().await.expect("answered");
    assert_eq!((get.status, seen(&count)), (StatusCode::OK, 2));
    let post = client.post("inventory", "/").send().await;
    let post = post.expect("answered");
    assert_eq!(
        (post.status, seen(&count)),
        (StatusCode::SERVICE_UNAVAILABLE, 3)
    );
    count.store(0, Ordering::SeqCst);
    let keyed = client.post("inventory", "/").idempotency_key("k-1");
    let keyed = keyed.send().await.expect("answered");
    assert_eq!((keyed.status, seen(&count)), (StatusCode::OK, 2));
}

#[tokio::test]
async fn a_failed_connection_is_retried_for_every_method() {
    let (addr, count) = upstream(|_, _| StatusCode::CREATED).await;
    let client = client(&[unused_address().await, addr]);
    let answer = client.post("inventory", "/").send().await;
    assert_eq!(answer.expect("answered").status, StatusCode::CREATED);
    assert_eq!(seen(&count), 1);
}

#[tokio::test]
async fn retries_stop_at_the_deadline() {
    let asks_for_a_minute = |_: u32, _: HeaderMap| {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [(http::header::RETRY_AFTER, "60")],
        )
    };
    let (addr, count) = upstream(asks_for_a_minute).await;
    let began = Instant::now();
    let request = client(&[addr]).get("inventory", "/");
    let answer = request.timeout(Duration::from_secs(5)).send().await;
    let answer = answer.expect("the response of the upstream");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after_s(), Some(60));
    assert_eq!(seen(&count), 1, "a minute does not fit into five seconds");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_call_to_a_silent_upstream_ends_at_the_deadline() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = silent.local_addr().expect("bound");
    let request = client(&[addr]).get("inventory", "/");
    let outcome = request.timeout(Duration::from_millis(60)).send().await;
    let Err(Error::Deadline { waited_ms, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(waited_ms >= 60, "{waited_ms}");
    let problem = crate::Problem::from(outcome.expect_err("a deadline"));
    assert_eq!(problem.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn the_budget_limits_retries() {
    let (addr, count) = upstream(|_, _| StatusCode::BAD_GATEWAY).await;
    let client = client(&[addr]);
    for _ in 0..20 {
        client.get("inventory", "/").send().await.expect("answered");
    }
    // 20 calls, a burst of 10 retries, and one retry for every ten calls.
    let made = seen(&count);
    assert!((30..=32).contains(&made), "{made} requests");
}

#[tokio::test]
async fn without_a_budget_only_the_number_of_attempts_limits_retries() {
    let (addr, count) = upstream(|_, _| StatusCode::BAD_GATEWAY).await;
    let calls = Calls {
        attempts: 4,
        budget: false,
        ..Calls::default()
    };
    let client = client_with(&[addr], calls);
    for _ in 0..10 {
        client.get("inventory", "/").send().await.expect("answered");
    }
    assert_eq!(seen(&count), 40);
}

#[tokio::test]
async fn an_attempt_with_its_own_timeout_is_retried() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = silent.local_addr().map(|addr| (addr, silent));
    let (addr, _listening) = silent.expect("bound");
    for (attempt_ms, least_ms, most_ms) in [(Some(20), 60, 400), (None, 500, 5_000)] {
        let calls = Calls {
            attempt_ms,
            ..Calls::default()
        };
        let call = client_with(&[addr], calls).get("inventory", "/");
        let outcome = call.timeout(Duration::from_millis(500)).send().await;
        let Err(Error::Deadline { waited_ms, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        let expected = least_ms..most_ms;
        assert!(expected.contains(&waited_ms), "{attempt_ms:?}: {waited_ms}");
    }
}

#[tokio::test]
async fn a_call_has_the_request_id_and_the_remaining_time() {
    let echo = |_: u32, headers: HeaderMap| {
        let text = |name| {
            headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .map(str::to_owned)
        };
        let left = text(header::REQUEST_DEADLINE_MS).unwrap_or_default();
        format!("{} {left}", text(header::REQUEST_ID).unwrap_or_default())
    };
    let (addr, _) = upstream(echo).await;
    let client = client(&[addr]);
    let request = telemetry::request::Request {
        id: "r-9".into(),
        deadline: Instant::now() + Duration::from_secs(80),
    };
    let call = async { client.get("inventory", "/").send().await };
    let answer = telemetry::request::scope(request, call).await;
    let body = answer.expect("answered").body;
    let body = String::from_utf8_lossy(&body);
    let (id, left) = body.split_once(' ').expect("two words");
    assert_eq!(id, "r-9");
    let left: u64 = left.parse().expect("a number");
    assert!((1..=80_000).contains(&left), "{left}");
}

#[tokio::test]
async fn the_error_names_the_upstream_without_an_address() {
    let outcome = client(&[]).get("inventory", "/").send().await;
    let error = outcome.expect_err("no address");
    assert_eq!(
        error.to_string(),
        "no address is configured for upstream `inventory`"
    );
}
