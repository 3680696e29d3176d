//! The bounded in-memory span store.
//!
//! Spans arrive in a growing head segment; a full head is packed and indexed into a sealed segment. Whole
//! segments leave from the old end when a limit is reached, and with them every trace that began there: what
//! younger segments still have of such a trace is hidden, so that the tail of a dropped trace is never shown.
//! It knows OTLP's span type as input, and nothing of HTTP or of Jaeger.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{self as proto, ResourceSpans};
use parking_lot::Mutex;
use serde::Serialize;

use super::span::{Kind, Origin, Span, Trace, TraceId};
use codec::MixBuild;
use dictionary::SealedDictionary;
use segment::{Head, OperationName, Segment};

mod arrival;
mod codec;
mod dependency;
mod dictionary;
mod index;
mod origin;
mod query;
mod row;
mod segment;
#[cfg(test)]
mod tests;

pub use dependency::Dependency;
pub use query::Query;

/// Limits of the store. The oldest traces go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory for spans, indexes and tables, in bytes.
    pub bytes: usize,
    /// Number of spans.
    pub spans: usize,
}

impl Default for Limits {
    /// A drill of a quarter of an hour at 800 spans a second fits.
    fn default() -> Self {
        Self {
            bytes: 48 << 20,
            spans: 2_000_000,
        }
    }
}

/// What is stored and what was received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Spans in memory.
    pub spans: usize,
    /// Traces in memory.
    pub traces: usize,
    /// Bytes used, indexes and tables included.
    pub bytes: usize,
    /// Spans accepted since the start.
    pub received: u64,
    /// Spans refused since the start because they were not valid.
    pub rejected: u64,
    /// Spans evicted since the start because a limit was reached.
    pub evicted: u64,
}

/// The answer to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Spans accepted.
    pub spans: usize,
    /// Spans refused.
    pub rejected: usize,
    /// Why the first refused one was refused, empty when none was.
    pub reason: String,
}

/// Spans of one trace beyond which it is not given whole: no reader could show more, and memory is bounded.
const MOST_SPANS: usize = 20_000;

/// Rows of a segment that is closed only because memory is used up: fewer would cost more than they free.
const LEAST_ROWS: usize = 64;

/// The first and last segment with spans of a trace.
#[derive(Debug, Clone, Copy)]
struct Extent {
    first: u32,
    last: u32,
}

#[derive(Debug, Default)]
struct Inner {
    sealed: VecDeque<Arc<Segment>>,
    head: Head,
    /// Number of the head; the sealed ones count up to it.
    number: u32,
    /// By [`fingerprint`].
    traces: HashMap<u64, Extent, MixBuild>,
    origins: origin::Table,
    sealed_bytes: usize,
    sealed_rows: usize,
    stats: Stats,
}

/// The store. All methods may be called from any thread; they do not wait for anything but each other.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    inner: Mutex<Inner>,
}

/// 64 bits of a trace id, which is random in at least one half.
fn fingerprint(id: &TraceId) -> u64 {
    let number = u128::from_be_bytes(*id);
    number as u64 ^ (number >> 64) as u64
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            inner: Mutex::default(),
        }
    }

    /// Takes a batch. Spans without a valid trace id and span id are refused, the others kept.
    pub fn ingest(&self, batch: &[ResourceSpans]) -> Receipt {
        let mut accepted = Receipt::default();
        let mut inner = self.inner.lock();
        for resource in batch {
            for scope in &resource.scope_spans {
                let origin = inner.origins.intern(resource, scope);
                for span in &scope.spans {
                    match check(span) {
                        Ok(id) => {
                            let warned = arrival::warned(span);
                            let span = warned.as_ref().unwrap_or(span);
                            inner.push(id, span, &origin, self.limits);
                            accepted.spans += 1;
                        }
                        Err(reason) => {
                            accepted.rejected += 1;
                            if accepted.reason.is_empty() {
                                accepted.reason = reason;
                            }
                        }
                    }
                }
            }
        }
        inner.stats.received += accepted.spans as u64;
        inner.stats.rejected += accepted.rejected as u64;
        accepted
    }

    /// Counts spans that were refused before they came here.
    pub fn count_rejected(&self, spans: usize) {
        self.inner.lock().stats.rejected += spans as u64;
    }

    /// What is stored and what was received.
    pub fn stats(&self) -> Stats {
        self.inner.lock().stats()
    }

    /// Names of all services, sorted.
    pub fn services(&self) -> Vec<String> {
        let (segments, operations) = self.snapshot();
        let mut names: BTreeSet<String> = operations
            .into_iter()
            .map(|(service, ..)| service)
            .collect();
        for segment in &segments {
            for (service, ..) in segment.operations() {
                if !names.contains(service) {
                    names.insert(service.to_owned());
                }
            }
        }
        names.into_iter().collect()
    }

    /// Names and kinds of the spans of a service, sorted.
    pub fn operations(&self, service: &str) -> Vec<(String, Kind)> {
        let (segments, head) = self.snapshot();
        let mut found: BTreeSet<(String, Kind)> = head
            .into_iter()
            .filter(|(own, ..)| own == service)
            .map(|(_, kind, name)| (name, kind))
            .collect();
        for segment in &segments {
            let own = segment.operations().filter(|(own, ..)| *own == service);
            found.extend(own.map(|(_, kind, name)| (name.to_owned(), kind)));
        }
        found.into_iter().collect()
    }

    fn snapshot(&self) -> (Vec<Arc<Segment>>, BTreeSet<OperationName>) {
        let inner = self.inner.lock();
        (
            inner.sealed.iter().cloned().collect(),
            inner.head.operations(),
        )
    }

    /// All spans of one trace.
    pub fn trace(&self, id: &TraceId) -> Option<Trace> {
        self.gather(id, &mut DictionaryCache::default())
    }

    /// Calls `each` with the matching traces, those that arrived last first, until the limit or until it says
    /// that it has enough.
    pub fn search(&self, query: &Query, mut each: impl FnMut(Trace) -> ControlFlow<()>) {
        let Some(atoms) = query.atoms() else { return };
        let mut opened = DictionaryCache::default();
        let mut seen = BTreeSet::new();
        let (head, sealed) = {
            let inner = self.inner.lock();
            let sealed: Vec<_> = inner.sealed.iter().rev().cloned().collect();
            (inner.head.search(query, &atoms), sealed)
        };
        let mut has_enough = false;
        let mut give = |ids: Vec<TraceId>, opened: &mut DictionaryCache| {
            for id in ids {
                if seen.len() < query.limit && seen.insert(id) {
                    match self.gather(&id, opened) {
                        Some(trace) => has_enough = has_enough || each(trace).is_break(),
                        // The tail of a forgotten trace.
                        None => _ = seen.remove(&id),
                    }
                }
                if has_enough {
                    break;
                }
            }
            !has_enough && seen.len() < query.limit
        };
        let mut wants_more = give(head, &mut opened);
        for segment in sealed {
            if !wants_more {
                return;
            }
            if let Some(rows) = segment.candidates(query, &atoms) {
                let found = segment.search(opened.get(&segment), &rows, query, &atoms);
                wants_more = give(found, &mut opened);
            }
        }
    }

    fn gather(&self, id: &TraceId, opened: &mut DictionaryCache) -> Option<Trace> {
        let (mut spans, mut newest) = (Vec::new(), Vec::new());
        let segments: Vec<Arc<Segment>> = {
            let inner = self.inner.lock();
            let extent = *inner.traces.get(&fingerprint(id))?;
            inner.head.collect(id, &mut newest);
            let in_extent =
                |segment: &&Arc<Segment>| (extent.first..=extent.last).contains(&segment.number);
            inner.sealed.iter().filter(in_extent).cloned().collect()
        };
        for segment in segments.iter().filter(|segment| segment.contains(id)) {
            if spans.len() < MOST_SPANS {
                segment.collect(opened.get(segment), id, &mut spans);
            }
        }
        spans.append(&mut newest);
        let is_cut = spans.len() > MOST_SPANS;
        spans.truncate(MOST_SPANS);
        spans.sort_by_key(|span| span.proto.start_time_unix_nano);
        dedup_spans(&mut spans);
        (!spans.is_empty()).then_some(Trace {
            id: *id,
            spans,
            is_cut,
        })
    }

    /// Calls between services by spans that start in the given time, in nanoseconds since the epoch.
    pub fn dependencies(&self, start_min_ns: u64, start_max_ns: u64) -> Vec<Dependency> {
        let range = Query {
            start_min_ns: Some(start_min_ns),
            start_max_ns: Some(start_max_ns),
            ..Query::default()
        };
        let mut calls = dependency::Calls::new(start_min_ns, start_max_ns);
        let sealed: Vec<_> = self.inner.lock().sealed.iter().cloned().collect();
        let mut last = None;
        for segment in sealed {
            last = Some(segment.number);
            if segment.overlaps(&range) {
                segment.edges(|edge| calls.add(edge));
                calls.next_segment();
            }
        }
        let inner = self.inner.lock();
        // Segments that were sealed since the list was taken.
        for segment in inner
            .sealed
            .iter()
            .filter(|segment| last.is_none_or(|last| segment.number > last))
        {
            segment.edges(|edge| calls.add(edge));
        }
        inner.head.edges(|edge| calls.add(edge));
        drop(inner);
        calls.finish()
    }
}

fn check(span: &proto::Span) -> Result<TraceId, String> {
    let id = TraceId::try_from(span.trace_id.as_slice()).map_err(|_| {
        format!(
            "span `{}` has a trace id of {} bytes, not 16",
            span.name,
            span.trace_id.len()
        )
    })?;
    if id == [0; 16] {
        return Err(format!("span `{}` has a trace id of zeros", span.name));
    }
    match span.span_id.len() {
        8 if span.span_id.iter().any(|byte| *byte != 0) => Ok(id),
        8 => Err(format!("span `{}` has a span id of zeros", span.name)),
        length => Err(format!(
            "span `{}` has a span id of {length} bytes, not 8",
            span.name
        )),
    }
}

impl Inner {
    fn push(&mut self, id: TraceId, span: &proto::Span, origin: &Arc<Origin>, limits: Limits) {
        let number = self.head.origin(origin);
        if self.head.push(id, span, number) {
            let extent = Extent {
                first: self.number,
                last: self.number,
            };
            self.traces.entry(fingerprint(&id)).or_insert(extent).last = self.number;
        }
        // A segment is a small part of the limit, so that eviction goes in small steps.
        let most_rows = index::MAX_ROWS.min((limits.spans / 16).max(1));
        let most_bytes = (1 << 20).min(limits.bytes / 16);
        // Spans of ever new services are small, and what is kept of their origins is not.
        let is_over = self.head.len() >= LEAST_ROWS && self.bytes() > limits.bytes + most_bytes;
        if is_over || self.head.len() >= most_rows || self.head.raw_bytes() >= most_bytes {
            self.seal();
            self.evict(limits);
        }
    }

    fn seal(&mut self) {
        let segment = self.head.seal(self.number);
        self.number += 1;
        self.sealed_bytes += segment.bytes;
        self.sealed_rows += segment.rows;
        self.sealed.push_back(Arc::new(segment));
    }

    fn evict(&mut self, limits: Limits) {
        while self.bytes() > limits.bytes || self.sealed_rows > limits.spans {
            let Some(oldest) = self.sealed.pop_front() else {
                return;
            };
            self.sealed_bytes -= oldest.bytes;
            self.sealed_rows -= oldest.rows;
            self.stats.evicted += oldest.rows as u64;
            for id in &oldest.trace_ids {
                let key = fingerprint(id);
                if self
                    .traces
                    .get(&key)
                    .is_some_and(|extent| extent.first <= oldest.number)
                {
                    self.traces.remove(&key);
                }
            }
            drop(oldest);
            self.origins.prune();
        }
    }

    fn bytes(&self) -> usize {
        // A table slot is a key, an extent and a control byte; capacity is 7/8 of the slots.
        let table = self.traces.capacity() / 7 * 8 * (8 + size_of::<Extent>() + 1);
        self.sealed_bytes
            + self.sealed.capacity() * 8
            + self.head.bytes()
            + table
            + self.origins.bytes()
    }

    fn stats(&self) -> Stats {
        Stats {
            spans: self.sealed_rows + self.head.len(),
            traces: self.traces.len(),
            bytes: self.bytes(),
            ..self.stats
        }
    }
}

/// The unpacked segments of one request. Few are kept, so that a large answer needs little memory.
#[derive(Default)]
struct DictionaryCache(VecDeque<(u32, SealedDictionary)>);

impl DictionaryCache {
    const MOST: usize = 4;

    fn get(&mut self, segment: &Segment) -> &SealedDictionary {
        if let Some(position) = self
            .0
            .iter()
            .position(|(number, _)| *number == segment.number)
        {
            return &self.0[position].1;
        }
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back((segment.number, segment.open()));
        &self.0[self.0.len() - 1].1
    }
}

/// Keeps one of each span: an exporter that heard no answer sends the very same ones again.
fn dedup_spans(spans: &mut Vec<Span>) {
    let mut places: HashMap<Vec<u8>, Vec<usize>> = HashMap::with_capacity(spans.len());
    let mut kept: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans.drain(..) {
        let places = places.entry(span.proto.span_id.clone()).or_default();
        if !places.iter().any(|place| kept[*place] == span) {
            places.push(kept.len());
            kept.push(span);
        }
    }
    *spans = kept;
}
