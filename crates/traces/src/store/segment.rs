//! Segments: a growing head that takes new spans, and sealed ones that are packed, indexed and never change.
//!
//! ```text
//! OTLP span -> row bytes in the head -> (4,096 rows) -> grouped by trace, lz4, index -> sealed
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use opentelemetry_proto::tonic::trace::v1 as proto;

use super::codec::{MixBuild, term};
use super::dictionary::{Dictionary, Lookup, SealedDictionary};
use super::index::{self, Index, NAME, Rows, duration_step, origin_term};
use super::query::{Atom, Matcher, Query};
use super::row::{self, Row};
use crate::span::{Kind, Origin, Span, SpanId, Status, TraceId, kind_word, status_word};

/// Allocator overhead of one boxed slice.
const BOX_BYTES: usize = 16;

/// A distinct span name of an origin, with its kind.
pub(super) type Operation = (u32, Kind, Box<str>);

/// Service, kind and name of a span.
pub(super) type OperationName = (String, Kind, String);

/// The segment that takes new spans.
#[derive(Debug, Default)]
pub(super) struct Head {
    dictionary: Dictionary,
    rows: Vec<u8>,
    /// Trace number and offset into `rows`, in order of arrival.
    entries: Vec<(u32, u32)>,
    traces: IndexMap<TraceId, u32, MixBuild>,
    origins: Vec<Arc<Origin>>,
    base_ns: u64,
}

impl Head {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Heap bytes held, closely estimated.
    pub(super) fn bytes(&self) -> usize {
        self.dictionary.bytes()
            + self.rows.capacity()
            + self.entries.capacity() * 8
            + self.traces.capacity() * 48
    }

    /// Bytes that sealing would pack.
    pub(super) fn raw_bytes(&self) -> usize {
        self.dictionary.content_bytes() + self.rows.len()
    }

    /// The number of an origin within this segment.
    pub(super) fn origin(&mut self, origin: &Arc<Origin>) -> u32 {
        let known = self.origins.iter().position(|own| Arc::ptr_eq(own, origin));
        known.unwrap_or_else(|| {
            self.origins.push(origin.clone());
            self.origins.len() - 1
        }) as u32
    }

    /// Takes a span whose ids were checked. Says whether its trace is new to this segment.
    pub(super) fn push(&mut self, id: TraceId, span: &proto::Span, origin: u32) -> bool {
        if self.entries.is_empty() {
            self.base_ns = span.start_time_unix_nano;
        }
        let entry = self.traces.entry(id);
        let trace = entry.index() as u32;
        let spans = entry.or_insert(0);
        *spans += 1;
        let is_new = *spans == 1;
        self.entries.push((trace, self.rows.len() as u32));
        row::put(
            &mut self.rows,
            &mut self.dictionary,
            span,
            origin,
            self.base_ns,
        );
        is_new
    }

    fn row(&self, offset: u32) -> Row<'_> {
        Row::read(&self.rows, offset as usize, self.base_ns)
    }

    /// The traces that match, newest first.
    pub(super) fn search(&self, query: &Query, atoms: &[Atom]) -> Vec<TraceId> {
        let matcher = Matcher::new(query, atoms, &self.dictionary, &self.origins);
        let mut found = indexmap::IndexSet::new();
        for (trace, offset) in self.entries.iter().rev() {
            if !found.contains(trace) && matcher.matches(&self.row(*offset), &self.dictionary) {
                found.insert(*trace);
            }
        }
        let id = |trace: u32| self.traces.get_index(trace as usize).map(|(id, _)| *id);
        found.into_iter().filter_map(id).collect()
    }

    /// Adds the spans of a trace to `out`.
    pub(super) fn collect(&self, id: &TraceId, out: &mut Vec<Span>) {
        let Some(trace) = self.traces.get_index_of(id) else {
            return;
        };
        for (_, offset) in self
            .entries
            .iter()
            .filter(|(own, _)| *own as usize == trace)
        {
            let row = self.row(*offset);
            let origin = self.origins[row.origin as usize].clone();
            out.push(row.span(*id, &self.dictionary, origin));
        }
    }

    pub(super) fn operations(&self) -> BTreeSet<OperationName> {
        let rows = self.entries.iter().map(|(_, offset)| self.row(*offset));
        let keys: BTreeSet<_> = rows.map(|row| (row.origin, row.kind, row.name)).collect();
        keys.into_iter()
            .map(|(origin, kind, name)| {
                let service = self.origins[origin as usize].service.clone();
                (service, kind, self.dictionary.string(name).to_owned())
            })
            .collect()
    }

    /// Calls `each` with trace, span id, parent, service origin and start of every row.
    pub(super) fn edges(&self, mut each: impl FnMut(Edge<'_>)) {
        for (trace, offset) in &self.entries {
            let (id, _) = self
                .traces
                .get_index(*trace as usize)
                .expect("entries name known traces");
            each(Edge::new(*id, &self.row(*offset), &self.origins));
        }
    }

    /// Packs everything and starts over empty.
    pub(super) fn seal(&mut self, number: u32) -> Segment {
        let mut raw = Vec::with_capacity(self.raw_bytes());
        self.dictionary.write(&mut raw);
        let order = self.by_trace();
        let mut sealing = SegmentBuilder::new(number, self);
        for (trace, offset) in order {
            sealing.add(self, trace, offset, &mut raw);
        }
        let segment = sealing.finish(self, &raw);
        // Nothing of its memory is kept: after one large item that would be held, and counted, for ever.
        *self = Self::default();
        segment
    }

    /// The entries grouped by trace, in order of arrival within a trace.
    fn by_trace(&self) -> Vec<(u32, u32)> {
        let mut order = self.entries.clone();
        order.sort_by_key(|(trace, _)| *trace);
        order
    }
}

/// A parent-child edge, for the dependency graph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge<'a> {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_id: Option<SpanId>,
    pub(super) service: &'a str,
    pub(super) start_ns: u64,
}

impl<'a> Edge<'a> {
    fn new(trace_id: TraceId, row: &Row<'_>, origins: &'a [Arc<Origin>]) -> Self {
        Self {
            trace_id,
            span_id: row.span_id,
            parent_id: row.parent_id,
            service: &origins[row.origin as usize].service,
            start_ns: row.start_ns,
        }
    }
}

/// The columns that grow while a head is packed.
struct SegmentBuilder {
    number: u32,
    builder: index::Builder,
    durations: Vec<u8>,
    trace_rows: Vec<u16>,
    trace_offsets: Vec<u32>,
    operations: BTreeSet<(u32, Kind, u32)>,
    last_trace: Option<u32>,
    earliest_ns: u64,
    latest_ns: u64,
}

impl SegmentBuilder {
    fn new(number: u32, head: &Head) -> Self {
        Self {
            number,
            builder: index::Builder::default(),
            durations: Vec::with_capacity(head.len()),
            trace_rows: Vec::with_capacity(head.traces.len()),
            trace_offsets: Vec::with_capacity(head.traces.len()),
            operations: BTreeSet::new(),
            last_trace: None,
            earliest_ns: u64::MAX,
            latest_ns: 0,
        }
    }

    fn add(&mut self, head: &Head, trace: u32, offset: u32, raw: &mut Vec<u8>) {
        let number = self.durations.len();
        if self.last_trace != Some(trace) {
            self.last_trace = Some(trace);
            self.trace_rows.push(number as u16);
            self.trace_offsets.push(raw.len() as u32);
        }
        let row = head.row(offset);
        self.earliest_ns = self.earliest_ns.min(row.start_ns);
        self.latest_ns = self.latest_ns.max(row.start_ns);
        self.durations.push(duration_step(row.duration_ns));
        self.operations.insert((row.origin, row.kind, row.name));
        let end = self.index(head, &row, number);
        raw.extend_from_slice(&head.rows[offset as usize..end]);
    }

    /// Adds all terms of a row; returns where the row ends.
    fn index(&mut self, head: &Head, row: &Row<'_>, number: usize) -> usize {
        let builder = &mut self.builder;
        builder.add(origin_term(row.origin), number);
        builder.add(term(NAME, head.dictionary.string(row.name)), number);
        if row.kind != Kind::Unspecified {
            builder.add(term(index::KIND, kind_word(row.kind)), number);
        }
        if let Some(word) = status_word(row.status) {
            builder.add(term(index::STATUS, word), number);
            if row.status == Status::Error {
                builder.add(term("error", "true"), number);
            }
        }
        let terms = head.dictionary.terms();
        let mut texts: Vec<(&'static str, u32)> = Vec::new();
        let end = row.visit(
            |pair| builder.add(terms[pair as usize], number),
            |key, text| texts.push((key, text)),
        );
        for (key, text) in texts {
            let text = head.dictionary.string(text);
            if !text.is_empty() {
                self.builder.add(term(key, text), number);
            }
        }
        end
    }

    fn finish(self, head: &Head, raw: &[u8]) -> Segment {
        let operations: Box<[Operation]> = self
            .operations
            .into_iter()
            .map(|(origin, kind, name)| (origin, kind, head.dictionary.string(name).into()))
            .collect();
        let rows = self.durations.len();
        let mut segment = Segment {
            number: self.number,
            rows,
            base_ns: head.base_ns,
            earliest_ns: self.earliest_ns,
            latest_ns: self.latest_ns,
            raw_bytes: raw.len(),
            block: lz4_flex::block::compress(raw).into(),
            trace_ids: head.traces.keys().copied().collect(),
            trace_rows: self.trace_rows.into(),
            trace_offsets: self.trace_offsets.into(),
            origins: head.origins.as_slice().into(),
            operations,
            index: self.builder.finish(rows, self.durations.into()),
            bytes: 0,
        };
        segment.bytes = segment.count_bytes();
        segment
    }
}

/// A packed, immutable run of spans in order of arrival, grouped by trace.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) rows: usize,
    base_ns: u64,
    earliest_ns: u64,
    latest_ns: u64,
    raw_bytes: usize,
    /// Dictionary and rows, lz4.
    block: Box<[u8]>,
    pub(super) trace_ids: Box<[TraceId]>,
    /// First row of each trace.
    trace_rows: Box<[u16]>,
    /// Where that row starts in the unpacked block.
    trace_offsets: Box<[u32]>,
    origins: Box<[Arc<Origin>]>,
    operations: Box<[Operation]>,
    index: Index,
    /// Heap bytes held, the segment itself included.
    pub(super) bytes: usize,
}

impl Segment {
    fn count_bytes(&self) -> usize {
        let names: usize = self
            .operations
            .iter()
            .map(|(_, _, name)| name.len() + BOX_BYTES)
            .sum();
        size_of::<Self>()
            + self.block.len()
            + self.trace_ids.len() * (16 + 2 + 4)
            + self.origins.len() * 8
            + self.operations.len() * size_of::<Operation>()
            + names
            + self.index.bytes()
            + 12 * BOX_BYTES
    }

    /// Unpacks the block. The caller keeps the result for as long as it reads from this segment.
    pub(super) fn open(&self) -> SealedDictionary {
        let raw = lz4_flex::block::decompress(&self.block, self.raw_bytes);
        SealedDictionary::read(raw.expect("the block was packed by this process"))
    }

    /// Says cheaply whether anything here can match, and which rows.
    pub(super) fn candidates(&self, query: &Query, atoms: &[Atom]) -> Option<Rows> {
        if !query.overlaps(self.earliest_ns, self.latest_ns) {
            return None;
        }
        self.index.candidates(query, atoms, &self.origins)
    }

    /// The traces with a row in `rows` that truly matches, newest first.
    pub(super) fn search(
        &self,
        frozen: &SealedDictionary,
        rows: &Rows,
        query: &Query,
        atoms: &[Atom],
    ) -> Vec<TraceId> {
        let matcher = Matcher::new(query, atoms, frozen, &self.origins);
        let mut found = Vec::new();
        for trace in (0..self.trace_ids.len()).rev() {
            let numbers = self.rows_of(trace);
            if !numbers.clone().any(|number| rows.contains(number)) {
                continue;
            }
            let mut matches = false;
            self.each_row(frozen, trace, |number, row| {
                matches = matches || (rows.contains(number) && matcher.matches(row, frozen));
            });
            if matches {
                found.push(self.trace_ids[trace]);
            }
        }
        found
    }

    /// Adds the spans of a trace to `out`.
    pub(super) fn collect(&self, frozen: &SealedDictionary, id: &TraceId, out: &mut Vec<Span>) {
        let Some(trace) = self.trace_ids.iter().position(|own| own == id) else {
            return;
        };
        self.each_row(frozen, trace, |_, row| {
            let origin = self.origins[row.origin as usize].clone();
            out.push(row.span(*id, frozen, origin));
        });
    }

    pub(super) fn contains(&self, id: &TraceId) -> bool {
        self.trace_ids.contains(id)
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = (&str, Kind, &str)> {
        self.operations.iter().map(|(origin, kind, name)| {
            (
                self.origins[*origin as usize].service.as_str(),
                *kind,
                &**name,
            )
        })
    }

    /// Calls `each` for every row, see [`Head::edges`].
    pub(super) fn edges(&self, mut each: impl FnMut(Edge<'_>)) {
        let frozen = self.open();
        for (trace, id) in self.trace_ids.iter().enumerate() {
            self.each_row(&frozen, trace, |_, row| {
                each(Edge::new(*id, row, &self.origins))
            });
        }
    }

    pub(super) fn overlaps(&self, query: &Query) -> bool {
        query.overlaps(self.earliest_ns, self.latest_ns)
    }

    fn rows_of(&self, trace: usize) -> std::ops::Range<usize> {
        let end = self
            .trace_rows
            .get(trace + 1)
            .map_or(self.rows, |row| usize::from(*row));
        usize::from(self.trace_rows[trace])..end
    }

    fn each_row(
        &self,
        frozen: &SealedDictionary,
        trace: usize,
        mut each: impl FnMut(usize, &Row<'_>),
    ) {
        let mut offset = self.trace_offsets[trace] as usize;
        for number in self.rows_of(trace) {
            let row = Row::read(frozen.raw(), offset, self.base_ns);
            each(number, &row);
            offset = row.visit(|_| {}, |_, _| {});
        }
    }
}
