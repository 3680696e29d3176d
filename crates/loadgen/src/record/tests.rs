//! The record's sums, windows, lines and impact.

use super::*;

fn sample() -> Record {
    let mut record = Record::new(1_000_000, 7);
    for at_s in 0..10 {
        for (route, outcome, latency_us) in [
            (Route::GetProduct, Outcome::Answered(200), 800 + at_s),
            (Route::GetProduct, Outcome::Answered(404), 300),
            (Route::PlaceOrder, Outcome::Answered(201), 3_000),
            (Route::PlaceOrder, Outcome::Answered(201), 900_000),
            (Route::PlaceOrder, Outcome::Answered(503), 20_000),
            (
                Route::PlaceOrder,
                Outcome::Error(ErrorKind::Timeout),
                10_000_000,
            ),
        ] {
            let cell = record.cell_mut(at_s, route);
            cell.scheduled += 1;
            cell.sent += 1;
            cell.finish(outcome, latency_us);
        }
        let cell = record.cell_mut(at_s, Route::PlaceOrder);
        cell.scheduled += 3;
        cell.shed += 1;
        cell.abandoned += 1;
        record.second_mut(at_s).lag.add(60, 6);
    }
    record
}

#[test]
fn every_scheduled_request_has_one_outcome_or_is_pending() {
    let sum = sample().sum(0..10, None);
    assert_eq!(
        (
            sum.scheduled,
            sum.answered(),
            sum.unanswered(),
            sum.shed,
            sum.abandoned
        ),
        (90, 50, 10, 10, 10)
    );
    assert_eq!(sum.under_way(), 10);
    assert_eq!(
        sum.latency.count() + sum.failed_latency.count(),
        sum.answered() + sum.unanswered()
    );
}

#[test]
fn impact_counts_the_window_only() {
    let impact = sample().impact(2..4, 500_000);
    assert_eq!(
        impact,
        Impact {
            from_s: 2,
            to_s: 4,
            requests: 16,
            failed: 6,
            failed_ratio: 0.375,
            slow_above_us: 500_000,
            slow: 2,
            orders: 14,
            orders_acknowledged: 4,
            orders_failed: 6,
            orders_slow: 2,
            orders_abandoned: 2,
        }
    );
}

#[test]
fn quantiles_come_from_the_merged_window() {
    let record = sample();
    assert_eq!(record.quantile_us(0..10, Some(Route::GetProduct), 0.5), 300);
    assert_eq!(record.quantile_us(0..10, Some(Route::GetProduct), 1.0), 809);
    assert_eq!(record.quantile_us(0..1, Some(Route::GetProduct), 1.0), 800);
    assert_eq!(record.quantile_us(50..60, None, 0.99), 0);
    assert_eq!(record.lag(0..10).len(), 60);
}

#[test]
fn a_period_of_wall_clock_time_maps_to_the_seconds_that_start_in_it() {
    let record = sample();
    for (from_ms, to_ms, expected) in [
        (1_000_000, 1_003_000, 0..3),
        (1_000_001, 1_003_001, 1..4),
        (0, 1_001_000, 0..1),
        (0, 500, 0..0),
    ] {
        assert_eq!(
            record.between_ms(from_ms, to_ms),
            expected,
            "{from_ms}..{to_ms}"
        );
    }
}

#[test]
fn lines_rebuild_the_record() {
    let record = sample();
    let mut lines = Vec::new();
    line::write_head(&record, &mut lines).expect("memory");
    line::write_seconds(&record, &mut lines).expect("memory");
    assert_eq!(line::read(lines.as_slice()).ok(), Some(record.clone()));

    let mut twice = record.clone();
    twice.merge(&record);
    line::write_seconds(&record, &mut lines).expect("memory");
    assert_eq!(
        line::read(lines.as_slice()).ok(),
        Some(twice),
        "a later line adds to its second"
    );
}

#[test]
fn an_incomplete_last_line_is_ignored() {
    let record = sample();
    let mut lines = Vec::new();
    line::write_head(&record, &mut lines).expect("memory");
    line::write_seconds(&record, &mut lines).expect("memory");
    let torn = line::read(&lines[..lines.len() - 1]).expect("an incomplete last line is ignored");
    assert_eq!(torn.whole(), 0..9);
    assert_eq!(torn.sum(0..9, None), record.sum(0..9, None));
}

#[test]
fn damage_is_reported_with_its_line() {
    let head = r#"{"format":1,"started_at_ms":5,"seed":1}"#;
    for (text, expected) in [
        (String::new(), "the load record is empty"),
        (
            format!("{head}\n{{\n"),
            "invalid line 2 in the load record: ",
        ),
        (
            format!("{head}\n{{\"at_s\":1,\"routes\":{{\"GET /x\":{{}}}}}}\n"),
            "invalid line 2 in the load record: unknown variant",
        ),
        (
            head.replace(":1,", ":9,") + "\n",
            "the load record has format 9, not 1",
        ),
    ] {
        let error = line::read(text.as_bytes())
            .err()
            .map(|error| error.to_string());
        assert!(
            error
                .as_ref()
                .is_some_and(|error| error.starts_with(expected)),
            "{error:?}"
        );
    }
}
