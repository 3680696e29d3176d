//! Samples in memory: bounded by age and by bytes, selected by matchers, read while they are written.
//!
//! ```text
//! scraper, rules -> Batch (write lock, one scrape) -> series -> open chunk -> closed chunks -> dropped, oldest first
//!                                                       |
//!                                                 index by label value <- Source::select (read lock)
//! ```
//!
//! It knows nothing of targets, clocks or HTTP: the writer gives the time.

mod batch;
mod chunk;
mod exemplar;
mod index;
mod metadata;
mod retention;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

pub use batch::{Append, Batch, SeriesId};
pub use metadata::{Kind, Metadata};

use crate::exemplar::Exemplar;
use crate::journal::Journal;
use chunk::{Chunk, Head};
use index::Index;
use promql::{Labels, Matcher, Sample, Series, Source};

/// Limits of the store.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Age beyond which samples are dropped.
    pub retention: Duration,
    /// Bytes of samples, labels and index beyond which the oldest samples are dropped.
    pub bytes: usize,
    /// Series beyond which new ones are refused.
    pub series: usize,
    /// Exemplars beyond which the oldest are dropped.
    pub exemplars: usize,
    /// Exemplars of one series beyond which its oldest are dropped.
    pub exemplars_per_series: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            retention: Duration::from_secs(6 * 3_600),
            bytes: 48 << 20,
            series: 100_000,
            // As many as a Prometheus keeps; 50 bytes each.
            exemplars: 100_000,
            // A quarter of an hour of a bucket that gets one every second, so that it leaves the others their room.
            exemplars_per_series: 1_000,
        }
    }
}

/// What is stored, and what was refused since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Series that have samples.
    pub series: usize,
    /// Chunks, open ones included.
    pub chunks: usize,
    /// Samples at hand.
    pub samples: u64,
    /// Bytes of samples, labels and index, estimated.
    pub bytes: usize,
    /// Oldest moment at hand, Unix milliseconds.
    pub min_ms: Option<i64>,
    /// Newest moment at hand, Unix milliseconds.
    pub max_ms: Option<i64>,
    /// Distinct pairs of label and value.
    pub label_pairs: usize,
    /// Exemplars at hand.
    pub exemplars: usize,
    /// What happened to samples since the start.
    pub counts: Counts,
}

/// What happened to samples since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples stored.
    pub stored: u64,
    /// Samples refused because a newer one of their series was there.
    pub out_of_order: u64,
    /// Samples refused because another value of the same moment was there.
    pub conflicting: u64,
    /// Series refused because there were too many.
    pub refused_series: u64,
    /// Series ever created.
    pub created_series: u64,
    /// Samples dropped because of their age.
    pub expired: u64,
    /// Samples dropped to stay within the bytes allowed.
    pub evicted: u64,
    /// Exemplars stored.
    pub exemplars: u64,
}

/// The store. Shared by reference: writers and readers take turns inside.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    inner: RwLock<Inner>,
    journal: Option<Arc<Journal>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By id; ids are never used twice, so that a remembered id never means another series.
    series: Vec<Option<Box<Record>>>,
    ids: HashMap<Labels, u32>,
    index: Index,
    /// Every label name and value once.
    texts: HashSet<Arc<str>>,
    metadata: metadata::Table,
    exemplars: exemplar::Table,
    counts: Counts,
    bytes: usize,
}

/// One series.
#[derive(Debug)]
struct Record {
    labels: Labels,
    /// By their ends.
    closed: Vec<Chunk>,
    open: Option<Head>,
}

impl Record {
    fn first_ms(&self) -> Option<i64> {
        let closed = self.closed.first().map(Chunk::first_ms);
        let open = self.open.as_ref().map(Head::first_ms);
        closed.into_iter().chain(open).min()
    }

    fn last_ms(&self) -> Option<i64> {
        let open = self.open.as_ref().map(|head| head.last().t_ms);
        open.max(self.closed.last().map(|chunk| chunk.last_ms))
    }

    fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        self.first_ms().is_some_and(|first| first <= to_ms)
            && self.last_ms().is_some_and(|last| last >= from_ms)
    }

    fn read(&self, from_ms: i64, to_ms: i64) -> Vec<Sample> {
        let wanted = self
            .closed
            .iter()
            .filter(|chunk| chunk.last_ms >= from_ms && chunk.first_ms() <= to_ms);
        let open = self
            .open
            .iter()
            .filter(|head| head.last().t_ms >= from_ms && head.first_ms() <= to_ms);
        let most: usize = wanted
            .clone()
            .map(|chunk| chunk.count)
            .chain(open.clone().map(Head::count))
            .map(usize::from)
            .sum();
        // A short look-back into a long chunk must not reserve the whole chunk.
        let span = usize::try_from(to_ms.saturating_sub(from_ms) / 500 + 2).unwrap_or(usize::MAX);
        let mut samples = Vec::with_capacity(most.min(span));
        wanted.for_each(|chunk| chunk.read(from_ms, to_ms, &mut samples));
        open.for_each(|head| head.read(from_ms, to_ms, &mut samples));
        // After the clock went back, the open chunk is older than others.
        if !samples.is_sorted_by_key(|sample| sample.t_ms) {
            samples.sort_by_key(|sample| sample.t_ms);
        }
        samples
    }

    fn newest(&self, from_ms: i64, to_ms: i64) -> Option<Sample> {
        let last = self.open.as_ref().map(Head::last);
        // Mostly it is the newest of all, and no chunk has to be read.
        match last.filter(|last| Some(last.t_ms) == self.last_ms()) {
            Some(last) if last.t_ms < from_ms => None,
            Some(last) if last.t_ms <= to_ms => Some(last),
            _ => self.read(from_ms, to_ms).pop(),
        }
    }

    fn samples(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|chunk| u64::from(chunk.count)).sum();
        closed + self.open.as_ref().map_or(0, |head| u64::from(head.count()))
    }
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Store {
        Store {
            limits,
            inner: RwLock::default(),
            journal: None,
        }
    }

    /// An empty store that writes what it takes in to a journal as well.
    pub fn with_journal(limits: Limits, journal: Arc<Journal>) -> Store {
        Store {
            journal: Some(journal),
            ..Store::new(limits)
        }
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Every series of `matchers` with what `read` gives of it, but for those of which it gives nothing.
    fn read(&self, matchers: &[Matcher], read: impl Fn(&Record) -> Vec<Sample>) -> Vec<Series> {
        let inner = self.inner.read();
        let ids = inner.index.select(matchers).into_iter();
        let found = ids.filter_map(|id| inner.record(id)).map(|record| Series {
            labels: record.labels.clone(),
            samples: read(record),
        });
        found.filter(|series| !series.samples.is_empty()).collect()
    }

    /// Starts writing; readers wait until the batch is dropped.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self.inner.write(), self.limits, self.journal.as_deref())
    }

    /// Drops what is too old at `now_ms`, Unix milliseconds.
    pub fn expire(&self, now_ms: i64) {
        let retention_ms = i64::try_from(self.limits.retention.as_millis()).unwrap_or(i64::MAX);
        self.inner
            .write()
            .expire(now_ms.saturating_sub(retention_ms));
    }

    /// The clock went back: what comes is stored although it is older than what is there, but for the moments that have
    /// samples already.
    pub fn turn_back(&self) {
        self.inner.write().turn_back();
    }

    /// Remembers what a target says about a metric family.
    pub fn describe(&self, family: &str, metadata: Metadata) {
        self.inner.write().metadata.insert(family, metadata);
    }

    /// What is known about metric families, by name; one family if `family` is given.
    pub fn metadata(&self, family: Option<&str>) -> Vec<(Arc<str>, Vec<Metadata>)> {
        self.inner.read().metadata.list(family)
    }

    /// Label sets with samples in the bounds, of the series that satisfy any of the sets of matchers, sorted.
    pub fn label_sets(&self, sets: &[Vec<Matcher>], from_ms: i64, to_ms: i64) -> Vec<Labels> {
        let mut found: Vec<Labels> = Vec::new();
        self.visit(sets, from_ms, to_ms, |labels| found.push(labels.clone()));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Shows every label set with samples in the bounds, of the series that satisfy any of the sets of matchers;
    /// without sets, of all series. A series that satisfies several sets is shown several times.
    pub fn visit(
        &self,
        sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
        show: impl FnMut(&Labels),
    ) {
        let inner = self.inner.read();
        let all = [Vec::new()];
        let sets = if sets.is_empty() { &all[..] } else { sets };
        sets.iter()
            .flat_map(|matchers| inner.index.select(matchers))
            .filter_map(|id| inner.record(id))
            .filter(|record| record.overlaps(from_ms, to_ms))
            .map(|record| &record.labels)
            .for_each(show);
    }

    /// Exemplars within the bounds, of the series that satisfy any of the sets of matchers, by labels and by time.
    pub fn exemplars(
        &self,
        sets: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let inner = self.inner.read();
        let found = sets
            .iter()
            .flat_map(|matchers| inner.index.select(matchers));
        let ids: BTreeSet<u32> = found.collect();
        let mut found: Vec<(Labels, Vec<Exemplar>)> = ids
            .into_iter()
            .map(|id| (id, inner.exemplars.read(id, from_ms, to_ms)))
            .filter(|(_, exemplars)| !exemplars.is_empty())
            .filter_map(|(id, exemplars)| Some((inner.record(id)?.labels.clone(), exemplars)))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// What is stored. Walks over all series.
    pub fn stats(&self) -> Stats {
        let inner = self.inner.read();
        let mut stats = Stats {
            bytes: inner.bytes,
            counts: inner.counts,
            label_pairs: inner.index.pairs().count(),
            exemplars: inner.exemplars.len(),
            ..Stats::default()
        };
        for record in inner.series.iter().flatten() {
            stats.series += 1;
            stats.chunks += record.closed.len() + usize::from(record.open.is_some());
            stats.samples += record.samples();
            stats.min_ms = stats.min_ms.into_iter().chain(record.first_ms()).min();
            stats.max_ms = stats.max_ms.into_iter().chain(record.last_ms()).max();
        }
        stats
    }

    /// Every pair of label and value, with how many series carry it.
    pub fn label_pairs(&self) -> Vec<(Arc<str>, Arc<str>, usize)> {
        let inner = self.inner.read();
        let pairs = inner.index.pairs();
        pairs
            .map(|(name, value, series)| (Arc::clone(name), Arc::clone(value), series))
            .collect()
    }
}

impl Source for Store {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        self.read(matchers, |record| record.read(from_ms, to_ms))
    }

    fn newest(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        self.read(matchers, |record| {
            record.newest(from_ms, to_ms).into_iter().collect()
        })
    }
}

impl Inner {
    fn record(&self, id: u32) -> Option<&Record> {
        self.series.get(id as usize)?.as_deref()
    }
}
