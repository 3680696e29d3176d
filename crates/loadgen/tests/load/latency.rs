//! Latency counts from the scheduled time, regardless of the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use loadgen::{Arrival, Handle, Load, Mix, Route, Traffic, load::Journey};

use crate::{DEADLINE, config, scheduled, shop::Running, until};

fn reading(rate: f64) -> Load {
    Load {
        rate,
        arrival: Arrival::Constant,
        mix: Mix::only(Journey::Product),
        ..Load::default()
    }
}

#[tokio::test]
async fn a_stall_affects_every_request_scheduled_during_it() {
    let running = Running::start().await;
    let handle = loadgen::start(config(running.addr, reading(200.0))).expect("valid");
    until(&handle, |handle| scheduled(handle) >= 40).await;
    let gate = running.shop.gate.write().await;
    let stalled = Instant::now();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stall_ms = stalled.elapsed().as_millis() as u64;
    drop(gate);
    until(&handle, |handle| scheduled(handle) >= 400).await;
    let record = handle.stop(DEADLINE).await;

    // One request every five milliseconds, each delayed by the rest of the stall. A closed loop, which waits for each
    // response before the next request, would see a single late request.
    let sum = record.sum(record.whole(), Some(Route::GetProduct));
    for above_ms in [50, 150, 250] {
        let found = sum.latency.above(above_ms * 1_000);
        let expected = (stall_ms - u64::from(above_ms)) / 5;
        assert!(
            found + 4 >= expected,
            "{found} above {above_ms} ms, not {expected}"
        );
    }
    let median_us = record.quantile_us(record.whole(), None, 0.5);
    assert!(median_us < 50_000, "{median_us} us");
    assert_eq!(sum.unanswered() + sum.shed, 0);
    let max_us = record.quantile_us(record.whole(), None, 1.0);
    assert!(max_us >= 290_000, "{max_us} us");
}

#[tokio::test]
async fn arrivals_do_not_wait_for_responses() {
    let running = Running::start().await;
    let shop = Arc::clone(&running.shop);
    let gate = shop.gate.write().await;
    let handle = loadgen::start(config(running.addr, reading(500.0))).expect("valid");
    until(&handle, |handle| handle.in_flight() >= 100).await;
    let answered = handle.read(|record| record.sum(record.whole(), None).answered());
    assert_eq!(answered, 0);
    drop(gate);
    let record = handle.stop(DEADLINE).await;
    let sum = record.sum(record.whole(), None);
    assert_eq!(sum.codes.get(&200), Some(&sum.scheduled));
}

/// Requests of the last whole second.
fn last_second(handle: &Handle) -> u64 {
    let now_s = handle.elapsed().as_secs() as u32;
    handle.read(|record| record.sum(now_s.saturating_sub(1)..now_s, None).scheduled)
}

fn rate(rate: f64) -> Traffic {
    Traffic {
        rate: Some(rate),
        ..Traffic::default()
    }
}

#[tokio::test]
async fn the_rate_can_change_at_run_time() {
    let running = Running::start().await;
    let handle = loadgen::start(config(running.addr, reading(0.001))).expect("valid");
    assert!(!handle.change(rate(f64::NAN)));
    assert!(handle.change(rate(400.0)));
    until(&handle, |handle| last_second(handle) >= 300).await;
    assert!(handle.change(Traffic::default()));
    // The next request at the load's own rate is due in about a quarter of an hour.
    until(&handle, |handle| last_second(handle) == 0).await;
    let record = handle.stop(DEADLINE).await;
    assert!(record.sum(record.whole(), None).answered() >= 300);
}
