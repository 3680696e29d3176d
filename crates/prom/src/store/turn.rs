//! A clock that went back: time passes again, and what comes is older than what is there.
//!
//! ```text
//! before the turn   |closed|closed|open >           10:00 to 10:05
//! after it     |open >                              09:05 on
//! ```
//!
//! A moment is told once: where time passes through a stretch that has samples, new ones are refused, and counted as out
//! of order. Mixed into each other, a counter would seem to start over at every sample.

use super::batch::SeriesId;
use super::{Chunk, Inner, Record};

/// Chunks that are no further apart than this belong to one stretch, so that no sample slips in between.
const STRETCH_GAP_MS: i64 = 60_000;

impl Inner {
    /// Closes the open chunk of every series, so that the next sample begins another one wherever it is.
    pub(super) fn turn_back(&mut self) {
        for id in 0..self.series.len() {
            self.begin_anew(SeriesId(id as u32));
        }
    }

    /// Closes the open chunk of a series.
    pub(super) fn begin_anew(&mut self, id: SeriesId) {
        self.exemplars.turn_back();
        let Some(Some(record)) = self.series.get_mut(id.0 as usize) else {
            return;
        };
        if let Some(head) = record.open.take() {
            let before = head.size();
            let chunk = head.close();
            self.bytes = self.bytes + chunk.size() - before;
            record.keep(chunk);
        }
    }
}

impl Record {
    /// Puts a closed chunk in its place, which is the last one unless the clock went back.
    pub(super) fn keep(&mut self, chunk: Chunk) {
        let place = self
            .closed
            .partition_point(|other| other.last_ms <= chunk.last_ms);
        self.closed.insert(place, chunk);
    }

    /// Whether a moment lies within what was stored before the clock went back.
    pub(super) fn is_told(&self, t_ms: i64) -> bool {
        // Asked of every sample: while time goes forward, the newest chunk is the only one to look at.
        if self
            .closed
            .last()
            .is_none_or(|newest| newest.last_ms < t_ms)
        {
            return false;
        }
        let later = self.closed.partition_point(|chunk| chunk.last_ms < t_ms);
        let next = &self.closed[later];
        let before = later.checked_sub(1).map(|before| &self.closed[before]);
        let is_between =
            before.is_some_and(|before| next.first_ms() - before.last_ms <= STRETCH_GAP_MS);
        next.first_ms() <= t_ms || is_between
    }
}
