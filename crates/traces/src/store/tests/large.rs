//! One large item of any kind, and what the spans after it cost.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, Status, span};

use super::fixture::{attributes, batch, span_of, value};
use super::{Limits, Store};
use crate::shop;

const LARGE: usize = 300_000;

/// A span or its origin with one thing in it that is larger than a segment.
fn large_items() -> Vec<(&'static str, ResourceSpans)> {
    let text = "x".repeat(LARGE);
    let entry = |text: &str| attributes(&format!("payload={text}"));
    let plain = || span_of("1 1 large server 1+1");
    let many = (0..LARGE / 10).map(|number| attributes(&format!("k{number}=v")).remove(0));
    let numbers: Vec<AnyValue> = (0..LARGE as i64 / 4)
        .map(|number| value(&number.to_string()))
        .collect();
    let list = KeyValue {
        key: "list".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::ArrayValue(ArrayValue { values: numbers })),
        }),
        ..KeyValue::default()
    };
    let event = |name: &str, attributes| span::Event {
        name: name.to_owned(),
        attributes,
        ..span::Event::default()
    };
    let status = Status {
        message: text.clone(),
        ..Status::default()
    };
    let links = vec![span::Link::default(); LARGE / 30];
    let with = |change: &dyn Fn(&mut Span)| {
        let mut span = plain();
        change(&mut span);
        batch("large", "1", vec![span])
    };
    let mut resource = batch("large", "1", vec![plain()]);
    let own = resource.resource.get_or_insert_default();
    own.attributes.extend(entry(&text));
    let mut scope = batch("large", "1", vec![plain()]);
    let own = scope.scope_spans[0].scope.get_or_insert_default();
    own.name.clone_from(&text);
    vec![
        ("value", with(&|span| span.attributes = entry(&text))),
        (
            "key",
            with(&|span| span.attributes = attributes(&format!("{text}=v"))),
        ),
        (
            "attributes",
            with(&|span| span.attributes = many.clone().collect()),
        ),
        ("list", with(&|span| span.attributes = vec![list.clone()])),
        ("name", with(&|span| span.name.clone_from(&text))),
        ("state", with(&|span| span.trace_state.clone_from(&text))),
        ("status", with(&|span| span.status = Some(status.clone()))),
        (
            "event",
            with(&|span| span.events = vec![event(&text, Vec::new())]),
        ),
        (
            "payload of an event",
            with(&|span| span.events = vec![event("e", entry(&text))]),
        ),
        (
            "events",
            with(&|span| span.events = vec![event("e", Vec::new()); LARGE / 4]),
        ),
        ("links", with(&|span| span.links.clone_from(&links))),
        ("resource", resource),
        ("scope", scope),
    ]
}

#[test]
fn spans_after_a_large_item_cost_what_they_did_before() {
    let limits = Limits {
        bytes: 512 << 10,
        spans: 1_000_000,
    };
    // As many as push everything out that was there before.
    let load = |store: &Store, from: u64| {
        for number in from..from + 25 {
            store.ingest(&shop::request(number * 60, 60, 0).resource_spans);
        }
        let stats = store.stats();
        stats.bytes as f64 / stats.spans as f64
    };
    let store = Store::new(limits);
    let before = load(&store, 0);
    for (number, (what, item)) in (1..).zip(large_items()) {
        store.ingest(&[item]);
        let after = load(&store, number * 25);
        let is_same = after < before * 1.3;
        assert!(
            is_same,
            "{what}: {before:.0} bytes a span, {after:.0} after"
        );
    }
}

#[test]
fn services_beyond_number_are_forgotten_with_their_spans() {
    let limits = Limits {
        bytes: 1 << 20,
        spans: 1_000_000,
    };
    let store = Store::new(limits);
    for number in 0..20_000u64 {
        let span = span_of(&format!("{number} {number} work server 1+1"));
        let service = format!("service-{number}");
        // The id of a span must not be zero.
        if number > 0 {
            store.ingest(&[batch(&service, "1", vec![span])]);
        }
        let stats = store.stats();
        assert!(stats.bytes <= limits.bytes + limits.bytes / 4, "{stats:?}");
    }
    let stats = store.stats();
    let known = store.services().len();
    assert!(
        known <= stats.spans && stats.evicted > 10_000,
        "{known} services, {stats:?}"
    );
}
