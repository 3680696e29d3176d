//! The generator's record matches the responses of the shop.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use loadgen::{Load, Mix, Route, load::Journey, record::line};

use crate::{DEADLINE, config, scheduled, shop::Running, until};

#[tokio::test]
async fn the_record_has_exactly_the_responses_of_the_shop() {
    let running = Running::start().await;
    let load = Load {
        rate: 800.0,
        think_ms: 20,
        ..Load::default()
    };
    let handle = loadgen::start(config(running.addr, load)).expect("valid");
    until(&handle, |handle| scheduled(handle) > 1_200).await;
    let record = handle.stop(DEADLINE).await;
    for route in Route::ALL {
        let sum = record.sum(record.whole(), Some(route));
        assert_eq!(sum.codes, running.shop.answers(route), "{route}");
        assert_eq!(
            (sum.unanswered(), sum.shed, sum.under_way()),
            (0, 0, 0),
            "{route}"
        );
        assert_eq!(sum.scheduled, sum.answered() + sum.abandoned, "{route}");
    }
    let codes = |route| {
        record
            .sum(record.whole(), Some(route))
            .codes
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(Route::GetProduct), [200, 404]);
    assert_eq!(codes(Route::PutCart), [200, 400]);
    assert_eq!(codes(Route::PlaceOrder), [201]);
    assert_eq!(codes(Route::GetOrder), [200]);
    assert_eq!(codes(Route::GetCart), [200]);
}

#[tokio::test]
async fn customers_give_up_when_their_cart_fails() {
    let running = Running::start().await;
    running.shop.refuse_carts.store(503, Ordering::Relaxed);
    let mix = Mix::only(Journey::Checkout);
    let load = Load {
        rate: 400.0,
        think_ms: 10,
        mix,
        ..Load::default()
    };
    let handle = loadgen::start(config(running.addr, load)).expect("valid");
    until(&handle, |handle| scheduled(handle) > 300).await;
    let record = handle.stop(DEADLINE).await;

    let impact = record.impact(record.whole(), 1_000_000);
    let orders = record.sum(record.whole(), Some(Route::PlaceOrder));
    assert!(orders.abandoned > 50);
    assert_eq!((orders.scheduled, orders.sent), (orders.abandoned, 0));
    assert_eq!(
        (
            impact.orders_failed,
            impact.orders_abandoned,
            impact.orders_slow
        ),
        (0, orders.abandoned, 0)
    );
    assert_eq!((impact.failed, impact.failed_ratio), (impact.requests, 1.0));
    assert_eq!(running.shop.answers(Route::PlaceOrder), BTreeMap::new());
}

#[tokio::test]
async fn the_journal_has_the_record_during_and_after_the_load() {
    let running = Running::start().await;
    let path = std::env::temp_dir().join(format!("loadgen-journal-{}.jsonl", std::process::id()));
    let mut config = config(
        running.addr,
        Load {
            rate: 300.0,
            ..Load::default()
        },
    );
    config.journal = Some(path.clone());
    config.started_at_ms = 1_700_000_000_000;
    let read = || {
        let file = std::fs::File::open(&path).expect("the journal exists from the start");
        line::read(std::io::BufReader::new(file)).expect("whole lines")
    };

    let handle = loadgen::start(config).expect("valid");
    assert_eq!(read().started_at_ms, 1_700_000_000_000);
    // The test does not read the handle's record: the generator writes the journal without it.
    let end = std::time::Instant::now() + DEADLINE;
    while read().sum(0..60, None).scheduled < 200 {
        assert!(std::time::Instant::now() < end);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let record = handle.stop(DEADLINE).await;
    let journal = read();
    std::fs::remove_file(&path).expect("it was just read");
    assert_eq!(journal, record);
}
