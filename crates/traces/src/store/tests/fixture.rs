//! Spans from lines of text, a shop of three traces, and a span that uses every field.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Proto,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

use super::super::*;
use crate::span::kind_word;

pub(super) fn value(text: &str) -> AnyValue {
    let value = match text.parse::<i64>() {
        Ok(number) => Proto::IntValue(number),
        Err(_) => Proto::StringValue(text.to_owned()),
    };
    AnyValue { value: Some(value) }
}

/// `key=value` words; whole numbers become integers.
pub(super) fn attributes(text: &str) -> Vec<KeyValue> {
    let entry = |word: &str| {
        let (key, text) = word.split_once('=').expect("a word is key=value");
        KeyValue {
            key: key.to_owned(),
            value: Some(value(text)),
            ..Default::default()
        }
    };
    text.split_whitespace().map(entry).collect()
}

pub(super) fn id(number: u64) -> TraceId {
    u128::from(number).to_be_bytes()
}

/// A span from `trace span<parent name kind start+duration | attributes`, times in milliseconds.
pub(super) fn span_of(line: &str) -> Span {
    let (head, tail) = line.split_once('|').unwrap_or((line, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    let (own, parent) = words[1].split_once('<').unwrap_or((words[1], "0"));
    let (start, duration) = words[4].split_once('+').expect("start+duration");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let failed = words.get(5) == Some(&"failed");
    Span {
        trace_id: id(number(words[0])).to_vec(),
        span_id: number(own).to_be_bytes().to_vec(),
        parent_span_id: number(parent).to_be_bytes().to_vec(),
        name: words[2].to_owned(),
        kind: (0..=5)
            .find(|kind| Kind::try_from(*kind).is_ok_and(|kind| kind_word(kind) == words[3]))
            .expect("a kind"),
        start_time_unix_nano: number(start) * 1_000_000,
        end_time_unix_nano: (number(start) + number(duration)) * 1_000_000,
        attributes: attributes(tail),
        status: failed.then(|| Status {
            code: 2,
            message: "out_of_stock".to_owned(),
        }),
        ..Span::default()
    }
}

pub(super) fn batch(service: &str, version: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: attributes(&format!("service.name={service} service.version={version}")),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: format!("{service}-lib"),
                version: "1.0".to_owned(),
                ..Default::default()
            }),
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

pub(super) fn feed(store: &Store, service: &str, version: &str, lines: &[&str]) {
    let spans = lines.iter().map(|line| span_of(line)).collect();
    let accepted = store.ingest(&[batch(service, version, spans)]);
    assert_eq!(
        (accepted.spans, accepted.reason),
        (lines.len(), String::new())
    );
}

/// Three traces of two services; the third one's root never arrives.
pub(super) fn shop_of_three(limits: Limits) -> Store {
    let store = Store::new(limits);
    let gateway = [
        "1 10 order server 1000+50 | http.method=POST code=200",
        "1 11<10 call client 1010+30 | peer=checkout code=200",
        "2 20 order server 2000+900 failed | http.method=POST code=503",
        "2 21<20 call client 2010+800 | peer=checkout code=503",
    ];
    feed(&store, "gateway", "v1", &gateway);
    let checkout = [
        "1 12<11 reserve server 1015+20 | sku=a",
        "2 22<21 reserve server 2015+700 | sku=b tier=gold",
        "3 32<31 reserve server 3015+10 | sku=a tier=gold",
    ];
    feed(&store, "checkout", "v2", &checkout);
    store
}

pub(super) fn found(store: &Store, query: &Query) -> Vec<u64> {
    let mut ids = Vec::new();
    store.search(query, |trace| {
        ids.push(u128::from_be_bytes(trace.id) as u64);
        ControlFlow::Continue(())
    });
    ids.sort_unstable();
    ids
}

/// A query from words: `service=`, `operation=`, `min=` and `max=` (ms), `from=` and `to=` (ms), else a tag.
pub(super) fn query_of(text: &str) -> Query {
    let mut query = Query {
        limit: 100,
        ..Query::default()
    };
    for word in text.split_whitespace() {
        let (key, text) = word.split_once('=').expect("a word is key=value");
        let ms = || Some(text.parse::<u64>().expect("a number") * 1_000_000);
        match key {
            "service" => query.service = Some(text.to_owned()),
            "operation" => query.operation = Some(text.to_owned()),
            "min" => query.duration_min_ns = ms(),
            "max" => query.duration_max_ns = ms(),
            "from" => query.start_min_ns = ms(),
            "to" => query.start_max_ns = ms(),
            _ => query.tags.push((key.to_owned(), text.to_owned())),
        }
    }
    query
}

/// A span that uses every field there is.
pub(super) fn full_span() -> Span {
    let list = Proto::ArrayValue(ArrayValue {
        values: vec![value("x"), value("7")],
    });
    let map = Proto::KvlistValue(KeyValueList {
        values: attributes("k=v"),
    });
    let typed = [
        Proto::BoolValue(true),
        Proto::DoubleValue(-1.5),
        Proto::BytesValue(vec![0, 255]),
        list,
        map,
        Proto::IntValue(i64::MIN),
    ];
    let named = |(number, value): (usize, Proto)| KeyValue {
        key: format!("typed{number}"),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    };
    Span {
        trace_state: "vendor=1".to_owned(),
        flags: 0x301,
        dropped_attributes_count: 1,
        dropped_events_count: 2,
        dropped_links_count: 300,
        attributes: typed.into_iter().enumerate().map(named).collect(),
        events: vec![span::Event {
            time_unix_nano: 3,
            name: "exception".to_owned(),
            attributes: attributes("exception.type=E"),
            dropped_attributes_count: 5,
        }],
        links: vec![span::Link {
            trace_id: id(9).to_vec(),
            span_id: vec![9; 8],
            trace_state: "s=1".to_owned(),
            attributes: attributes("why=retry"),
            dropped_attributes_count: 6,
            flags: 0x101,
        }],
        ..span_of("5 1<2 full producer 4+2 failed")
    }
}
