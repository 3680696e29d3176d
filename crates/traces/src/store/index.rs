//! The inverted index of one sealed segment: which rows carry a term.
//!
//! A term is a 32-bit hash of key and text. Terms of one row (ids, URLs) cost six bytes; others are a list of
//! differences or a bitmap, whichever is shorter. Hash collisions are weeded out by the exact check that follows.

use super::codec::{Cursor, put_varint, term};
use super::query::{Atom, Query};
use crate::span::{Kind, Origin, Status, kind_word, status_word};
use std::sync::Arc;

/// Most rows that a segment may have.
pub(super) const MAX_ROWS: usize = 4096;
const WORDS: usize = MAX_ROWS / 64;
const DELTAS: u8 = 0;
const BITMAP: u8 = 1;

/// A set of rows of one segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows([u64; WORDS]);

impl Rows {
    const NONE: Self = Self([0; WORDS]);

    fn first(count: usize) -> Self {
        let mut rows = Self::NONE;
        for (position, word) in rows.0.iter_mut().enumerate() {
            let bits = count.saturating_sub(position * 64).min(64);
            *word = if bits == 64 {
                u64::MAX
            } else {
                (1 << bits) - 1
            };
        }
        rows
    }

    fn add(&mut self, row: u16) {
        self.0[usize::from(row) / 64] |= 1 << (row % 64);
    }

    fn keep(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(own, other)| *own &= other);
    }

    fn remove(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(own, other)| *own &= !other);
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn contains(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }

    fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (position, word) in self.0.iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !keep(position * 64 + bit as usize) {
                    *word &= !(1 << bit);
                }
            }
        }
    }
}

/// Collects (term, row) while a segment is sealed.
#[derive(Debug, Default)]
pub(super) struct Builder {
    postings: Vec<(u32, u16)>,
}

impl Builder {
    pub(super) fn add(&mut self, term: u32, row: usize) {
        self.postings.push((term, row as u16));
    }

    pub(super) fn finish(mut self, rows: usize, durations: Box<[u8]>) -> Index {
        self.postings.sort_unstable();
        self.postings.dedup();
        let (mut single_terms, mut single_rows) = (Vec::new(), Vec::new());
        let (mut terms, mut ends, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for group in self.postings.chunk_by(|left, right| left.0 == right.0) {
            if let [(term, row)] = group {
                single_terms.push(*term);
                single_rows.push(*row);
                continue;
            }
            terms.push(group[0].0);
            put_group(&mut bytes, group, rows);
            ends.push(bytes.len() as u32);
        }
        Index {
            rows: rows as u16,
            single_terms: single_terms.into(),
            single_rows: single_rows.into(),
            terms: terms.into(),
            ends: ends.into(),
            bytes: bytes.into(),
            durations,
        }
    }
}

fn put_group(out: &mut Vec<u8>, group: &[(u32, u16)], rows: usize) {
    if group.len() > rows.div_ceil(8) {
        out.push(BITMAP);
        let start = out.len();
        out.resize(start + rows.div_ceil(8), 0);
        for (_, row) in group {
            out[start + usize::from(*row) / 8] |= 1 << (row % 8);
        }
        return;
    }
    out.push(DELTAS);
    let mut previous = 0;
    for (_, row) in group {
        put_varint(out, u64::from(row - previous));
        previous = *row;
    }
}

/// Terms to rows, sealed.
#[derive(Debug)]
pub(super) struct Index {
    rows: u16,
    single_terms: Box<[u32]>,
    single_rows: Box<[u16]>,
    terms: Box<[u32]>,
    ends: Box<[u32]>,
    bytes: Box<[u8]>,
    /// By row, see [`duration_step`].
    durations: Box<[u8]>,
}

impl Index {
    /// Heap bytes used.
    pub(super) fn bytes(&self) -> usize {
        self.single_terms.len() * 6 + self.terms.len() * 8 + self.bytes.len() + self.durations.len()
    }

    /// Rows that may match; never fewer than those that do.
    pub(super) fn candidates(
        &self,
        query: &Query,
        atoms: &[Atom],
        origins: &[Arc<Origin>],
    ) -> Option<Rows> {
        let mut rows = Rows::first(usize::from(self.rows));
        if let Some(service) = &query.service {
            let wanted = |origin: &Origin| origin.service == *service;
            rows.keep(&self.of_origins(origins, wanted));
        }
        if let Some(name) = &query.operation {
            rows.keep(&self.of(&[term(NAME, name)]));
        }
        for atom in atoms {
            self.apply(atom, origins, &mut rows);
        }
        let shortest = query.duration_min_ns.map_or(0, duration_step);
        let longest = query.duration_max_ns.map_or(u8::MAX, duration_step);
        if (shortest, longest) != (0, u8::MAX) {
            rows.retain(|row| (shortest..=longest).contains(&self.durations[row]));
        }
        (!rows.is_empty()).then_some(rows)
    }

    fn apply(&self, atom: &Atom, origins: &[Arc<Origin>], rows: &mut Rows) {
        let failed = || self.of(&[term("error", "true")]);
        match atom {
            Atom::Error(true) => rows.keep(&failed()),
            Atom::Error(false) => rows.remove(&failed()),
            Atom::Status(status) => match status_word(*status) {
                Some(word) => rows.keep(&self.of(&[term(STATUS, word)])),
                None => {
                    let set = [Status::Ok, Status::Error]
                        .map(|status| term(STATUS, status_word(status).unwrap_or_default()));
                    rows.remove(&self.of(&set));
                }
            },
            Atom::Kind(Kind::Unspecified) => {
                let kinds = (1..=5).filter_map(|number| Kind::try_from(number).ok());
                let all: Vec<u32> = kinds.map(|kind| term(KIND, kind_word(kind))).collect();
                rows.remove(&self.of(&all));
            }
            Atom::Kind(kind) => rows.keep(&self.of(&[term(KIND, kind_word(*kind))])),
            Atom::ScopeName(_) | Atom::ScopeVersion(_) | Atom::Resource(..) => {
                rows.keep(&self.of_origins(origins, |origin| atom.matches_origin(origin)));
            }
            Atom::Plain(key, text) => {
                let mut found = self.of_origins(origins, |origin| atom.matches_origin(origin));
                self.collect(term(key, text), &mut found);
                rows.keep(&found);
            }
        }
    }

    fn of(&self, terms: &[u32]) -> Rows {
        let mut rows = Rows::NONE;
        terms.iter().for_each(|term| self.collect(*term, &mut rows));
        rows
    }

    fn of_origins(&self, origins: &[Arc<Origin>], wanted: impl Fn(&Origin) -> bool) -> Rows {
        let mut rows = Rows::NONE;
        for (number, origin) in origins.iter().enumerate() {
            if wanted(origin) {
                self.collect(origin_term(number as u32), &mut rows);
            }
        }
        rows
    }

    fn collect(&self, term: u32, rows: &mut Rows) {
        if let Ok(position) = self.single_terms.binary_search(&term) {
            rows.add(self.single_rows[position]);
        }
        let Ok(position) = self.terms.binary_search(&term) else {
            return;
        };
        let start = if position == 0 {
            0
        } else {
            self.ends[position - 1] as usize
        };
        let group = &self.bytes[start..self.ends[position] as usize];
        match group {
            [BITMAP, bits @ ..] => {
                for (position, byte) in bits.iter().enumerate() {
                    rows.0[position / 8] |= u64::from(*byte) << (position % 8 * 8);
                }
            }
            _ => {
                let mut cursor = Cursor::new(group, 1);
                let mut row = 0;
                while cursor.position() < group.len() {
                    row += cursor.varint() as u16;
                    rows.add(row);
                }
            }
        }
    }
}

/// The key under which a span's name is indexed; no attribute has it.
pub(super) const NAME: &str = "\u{0}name";
/// The tag under which Jaeger shows a status.
pub(super) const STATUS: &str = "otel.status_code";
/// The tag under which Jaeger shows a kind.
pub(super) const KIND: &str = "span.kind";

/// The term of all rows of one origin.
pub(super) fn origin_term(number: u32) -> u32 {
    term("\u{0}origin", &number.to_string())
}

/// Rounds a duration to four steps an octave, in order: a longer one never has a smaller step.
pub(super) fn duration_step(duration_ns: u64) -> u8 {
    let Some(octave) = duration_ns.checked_ilog2() else {
        return 0;
    };
    let fraction = if octave >= 2 {
        duration_ns >> (octave - 2) & 3
    } else {
        duration_ns << (2 - octave) & 3
    };
    (octave * 4) as u8 + fraction as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_durations_never_have_smaller_steps() {
        let durations = (0..5000).chain((0..64).flat_map(|bit| {
            let power = 1u64 << bit;
            [
                power.saturating_sub(1),
                power,
                power + power / 3,
                power.saturating_add(power - 1),
            ]
        }));
        let mut sorted: Vec<u64> = durations.collect();
        sorted.sort_unstable();
        let steps: Vec<u8> = sorted
            .iter()
            .map(|duration| duration_step(*duration))
            .collect();
        assert!(steps.is_sorted());
    }

    #[test]
    fn every_density_of_a_term_is_found_again() {
        let rows = 1000;
        for step in [1, 2, 7, 100, 999, 1000] {
            let mut builder = Builder::default();
            (0..rows).step_by(step).for_each(|row| builder.add(7, row));
            builder.add(8, 3);
            let index = builder.finish(rows, vec![0; rows].into());
            let found = index.of(&[7]);
            let expected: Vec<usize> = (0..rows).step_by(step).collect();
            let got: Vec<usize> = (0..rows).filter(|row| found.contains(*row)).collect();
            assert_eq!(got, expected, "every {step}th");
        }
    }
}
