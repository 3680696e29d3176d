//! Forgetting: by age, and oldest first when there are too many bytes.

use std::sync::Arc;

use super::batch::series_size;
use super::{Head, Inner, Record};
use promql::Labels;

/// Eviction frees this much more than it must, so that it runs seldom: one part in so many of the limit.
const EVICTION_SLACK: usize = 16;

impl Inner {
    /// Drops chunks that end before `before_ms`, and series without any chunk left.
    pub(super) fn expire(&mut self, before_ms: i64) {
        let dropped = self.drop_chunks(before_ms);
        self.counts.expired += dropped;
        self.exemplars.expire(before_ms);
    }

    /// Drops the oldest chunks until what is left takes at most `limit` bytes, or nothing is left.
    pub(super) fn evict(&mut self, limit: usize) {
        let mut ends: Vec<(i64, usize)> = Vec::new();
        for record in self.series.iter().flatten() {
            ends.extend(
                record
                    .closed
                    .iter()
                    .map(|chunk| (chunk.last_ms, chunk.size())),
            );
            let open = record.open.as_ref();
            ends.extend(open.map(|head| (head.last().t_ms, head.size())));
        }
        ends.sort_unstable();
        let wanted = self.bytes.saturating_sub(limit - limit / EVICTION_SLACK);
        let mut freed = 0;
        let cut = ends.iter().find(|(_, size)| {
            freed += size;
            freed >= wanted
        });
        // The newest samples stay even when labels alone break the limit: the count of series has its own.
        let newest = ends.last().map(|(last_ms, _)| *last_ms);
        let before_ms = cut.map(|(last_ms, _)| last_ms + 1).min(newest).or(newest);
        if let Some(before_ms) = before_ms {
            let dropped = self.drop_chunks(before_ms);
            self.counts.evicted += dropped;
        }
    }

    fn drop_chunks(&mut self, before_ms: i64) -> u64 {
        let mut dropped = 0;
        let mut freed = 0;
        let mut gone: Vec<(u32, Labels)> = Vec::new();
        for (id, slot) in self.series.iter_mut().enumerate() {
            let Some(record) = slot else { continue };
            if record.first_ms().is_some_and(|first| first >= before_ms) {
                continue;
            }
            let (samples, bytes) = (record.samples(), record.sample_bytes());
            record.drop_chunks(before_ms);
            dropped += samples - record.samples();
            freed += bytes - record.sample_bytes();
            if record.open.is_none() && record.closed.is_empty() {
                gone.push((id as u32, record.labels.clone()));
                *slot = None;
            }
        }
        self.bytes -= freed;
        if !gone.is_empty() {
            self.forget(&gone);
            drop(gone);
            self.forget_texts();
        }
        dropped
    }

    fn forget(&mut self, gone: &[(u32, Labels)]) {
        self.index.remove(gone);
        for (id, labels) in gone {
            self.exemplars.forget(*id);
            self.ids.remove(labels);
            self.bytes -= series_size(labels);
        }
    }

    /// Forgets texts that no series uses. The caller has let go of the label sets that it dropped.
    fn forget_texts(&mut self) {
        let mut freed = 0;
        self.texts.retain(|text| {
            let is_used = Arc::strong_count(text) > 1;
            freed += if is_used { 0 } else { text.len() };
            is_used
        });
        self.bytes -= freed;
    }
}

impl Record {
    fn drop_chunks(&mut self, before_ms: i64) {
        let keep = self
            .closed
            .partition_point(|chunk| chunk.last_ms < before_ms);
        self.closed.drain(..keep);
        let is_over = |head: &Head| head.last().t_ms < before_ms;
        if self.open.as_ref().is_some_and(is_over) {
            self.open = None;
        }
    }
}
