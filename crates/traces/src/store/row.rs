//! One span as bytes: written once on arrival, read in place by searches.
//!
//! ```text
//! head byte | origin | name | span id | [parent id] | start | duration | [w3c flags] | pairs | [rare]
//! ```
//! The start is relative to the segment's base; names and pairs are numbers of the segment's dictionary.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1 as proto;

use super::codec::{Cursor, put_signed, put_varint};
use super::dictionary::{Dictionary, Lookup};
use crate::span::{Kind, Origin, Span, SpanId, Status, TraceId};

const HAS_PARENT: u8 = 1;
const STATUS_SHIFT: u8 = 1;
const KIND_SHIFT: u8 = 3;
const HAS_RARE: u8 = 1 << 6;
const HAS_FLAGS: u8 = 1 << 7;

/// Appends `span` to `out`. Its ids were checked by the caller.
pub(super) fn put(
    out: &mut Vec<u8>,
    dictionary: &mut Dictionary,
    span: &proto::Span,
    origin: u32,
    base_ns: u64,
) {
    let status = span.status.as_ref();
    let code = Status::try_from(status.map_or(0, |status| status.code)).unwrap_or_default();
    let message = status.map_or("", |status| status.message.as_str());
    let parent = parent_of(span);
    let has_rare = dropped_of(span) != [0; 3]
        || !message.is_empty()
        || !span.trace_state.is_empty()
        || !span.events.is_empty()
        || !span.links.is_empty();
    out.push(
        (u8::from(parent.is_some()) * HAS_PARENT)
            | ((code as u8) << STATUS_SHIFT)
            | ((span.kind() as u8) << KIND_SHIFT)
            | (u8::from(has_rare) * HAS_RARE)
            | (u8::from(span.flags != 0) * HAS_FLAGS),
    );
    put_varint(out, u64::from(origin));
    let name = dictionary.intern(&span.name);
    put_varint(out, u64::from(name));
    out.extend_from_slice(&span.span_id);
    out.extend_from_slice(parent.unwrap_or_default());
    put_signed(out, span.start_time_unix_nano.wrapping_sub(base_ns) as i64);
    put_varint(out, duration_of(span));
    if span.flags != 0 {
        put_varint(out, u64::from(span.flags));
    }
    put_pairs(out, dictionary, &span.attributes);
    if has_rare {
        put_rare(out, dictionary, span, message);
    }
}

fn put_rare(out: &mut Vec<u8>, dictionary: &mut Dictionary, span: &proto::Span, message: &str) {
    let message = dictionary.intern(message);
    put_varint(out, u64::from(message));
    let state = dictionary.intern(&span.trace_state);
    put_varint(out, u64::from(state));
    for count in dropped_of(span) {
        put_varint(out, u64::from(count));
    }
    put_varint(out, span.events.len() as u64);
    for event in &span.events {
        put_signed(
            out,
            event.time_unix_nano.wrapping_sub(span.start_time_unix_nano) as i64,
        );
        let name = dictionary.intern(&event.name);
        put_varint(out, u64::from(name));
        put_varint(out, u64::from(event.dropped_attributes_count));
        put_pairs(out, dictionary, &event.attributes);
    }
    put_varint(out, span.links.len() as u64);
    for link in &span.links {
        out.extend_from_slice(&fixed::<16>(&link.trace_id));
        out.extend_from_slice(&fixed::<8>(&link.span_id));
        let state = dictionary.intern(&link.trace_state);
        put_varint(out, u64::from(state));
        put_varint(out, u64::from(link.flags));
        put_varint(out, u64::from(link.dropped_attributes_count));
        put_pairs(out, dictionary, &link.attributes);
    }
}

fn put_pairs(out: &mut Vec<u8>, dictionary: &mut Dictionary, attributes: &[KeyValue]) {
    put_varint(out, attributes.len() as u64);
    for attribute in attributes {
        let pair = dictionary.intern_pair(attribute);
        put_varint(out, u64::from(pair));
    }
}

fn dropped_of(span: &proto::Span) -> [u32; 3] {
    [
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    ]
}

fn parent_of(span: &proto::Span) -> Option<&[u8]> {
    let parent = span.parent_span_id.as_slice();
    (parent.len() == 8 && parent.iter().any(|byte| *byte != 0)).then_some(parent)
}

/// Nanoseconds; an end that is not after the start is taken for one nanosecond after it, as Jaeger does.
pub(super) fn duration_of(span: &proto::Span) -> u64 {
    let duration = span
        .end_time_unix_nano
        .checked_sub(span.start_time_unix_nano);
    duration.unwrap_or(0).max(1)
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

/// A row read in place. Only the parts that every search needs are decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) origin: u32,
    pub(super) name: u32,
    pub(super) kind: Kind,
    pub(super) status: Status,
    pub(super) span_id: SpanId,
    pub(super) parent_id: Option<SpanId>,
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    flags: u32,
    has_rare: bool,
    /// At the pairs.
    rest: Cursor<'a>,
}

impl<'a> Row<'a> {
    /// Reads the row that starts at `at`.
    pub(super) fn read(bytes: &'a [u8], at: usize, base_ns: u64) -> Self {
        let mut cursor = Cursor::new(bytes, at);
        let head = cursor.byte();
        let origin = cursor.varint() as u32;
        let name = cursor.varint() as u32;
        let span_id = cursor.array();
        let parent_id = (head & HAS_PARENT != 0).then(|| cursor.array());
        let start_ns = base_ns.wrapping_add(cursor.signed() as u64);
        let duration_ns = cursor.varint();
        let flags = if head & HAS_FLAGS != 0 {
            cursor.varint() as u32
        } else {
            0
        };
        Self {
            origin,
            name,
            kind: Kind::try_from(i32::from(head >> KIND_SHIFT & 7)).unwrap_or_default(),
            status: Status::try_from(i32::from(head >> STATUS_SHIFT & 3)).unwrap_or_default(),
            span_id,
            parent_id,
            start_ns,
            duration_ns,
            flags,
            has_rare: head & HAS_RARE != 0,
            rest: cursor,
        }
    }

    /// Calls `each` with the number of every pair of the span, its events and its links, and `text` with every
    /// rare text under the key that finds it. Returns where the next row starts.
    pub(super) fn visit(
        &self,
        mut each: impl FnMut(u32),
        mut text: impl FnMut(&'static str, u32),
    ) -> usize {
        let mut cursor = self.rest;
        let mut pairs = |cursor: &mut Cursor<'_>| {
            for _ in 0..cursor.varint() {
                each(cursor.varint() as u32);
            }
        };
        pairs(&mut cursor);
        if !self.has_rare {
            return cursor.position();
        }
        text(STATUS_DESCRIPTION, cursor.varint() as u32);
        text(TRACE_STATE, cursor.varint() as u32);
        for _ in 0..3 {
            cursor.varint();
        }
        for _ in 0..cursor.varint() {
            cursor.signed();
            text(EVENT, cursor.varint() as u32);
            cursor.varint();
            pairs(&mut cursor);
        }
        for _ in 0..cursor.varint() {
            cursor.array::<24>();
            for _ in 0..3 {
                cursor.varint();
            }
            pairs(&mut cursor);
        }
        cursor.position()
    }

    /// The whole span, owned.
    pub(super) fn span(&self, trace_id: TraceId, words: &impl Lookup, origin: Arc<Origin>) -> Span {
        let mut cursor = self.rest;
        let mut span = proto::Span {
            trace_id: trace_id.to_vec(),
            span_id: self.span_id.to_vec(),
            parent_span_id: self.parent_id.map(Vec::from).unwrap_or_default(),
            flags: self.flags,
            name: words.string(self.name).to_owned(),
            kind: self.kind.into(),
            start_time_unix_nano: self.start_ns,
            end_time_unix_nano: self.start_ns.saturating_add(self.duration_ns),
            attributes: read_pairs(&mut cursor, words),
            status: Some(proto::Status {
                code: self.status.into(),
                message: String::new(),
            }),
            ..proto::Span::default()
        };
        if self.has_rare {
            read_rare(&mut cursor, words, &mut span);
        }
        Span {
            proto: span,
            origin,
        }
    }
}

fn read_rare(cursor: &mut Cursor<'_>, words: &impl Lookup, span: &mut proto::Span) {
    let message = words.string(cursor.varint() as u32).to_owned();
    span.status.get_or_insert_default().message = message;
    span.trace_state = words.string(cursor.varint() as u32).to_owned();
    span.dropped_attributes_count = cursor.varint() as u32;
    span.dropped_events_count = cursor.varint() as u32;
    span.dropped_links_count = cursor.varint() as u32;
    for _ in 0..cursor.varint() {
        let start_ns = span.start_time_unix_nano;
        span.events.push(proto::span::Event {
            time_unix_nano: start_ns.wrapping_add(cursor.signed() as u64),
            name: words.string(cursor.varint() as u32).to_owned(),
            dropped_attributes_count: cursor.varint() as u32,
            attributes: read_pairs(cursor, words),
        });
    }
    for _ in 0..cursor.varint() {
        span.links.push(proto::span::Link {
            trace_id: cursor.array::<16>().to_vec(),
            span_id: cursor.array::<8>().to_vec(),
            trace_state: words.string(cursor.varint() as u32).to_owned(),
            flags: cursor.varint() as u32,
            dropped_attributes_count: cursor.varint() as u32,
            attributes: read_pairs(cursor, words),
        });
    }
}

fn read_pairs(cursor: &mut Cursor<'_>, words: &impl Lookup) -> Vec<KeyValue> {
    let count = cursor.varint();
    (0..count)
        .map(|_| words.attribute(cursor.varint() as u32))
        .collect()
}

/// The tag under which Jaeger shows a status message.
pub(super) const STATUS_DESCRIPTION: &str = "otel.status_description";
/// The tag under which Jaeger shows the trace state.
pub(super) const TRACE_STATE: &str = "w3c.tracestate";
/// The log field in which Jaeger shows the name of an event.
pub(super) const EVENT: &str = "event";
