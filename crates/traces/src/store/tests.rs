//! The store's semantics: what a search finds, what eviction leaves, that nothing of a span is lost.

mod fixture;
mod large;

use opentelemetry_proto::tonic::trace::v1::Span;

use super::*;
use crate::shop;
use crate::span::parse_trace_id;
use fixture::{batch, feed, found, full_span, id, query_of, shop_of_three, span_of};

/// Segments of four spans, so that a handful of spans is spread over several.
const TINY: Limits = Limits {
    bytes: 64 << 20,
    spans: 64,
};

#[test]
fn a_search_finds_traces_with_one_span_that_meets_all_conditions() {
    let cases: &[(&str, &[u64])] = &[
        ("", &[1, 2, 3]),
        ("service=gateway", &[1, 2]),
        ("service=checkout", &[1, 2, 3]),
        ("service=payment", &[]),
        ("operation=reserve", &[1, 2, 3]),
        ("service=gateway operation=reserve", &[]),
        ("code=503", &[2]),
        ("sku=a", &[1, 3]),
        ("sku=a tier=gold", &[3]),
        ("sku=a code=200", &[]),
        ("http.method=POST code=200", &[1]),
        ("error=true", &[2]),
        ("error=false service=gateway operation=order", &[1]),
        ("error=perhaps", &[]),
        ("otel.status_code=ERROR", &[2]),
        ("otel.status_code=error", &[2]),
        ("otel.status_description=out_of_stock", &[2]),
        ("span.status=unset operation=order", &[1]),
        ("span.kind=client", &[1, 2]),
        ("span.kind=consumer", &[]),
        ("service.version=v2", &[1, 2, 3]),
        ("service.version=v2 code=503", &[]),
        ("resource.service.version=v1", &[1, 2]),
        ("resource.code=503", &[]),
        ("otel.scope.name=gateway-lib", &[1, 2]),
        ("scope.version=1.0 sku=b", &[2]),
        ("min=100", &[2]),
        ("max=10", &[3]),
        ("min=20 max=20", &[1]),
        ("min=21 max=29", &[]),
        ("min=700 service=checkout", &[2]),
        ("from=2000", &[2, 3]),
        ("to=1000", &[1]),
        ("from=1001 to=1999 service=gateway", &[1]),
        ("from=1011 to=1999 service=gateway", &[]),
        ("none=x", &[]),
    ];
    for limits in [Limits::default(), TINY] {
        let store = shop_of_three(limits);
        for (text, expected) in cases {
            let found = found(&store, &query_of(text));
            assert_eq!(found, *expected, "`{text}` with {limits:?}");
        }
    }
}

#[test]
fn packed_and_unpacked_spans_answer_alike() {
    let texts = [
        "http.response.status_code=503",
        "http.response.status_code=503 span.kind=server",
        "error=true service=inventory",
        "error=false span.kind=client service=gateway",
        "db.operation.name=SELECT service=checkout",
        "db.operation.name=INSERT db.collection.name=price",
        "service.instance.id=inventory-1 operation=POST",
        "min=1",
        "max=0 service=inventory",
        "operation=POST",
    ];
    // Segments of 512 spans, and room for all.
    let small = Limits {
        spans: 16 * 512,
        ..Limits::default()
    };
    let (head, sealed) = (Store::new(Limits::default()), Store::new(small));
    for (store, requests) in [(&head, 8), (&sealed, 14)] {
        for number in 0..requests {
            store.ingest(&shop::request(number * 60, 60, 0).resource_spans);
        }
    }
    assert!(head.inner.lock().sealed.is_empty() && sealed.inner.lock().sealed.len() > 5);
    for text in texts {
        let ids = |store: &Store| {
            let mut ids = BTreeSet::new();
            let mut query = query_of(text);
            query.limit = usize::MAX;
            store.search(&query, |trace| {
                assert_eq!(trace.spans.len(), shop::SPANS, "a found trace is whole");
                ids.insert(trace.id);
                ControlFlow::Continue(())
            });
            ids
        };
        let first: BTreeSet<TraceId> = (0..480).map(shop::trace_id).collect();
        let common: BTreeSet<TraceId> = ids(&sealed).intersection(&first).copied().collect();
        assert_eq!(ids(&head), common, "{text}");
    }
}

#[test]
fn the_limit_keeps_the_newest() {
    for limits in [Limits::default(), TINY] {
        let store = shop_of_three(limits);
        for (limit, expected) in [(1, &[3][..]), (2, &[2, 3]), (9, &[1, 2, 3])] {
            let mut query = query_of("service=checkout");
            query.limit = limit;
            assert_eq!(found(&store, &query), expected);
        }
    }
}

#[test]
fn services_and_operations_come_from_all_spans() {
    for limits in [Limits::default(), TINY] {
        let store = shop_of_three(limits);
        assert_eq!(store.services(), ["checkout", "gateway"]);
        let expected = [
            ("call".to_owned(), Kind::Client),
            ("order".to_owned(), Kind::Server),
        ];
        assert_eq!(store.operations("gateway"), expected);
        assert_eq!(store.operations("nobody"), []);
    }
}

#[test]
fn late_spans_join_their_trace() {
    let store = Store::new(TINY);
    feed(&store, "a", "1", &["7 1 first server 10+1"]);
    for number in 100..110 {
        let other = format!("{number} 1 other server 20+1");
        feed(&store, "a", "1", &[&other]);
    }
    feed(&store, "b", "1", &["7 2<1 late consumer 9000+1"]);
    let trace = store.trace(&id(7)).expect("the trace is stored");
    let names: Vec<&str> = trace
        .spans
        .iter()
        .map(|span| span.proto.name.as_str())
        .collect();
    assert_eq!(names, ["first", "late"]);
    assert_eq!(found(&store, &query_of("operation=late")), [7]);
}

#[test]
fn the_oldest_traces_go_first_and_go_whole() {
    let store = Store::new(TINY);
    feed(&store, "a", "1", &["1 1 old server 1+1"]);
    for number in 2..=200 {
        let new = format!("{number} 1 new server {number}+1");
        let tail = format!("1 {number}<1 tail internal {number}+1");
        feed(&store, "a", "1", &[&new, &tail]);
    }
    let stats = store.stats();
    assert!(stats.spans <= TINY.spans + 4, "{stats:?}");
    assert_eq!(stats.received, stats.spans as u64 + stats.evicted);
    let stored = found(&store, &query_of("operation=new"));
    assert_eq!(stored.last(), Some(&200));
    let gap = stored.windows(2).find(|pair| pair[1] != pair[0] + 1);
    assert_eq!(gap, None, "what is left is the newest");
    // The tail that arrived after the beginning was forgotten is a trace of its own, without the older tail.
    let rest = store.trace(&id(1)).map_or(0, |trace| trace.spans.len());
    assert!(rest < stats.spans / 2, "{rest} are still shown");
}

#[test]
fn memory_stays_below_its_limit() {
    let limits = Limits {
        bytes: 1 << 20,
        spans: 1_000_000,
    };
    let store = Store::new(limits);
    for number in 0..60 {
        store.ingest(&shop::request(number * 60, 60, 0).resource_spans);
        let stats = store.stats();
        // The head grows between evictions.
        let most = limits.bytes + limits.bytes / 4;
        assert!(stats.bytes <= most, "{stats:?} after {number}");
    }
    assert!(store.stats().spans > 2_000, "{:?}", store.stats());
}

#[test]
fn spans_without_valid_ids_are_refused_and_the_others_kept() {
    let store = Store::new(Limits::default());
    let good = span_of("1 1 good server 1+1");
    let with = |trace_id: Vec<u8>, span_id: Vec<u8>| Span {
        trace_id,
        span_id,
        ..good.clone()
    };
    let cases = [
        (
            with(vec![1; 15], vec![1; 8]),
            "trace id of 15 bytes, not 16",
        ),
        (with(vec![0; 16], vec![1; 8]), "trace id of zeros"),
        (with(vec![1; 16], vec![0; 8]), "span id of zeros"),
        (with(vec![1; 16], vec![]), "span id of 0 bytes, not 8"),
    ];
    for (bad, reason) in cases {
        let accepted = store.ingest(&[batch("a", "1", vec![bad, good.clone()])]);
        let expected = Receipt {
            spans: 1,
            rejected: 1,
            reason: format!("span `good` has a {reason}"),
        };
        assert_eq!(accepted, expected);
    }
}

#[test]
fn calls_between_services_are_counted() {
    for limits in [Limits::default(), TINY] {
        let store = shop_of_three(limits);
        let calls = |child: &str, calls| Dependency {
            parent: "gateway".into(),
            child: child.into(),
            calls,
        };
        let both = |count| vec![calls("gateway", count), calls("checkout", count)];
        let cases = [
            (0, u64::MAX, both(2)),
            (1_500_000_000, u64::MAX, both(1)),
            (5_000_000_000, u64::MAX, vec![]),
        ];
        for (from, to, expected) in cases {
            let found = store.dependencies(from, to);
            assert_eq!(found, expected, "{from} with {limits:?}");
        }
    }
}

#[test]
fn nothing_of_a_span_is_lost() {
    for padding in [0, 4] {
        let store = Store::new(TINY);
        store.ingest(&[batch("a", "1", vec![full_span()])]);
        for number in 0..padding {
            let other = format!("{} 1 other server 1+1", number + 100);
            feed(&store, "a", "1", &[&other]);
        }
        assert_eq!(store.inner.lock().sealed.is_empty(), padding == 0);
        let trace = store
            .trace(&parse_trace_id("5").expect("an id"))
            .expect("the trace is stored");
        assert_eq!(trace.spans[0].proto, full_span());
        for tag in [
            "typed5=-9223372036854775808",
            "exception.type=E",
            "why=retry",
            "event=exception",
            "w3c.tracestate=vendor=1",
            "typed3=[\"x\",7]",
        ] {
            let found = found(&store, &query_of(tag));
            assert_eq!(found, [5], "{tag} with {padding} more");
        }
    }
}

#[test]
fn a_trace_of_very_many_spans_is_cut_and_says_so() {
    let store = Store::new(Limits::default());
    for first in (0..MOST_SPANS + 10).step_by(1_000) {
        let spans = (first..first + 1_000).map(|number| Span {
            span_id: (number as u64 + 1).to_be_bytes().to_vec(),
            ..span_of("1 1 loop internal 1+1")
        });
        store.ingest(&[batch("a", "1", spans.collect())]);
    }
    let trace = store.trace(&id(1)).expect("the trace is stored");
    assert_eq!((trace.spans.len(), trace.is_cut), (MOST_SPANS, true));
}

#[test]
fn searches_during_ingest_and_eviction_see_whole_traces() {
    let store = Store::new(Limits {
        spans: 16 * 64,
        ..Limits::default()
    });
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..100 {
                store.ingest(&shop::request(number * 6, 6, 0).resource_spans);
            }
        });
        while !writer.is_finished() {
            for text in ["error=true", "service=inventory operation=POST", "min=1"] {
                store.search(&query_of(text), |trace| {
                    assert_eq!(trace.spans.len(), shop::SPANS, "{text}");
                    ControlFlow::Continue(())
                });
            }
            store.dependencies(0, u64::MAX);
            assert!(store.services().len() <= 3);
        }
    });
    assert_eq!(store.stats().received, 600 * shop::SPANS as u64);
}
