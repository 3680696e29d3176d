//! Requests without a response are recorded by their reason.

use std::{sync::Arc, time::Duration};

use loadgen::{Config, ErrorKind, Load, Mix, Problem, StartError, load::Journey};

use crate::{DEADLINE, config, scheduled, shop::Running, until};

fn reading(rate: f64) -> Load {
    Load {
        rate,
        mix: Mix::only(Journey::Product),
        ..Load::default()
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_are_shed_and_counted() {
    let running = Running::start().await;
    let shop = Arc::clone(&running.shop);
    let gate = shop.gate.write().await;
    let mut config = config(running.addr, reading(1_000.0));
    config.in_flight = 10;
    let handle = loadgen::start(config).expect("valid");
    until(&handle, |handle| scheduled(handle) >= 200).await;
    let sum = handle.read(|record| record.sum(record.whole(), None));
    assert_eq!((sum.under_way(), sum.shed), (10, sum.scheduled - 10));
    drop(gate);
    let record = handle.stop(DEADLINE).await;
    let sum = record.sum(record.whole(), None);
    assert!(sum.answered() >= 10);
    assert_eq!(sum.scheduled, sum.answered() + sum.shed);
    assert_eq!(sum.failed(), sum.shed);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_timeout() {
    let running = Running::start().await;
    let shop = Arc::clone(&running.shop);
    let gate = shop.gate.write().await;
    let mut config = config(running.addr, reading(200.0));
    config.timeout = Duration::from_millis(30);
    let handle = loadgen::start(config).expect("valid");
    until(&handle, |handle| {
        handle.read(|record| record.sum(record.whole(), None).unanswered()) >= 20
    })
    .await;
    let record = handle.stop(DEADLINE).await;
    drop(gate);
    let sum = record.sum(record.whole(), None);
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Timeout, sum.scheduled)]
    );
    assert!(record.quantile_us(record.whole(), None, 0.0) >= 30_000);
}

#[tokio::test]
async fn an_address_without_a_listener_is_a_connect_error() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let addr = listener.local_addr().expect("bound");
    drop(listener);
    let handle = loadgen::start(config(addr, reading(200.0))).expect("valid");
    until(&handle, |handle| scheduled(handle) >= 20).await;
    let record = handle.stop(DEADLINE).await;
    let sum = record.sum(record.whole(), None);
    assert_eq!(
        sum.errors.into_iter().collect::<Vec<_>>(),
        [(ErrorKind::Connect, sum.scheduled)]
    );
}

#[tokio::test]
async fn a_request_in_flight_at_the_deadline_is_unfinished() {
    let running = Running::start().await;
    let shop = Arc::clone(&running.shop);
    let gate = shop.gate.write().await;
    let handle = loadgen::start(config(
        running.addr,
        Load {
            rate: 300.0,
            ..Load::default()
        },
    ))
    .expect("valid");
    until(&handle, |handle| scheduled(handle) >= 100).await;
    let record = handle.stop(Duration::from_millis(20)).await;
    drop(gate);
    let sum = record.sum(record.whole(), None);
    assert_eq!(sum.under_way(), 0);
    assert_eq!(sum.errors.get(&ErrorKind::Unfinished), Some(&sum.sent));
    assert_eq!(sum.scheduled, sum.sent + sum.abandoned);
}

#[tokio::test]
async fn an_invalid_load_does_not_start() {
    let mut config = config(([127, 0, 0, 1], 9).into(), reading(-1.0));
    config.in_flight = 0;
    let Err(StartError::Invalid(problems)) = loadgen::start(config) else {
        panic!("it started");
    };
    let keys: Vec<&str> = problems
        .iter()
        .map(|Problem { key, .. }| key.as_str())
        .collect();
    assert_eq!(keys, ["rate", "in_flight"]);
}

#[tokio::test]
async fn the_error_names_a_journal_that_cannot_be_created() {
    let mut config = config(([127, 0, 0, 1], 9).into(), reading(1.0));
    config.journal = Some("/nowhere/load.jsonl".into());
    let error = loadgen::start(config).err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| {
        error.starts_with("failed to create the load record `/nowhere/load.jsonl`: ")
    }));
}

#[tokio::test]
async fn dropping_the_handle_ends_the_load_at_once() {
    let running = Running::start().await;
    let shop = Arc::clone(&running.shop);
    let gate = shop.gate.write().await;
    let handle = loadgen::start(config(running.addr, reading(500.0))).expect("valid");
    until(&handle, |handle| handle.in_flight() >= 20).await;
    let dropped = std::time::Instant::now();
    drop(handle);
    // The requests in flight have a timeout of ten seconds.
    assert!(dropped.elapsed() < Config::TIMEOUT / 2);
    drop(gate);
}
