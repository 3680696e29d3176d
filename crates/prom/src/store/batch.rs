//! Writing into the store: one lock for the samples of a whole scrape.

use std::sync::Arc;

use parking_lot::RwLockWriteGuard;

use super::{Chunk, Head, Inner, Limits, Record};
use crate::exemplar::Exemplar;
use crate::journal::{Journal, Recorder};
use promql::{Labels, Sample};

/// Identifies a series of one store. It may outlive the series; then it refers to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub(super) u32);

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Append {
    /// It is stored.
    Stored,
    /// The very same sample was there.
    Same,
    /// A newer sample of the series was there.
    OutOfOrder,
    /// Another value of the same moment was there.
    Conflict,
    /// The series has been dropped meanwhile: ask for its id again.
    Gone,
}

/// The right to write, until it is dropped.
pub struct Batch<'a> {
    inner: RwLockWriteGuard<'a, Inner>,
    limits: Limits,
    recorder: Option<Recorder<'a>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        inner: RwLockWriteGuard<'a, Inner>,
        limits: Limits,
        journal: Option<&'a Journal>,
    ) -> Batch<'a> {
        Batch {
            inner,
            limits,
            recorder: journal.map(Journal::recorder),
        }
    }

    /// The id of a series, which is created if need be; none when there are too many series.
    pub fn series(&mut self, labels: &Labels) -> Option<SeriesId> {
        if let Some(id) = self.inner.ids.get(labels) {
            return Some(SeriesId(*id));
        }
        if self.inner.ids.len() >= self.limits.series {
            self.inner.counts.refused_series += 1;
            return None;
        }
        Some(self.inner.create(labels))
    }

    /// The labels of a series.
    pub fn labels(&self, id: SeriesId) -> Option<&Labels> {
        self.inner.record(id.0).map(|record| &record.labels)
    }

    /// Adds a sample to a series.
    pub fn append(&mut self, id: SeriesId, sample: Sample) -> Append {
        let outcome = self.inner.append(id, sample);
        match outcome {
            Append::Stored => self.inner.counts.stored += 1,
            Append::OutOfOrder => self.inner.counts.out_of_order += 1,
            Append::Conflict => self.inner.counts.conflicting += 1,
            Append::Same | Append::Gone => {}
        }
        if outcome == Append::Stored
            && let Some(recorder) = &mut self.recorder
            && let Some(record) = self.inner.record(id.0)
        {
            recorder.record(id.0, &record.labels, sample);
        }
        outcome
    }

    /// Adds a sample that was stored once: if it is older than the newest, the clock had gone back then.
    pub(crate) fn restore(&mut self, id: SeriesId, sample: Sample) -> Append {
        let last = self
            .inner
            .record(id.0)
            .and_then(|record| record.open.as_ref());
        if last.is_some_and(|head| sample.t_ms < head.last().t_ms) {
            self.inner.begin_anew(id);
        }
        self.append(id, sample)
    }

    /// Adds an exemplar to a series; one that is there already, is older than the newest or is too long is passed over.
    pub fn exemplar(&mut self, id: SeriesId, exemplar: &Exemplar) {
        let inner = &mut *self.inner;
        if inner.record(id.0).is_none() || !inner.exemplars.push(id.0, exemplar, &self.limits) {
            return;
        }
        inner.counts.exemplars += 1;
        if let Some(recorder) = &mut self.recorder
            && let Some(record) = inner.record(id.0)
        {
            recorder.exemplar(id.0, &record.labels, exemplar);
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.inner.bytes > self.limits.bytes {
            self.inner.evict(self.limits.bytes);
        }
    }
}

impl Inner {
    fn create(&mut self, labels: &Labels) -> SeriesId {
        let id =
            u32::try_from(self.series.len()).expect("four billion series do not fit into memory");
        let pairs: Vec<(Arc<str>, Arc<str>)> = labels
            .iter()
            .map(|(name, value)| (self.text(name), self.text(value)))
            .collect();
        self.index.insert(id, &pairs);
        let labels = Labels::new(pairs);
        self.ids.insert(labels.clone(), id);
        self.bytes += series_size(&labels);
        self.counts.created_series += 1;
        self.series.push(Some(Box::new(Record {
            labels,
            closed: Vec::new(),
            open: None,
        })));
        SeriesId(id)
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        self.bytes += text.len();
        text
    }

    fn append(&mut self, id: SeriesId, sample: Sample) -> Append {
        let Some(Some(record)) = self.series.get_mut(id.0 as usize) else {
            return Append::Gone;
        };
        if record.is_told(sample.t_ms) {
            return Append::OutOfOrder;
        }
        let Some(head) = &mut record.open else {
            record.open = Some(Head::new(sample));
            return Append::Stored;
        };
        let last = head.last();
        if sample.t_ms < last.t_ms {
            return Append::OutOfOrder;
        }
        if sample.t_ms == last.t_ms {
            let is_same = sample.value.to_bits() == last.value.to_bits();
            return if is_same {
                Append::Same
            } else {
                Append::Conflict
            };
        }
        let before = head.size();
        if head.is_full() {
            let full = std::mem::replace(head, Head::new(sample)).close();
            self.bytes = self.bytes + full.size() - before;
            record.keep(full);
        } else {
            head.push(sample);
            self.bytes = self.bytes + head.size() - before;
        }
        Append::Stored
    }
}

/// What a series takes without its samples, in bytes: its record, its label set, its places in the index.
pub(super) fn series_size(labels: &Labels) -> usize {
    const PER_LABEL: usize = size_of::<(Arc<str>, Arc<str>)>() + 2 * size_of::<u32>();
    const MAP_ENTRY: usize = 2 * size_of::<(Labels, u32)>();
    size_of::<Record>() + size_of::<usize>() * 3 + MAP_ENTRY + labels.len() * PER_LABEL
}

impl Record {
    /// What its samples take, in bytes.
    pub(super) fn sample_bytes(&self) -> usize {
        let closed: usize = self.closed.iter().map(Chunk::size).sum();
        closed + self.open.as_ref().map_or(0, Head::size)
    }
}
