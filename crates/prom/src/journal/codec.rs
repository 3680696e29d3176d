//! Samples as bytes: definitions of series, batches of differences. Exemplars as they are, for they repeat nothing.
//!
//! ```text
//! record = 0 series time value labels           an exemplar: number of its series, time as a difference to the last
//!        | 1 count (name value)*count           the next series; texts are numbered as they first appear
//!        | 2 time                               the moment of what follows, as a difference
//!        | 3+ gap value                         a sample: gap to the series before, value as a difference
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use crate::exemplar::{Exemplar, ExemplarLabels};
use promql::{Labels, Sample};

const EXEMPLAR: u64 = 0;
const DEFINE: u64 = 1;
const TIME: u64 = 2;
const SAMPLE: u64 = 3;

/// Labels of one series that a reader believes; more is damage.
const MAX_LABELS: u64 = 256;

/// The writing side. Its numbering of series and texts is valid for one group of frames.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
    series: HashMap<u32, Definition>,
    texts: HashMap<Arc<str>, u64>,
    t_ms: i64,
    previous: i64,
}

#[derive(Debug, Clone, Copy)]
struct Definition {
    number: i64,
    value: f64,
}

impl Encoder {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn push(&mut self, id: u32, labels: &Labels, sample: Sample) {
        let known = self.known(id, labels);
        if sample.t_ms != self.t_ms {
            put(&mut self.bytes, TIME);
            put(&mut self.bytes, zigzag(sample.t_ms.wrapping_sub(self.t_ms)));
            self.t_ms = sample.t_ms;
        }
        put(
            &mut self.bytes,
            SAMPLE + zigzag(known.number - self.previous - 1),
        );
        put_value(&mut self.bytes, known.value, sample.value);
        self.previous = known.number;
        self.series.insert(
            id,
            Definition {
                value: sample.value,
                ..known
            },
        );
    }

    pub(crate) fn exemplar(&mut self, id: u32, labels: &Labels, exemplar: &Exemplar) {
        let known = self.known(id, labels);
        put(&mut self.bytes, EXEMPLAR);
        put(&mut self.bytes, known.number as u64);
        let since = exemplar.t_ms.wrapping_sub(self.t_ms);
        put(&mut self.bytes, zigzag(since));
        self.bytes.extend_from_slice(&exemplar.value.to_le_bytes());
        match &exemplar.labels {
            ExemplarLabels::Span(trace_id, span_id) => {
                put(&mut self.bytes, 0);
                self.bytes.extend_from_slice(trace_id);
                self.bytes.extend_from_slice(span_id);
            }
            ExemplarLabels::Other(labels) => {
                put(&mut self.bytes, labels.len() as u64 + 1);
                for (name, value) in labels.iter() {
                    self.put_text(name);
                    self.put_text(value);
                }
            }
        }
    }

    fn known(&mut self, id: u32, labels: &Labels) -> Definition {
        match self.series.get(&id) {
            Some(known) => *known,
            None => self.define(id, labels),
        }
    }

    fn define(&mut self, id: u32, labels: &Labels) -> Definition {
        put(&mut self.bytes, DEFINE);
        put(&mut self.bytes, labels.len() as u64);
        for (name, value) in labels.iter() {
            self.put_text(name);
            self.put_text(value);
        }
        let known = Definition {
            number: self.series.len() as i64,
            value: 0.0,
        };
        self.series.insert(id, known);
        known
    }

    fn put_text(&mut self, text: &str) {
        if let Some(number) = self.texts.get(text) {
            return put(&mut self.bytes, number + 1);
        }
        self.texts.insert(text.into(), self.texts.len() as u64);
        put(&mut self.bytes, 0);
        put(&mut self.bytes, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// The reading side of [`Encoder`].
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    series: Vec<(Labels, f64)>,
    texts: Vec<Arc<str>>,
    t_ms: i64,
    previous: i64,
}

/// What a frame tells of a series.
#[derive(Debug)]
pub(crate) enum Item {
    Sample(Sample),
    Exemplar(Exemplar),
}

/// The bytes do not follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content does not follow the format")]
pub(crate) struct FormatError;

impl Decoder {
    /// Hands everything in a frame to `take`, with the number of its series in this group.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(usize, &Labels, Item),
    ) -> Result<(), FormatError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match get(&mut rest)? {
                EXEMPLAR => {
                    let index = usize::try_from(get(&mut rest)?).map_err(|_| FormatError)?;
                    let exemplar = self.exemplar(&mut rest)?;
                    let (labels, _) = self.series.get(index).ok_or(FormatError)?;
                    take(index, labels, Item::Exemplar(exemplar));
                }
                DEFINE => {
                    let count = get(&mut rest)?;
                    let labels = self.labels(count, &mut rest)?;
                    self.series.push((labels, 0.0));
                }
                TIME => self.t_ms = self.t_ms.wrapping_add(unzigzag(get(&mut rest)?)),
                code if code >= SAMPLE => {
                    let gap = unzigzag(code - SAMPLE);
                    let number = self.previous.wrapping_add(gap).wrapping_add(1);
                    let index = usize::try_from(number).map_err(|_| FormatError)?;
                    let (labels, value) = self.series.get_mut(index).ok_or(FormatError)?;
                    *value = get_value(&mut rest, *value)?;
                    self.previous = number;
                    let sample = Sample::new(self.t_ms, *value);
                    take(index, labels, Item::Sample(sample));
                }
                _ => return Err(FormatError),
            }
        }
        Ok(())
    }

    fn exemplar(&mut self, rest: &mut &[u8]) -> Result<Exemplar, FormatError> {
        let t_ms = self.t_ms.wrapping_add(unzigzag(get(rest)?));
        let value = f64::from_le_bytes(bytes(rest)?);
        let labels = match get(rest)?.checked_sub(1) {
            None => ExemplarLabels::Span(bytes(rest)?, bytes(rest)?),
            Some(count) => ExemplarLabels::Other(self.labels(count, rest)?),
        };
        Ok(Exemplar {
            labels,
            value,
            t_ms,
        })
    }

    fn labels(&mut self, count: u64, rest: &mut &[u8]) -> Result<Labels, FormatError> {
        if count > MAX_LABELS {
            return Err(FormatError);
        }
        let pairs: Result<Vec<_>, FormatError> = (0..count)
            .map(|_| Ok((self.text(rest)?, self.text(rest)?)))
            .collect();
        Ok(Labels::new(pairs?))
    }

    fn text(&mut self, rest: &mut &[u8]) -> Result<Arc<str>, FormatError> {
        let number = get(rest)?;
        if let Some(number) = number.checked_sub(1) {
            let index = usize::try_from(number).map_err(|_| FormatError)?;
            return self.texts.get(index).cloned().ok_or(FormatError);
        }
        let length = usize::try_from(get(rest)?).map_err(|_| FormatError)?;
        let (text, after) = rest.split_at_checked(length).ok_or(FormatError)?;
        *rest = after;
        let text: Arc<str> = std::str::from_utf8(text).map_err(|_| FormatError)?.into();
        self.texts.push(Arc::clone(&text));
        Ok(text)
    }
}

/// A value is 0 for "the same", an even number for a whole difference, 1 and eight bytes for anything else.
fn put_value(bytes: &mut Vec<u8>, before: f64, after: f64) {
    let difference = after - before;
    let whole = difference as i64;
    let is_whole =
        whole.unsigned_abs() < 1 << 52 && (before + whole as f64).to_bits() == after.to_bits();
    if is_whole {
        put(bytes, zigzag(whole) << 1);
    } else {
        put(bytes, 1);
        bytes.extend_from_slice(&after.to_le_bytes());
    }
}

fn get_value(rest: &mut &[u8], before: f64) -> Result<f64, FormatError> {
    let code = get(rest)?;
    match code {
        0 => Ok(before),
        1 => Ok(f64::from_le_bytes(bytes(rest)?)),
        code if code % 2 == 0 => Ok(before + unzigzag(code >> 1) as f64),
        _ => Err(FormatError),
    }
}

fn bytes<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FormatError> {
    let (found, after) = rest.split_first_chunk().ok_or(FormatError)?;
    *rest = after;
    Ok(*found)
}

/// Numbers near zero as small ones, whatever their sign.
pub(crate) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Seven bits a byte, lowest first; the high bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn get(rest: &mut &[u8]) -> Result<u64, FormatError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(FormatError)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(FormatError)
}
