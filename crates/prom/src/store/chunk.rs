//! Samples of one series as a stream of bits: about one byte a sample for what services expose.
//!
//! ```text
//! sample = time value
//! time   = change of the step: 0 | 10 +7 bits | 110 +12 | 1110 +20 | 1111 +64
//! value  = same 0 | whole-number difference 10 +2 bits of class +3/6/12/32 bits | bitwise difference 11 …
//! ```
//!
//! Scrapes come at even steps and most histogram buckets stand still, so that the usual sample takes two bits.
//! The first sample of a chunk is its header; every chunk decodes on its own.

use crate::journal::codec::{unzigzag, zigzag};
use promql::Sample;

/// A chunk is closed at this many samples: long enough to spread its header, short enough to drop and to skip.
const MAX_SAMPLES: u16 = 720;
/// … or at this many bytes, for series whose values do not compress.
const MAX_BYTES: usize = 1_024;

/// A closed chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Box<[u8]>,
    first: Sample,
    pub(super) last_ms: i64,
    pub(super) count: u16,
}

impl Chunk {
    /// Moment of the first sample, Unix milliseconds.
    pub(super) fn first_ms(&self) -> i64 {
        self.first.t_ms
    }

    /// What the chunk takes on the heap and in its series' list, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + size_of::<Chunk>()
    }

    /// Appends the samples within the bounds to `into`.
    pub(super) fn read(&self, from_ms: i64, to_ms: i64, into: &mut Vec<Sample>) {
        read(&self.bytes, self.first, self.count, from_ms, to_ms, into);
    }
}

/// The chunk that a series is writing.
#[derive(Debug)]
pub(super) struct Head {
    bits: BitWriter,
    first: Sample,
    last: Sample,
    step_ms: i64,
    window: Window,
    count: u16,
}

impl Head {
    /// A chunk with one sample.
    pub(super) fn new(first: Sample) -> Head {
        Head {
            bits: BitWriter::default(),
            first,
            last: first,
            step_ms: 0,
            window: Window::default(),
            count: 1,
        }
    }

    /// The newest sample.
    pub(super) fn last(&self) -> Sample {
        self.last
    }

    /// Moment of the first sample, Unix milliseconds.
    pub(super) fn first_ms(&self) -> i64 {
        self.first.t_ms
    }

    /// How many samples there are.
    pub(super) fn count(&self) -> u16 {
        self.count
    }

    /// Whether the next sample belongs into a chunk of its own.
    pub(super) fn is_full(&self) -> bool {
        self.count >= MAX_SAMPLES || self.bits.bytes.len() >= MAX_BYTES
    }

    /// What the samples take on the heap, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bits.bytes.capacity()
    }

    /// Adds a sample; the caller has checked that it is newer than the last one.
    pub(super) fn push(&mut self, sample: Sample) {
        let step_ms = sample.t_ms.wrapping_sub(self.last.t_ms);
        write_step(&mut self.bits, step_ms.wrapping_sub(self.step_ms));
        write_value(
            &mut self.bits,
            &mut self.window,
            self.last.value,
            sample.value,
        );
        self.step_ms = step_ms;
        self.last = sample;
        self.count += 1;
    }

    /// Appends the samples within the bounds to `into`.
    pub(super) fn read(&self, from_ms: i64, to_ms: i64, into: &mut Vec<Sample>) {
        read(
            &self.bits.bytes,
            self.first,
            self.count,
            from_ms,
            to_ms,
            into,
        );
    }

    /// The closed form.
    pub(super) fn close(self) -> Chunk {
        Chunk {
            bytes: self.bits.bytes.into_boxed_slice(),
            first: self.first,
            last_ms: self.last.t_ms,
            count: self.count,
        }
    }
}

fn read(bytes: &[u8], first: Sample, count: u16, from_ms: i64, to_ms: i64, into: &mut Vec<Sample>) {
    let mut bits = BitReader { bytes, at: 0 };
    let mut window = Window::default();
    let (mut sample, mut step_ms) = (first, 0i64);
    for index in 0..count {
        if index > 0 {
            step_ms = step_ms.wrapping_add(read_step(&mut bits));
            sample.t_ms = sample.t_ms.wrapping_add(step_ms);
            sample.value = read_value(&mut bits, &mut window, sample.value);
        }
        if sample.t_ms > to_ms {
            return;
        }
        if sample.t_ms >= from_ms {
            into.push(sample);
        }
    }
}

fn write_step(bits: &mut BitWriter, change: i64) {
    let code = zigzag(change);
    match code {
        0 => bits.write(0, 1),
        1..0x80 => bits.write(0b10 << 7 | code, 9),
        0x80..0x1000 => bits.write(0b110 << 12 | code, 15),
        0x1000..0x10_0000 => bits.write(0b1110 << 20 | code, 24),
        _ => {
            bits.write(0b1111, 4);
            bits.write(code, 64);
        }
    }
}

fn read_step(bits: &mut BitReader<'_>) -> i64 {
    if bits.read(1) == 0 {
        return 0;
    }
    if bits.read(1) == 0 {
        return unzigzag(bits.read(7));
    }
    if bits.read(1) == 0 {
        return unzigzag(bits.read(12));
    }
    let width = if bits.read(1) == 0 { 20 } else { 64 };
    unzigzag(bits.read(width))
}

/// Payload bits of the four classes of whole-number differences.
const CLASSES: [u32; 4] = [3, 6, 12, 32];

/// The value as a whole number, if a double represents it exactly.
fn whole(value: f64) -> Option<i64> {
    let number = value as i64;
    let is_exact = number.unsigned_abs() < 1 << 52 && (number as f64).to_bits() == value.to_bits();
    is_exact.then_some(number)
}

/// The difference as a code that fits the widest class; never zero, which "same" covers.
fn whole_difference(before: f64, after: f64) -> Option<u64> {
    let code = zigzag(whole(after)? - whole(before)?) - 1;
    (code < 1 << 32).then_some(code)
}

fn write_value(bits: &mut BitWriter, window: &mut Window, before: f64, after: f64) {
    let difference = before.to_bits() ^ after.to_bits();
    if difference == 0 {
        return bits.write(0, 1);
    }
    if let Some(code) = whole_difference(before, after) {
        let class = CLASSES
            .iter()
            .position(|width| code >> width == 0)
            .unwrap_or(3);
        bits.write(0b1000 | class as u64, 4);
        return bits.write(code, CLASSES[class]);
    }
    if !window.fits(difference) {
        *window = Window::of(difference);
        bits.write(0b111, 3);
        bits.write(u64::from(window.leading), 5);
        bits.write(u64::from(window.width - 1), 6);
    } else {
        bits.write(0b110, 3);
    }
    bits.write(difference >> window.trailing(), window.width);
}

fn read_value(bits: &mut BitReader<'_>, window: &mut Window, before: f64) -> f64 {
    if bits.read(1) == 0 {
        return before;
    }
    if bits.read(1) == 0 {
        let class = bits.read(2) as usize;
        let code = bits.read(CLASSES[class]);
        return (before as i64 + unzigzag(code + 1)) as f64;
    }
    if bits.read(1) == 1 {
        window.leading = bits.read(5) as u32;
        window.width = bits.read(6) as u32 + 1;
    }
    let difference = bits.read(window.width) << window.trailing();
    f64::from_bits(before.to_bits() ^ difference)
}

/// Which bits of a double the last bitwise difference touched; often the next one touches the same.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    leading: u32,
    width: u32,
}

impl Window {
    fn of(difference: u64) -> Window {
        // Five bits for the count of leading zeros.
        let leading = difference.leading_zeros().min(31);
        Window {
            leading,
            width: 64 - leading - difference.trailing_zeros(),
        }
    }

    fn trailing(self) -> u32 {
        64 - self.leading - self.width
    }

    fn fits(self, difference: u64) -> bool {
        self.width > 0
            && difference.leading_zeros() >= self.leading
            && difference.trailing_zeros() >= self.trailing()
    }
}

#[derive(Debug, Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits still free in the last byte.
    free: u32,
}

impl BitWriter {
    /// Appends the low `width` bits of `value`, highest first.
    fn write(&mut self, value: u64, width: u32) {
        let mut left = width;
        while left > 0 {
            if self.free == 0 {
                self.grow();
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let part = (value >> (left - take)) as u8 & (0xff >> (8 - take));
            if let Some(last) = self.bytes.last_mut() {
                *last |= part << (self.free - take);
            }
            self.free -= take;
            left -= take;
        }
    }

    /// Doubling would leave a third of thousands of small buffers empty.
    fn grow(&mut self) {
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve_exact((self.bytes.len() / 4).max(16));
        }
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    /// The next `width` bits; zeros past the end, which a chunk's count prevents.
    fn read(&mut self, width: u32) -> u64 {
        let (byte, shift) = (self.at / 8, (self.at % 8) as u32);
        self.at += width as usize;
        if width + shift <= 64
            && let Some(word) = self.bytes.get(byte..byte + 8)
        {
            let word = u64::from_be_bytes(word.try_into().expect("the slice has eight bytes"));
            return (word << shift) >> (64 - width);
        }
        let mut value = 0u64;
        for bit in self.at - width as usize..self.at {
            let byte = self.bytes.get(bit / 8).copied().unwrap_or_default();
            value = value << 1 | u64::from(byte >> (7 - bit % 8) & 1);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::STALE;

    fn check(values: &[(i64, f64)]) -> usize {
        let samples: Vec<Sample> = values
            .iter()
            .map(|&(t_ms, value)| Sample { t_ms, value })
            .collect();
        let mut head = Head::new(samples[0]);
        for sample in &samples[1..] {
            head.push(*sample);
        }
        let mut open = Vec::new();
        head.read(i64::MIN, i64::MAX, &mut open);
        let chunk = head.close();
        let mut closed = Vec::new();
        chunk.read(i64::MIN, i64::MAX, &mut closed);
        let bits = |samples: &[Sample]| -> Vec<(i64, u64)> {
            samples
                .iter()
                .map(|sample| (sample.t_ms, sample.value.to_bits()))
                .collect()
        };
        assert_eq!(bits(&open), bits(&samples));
        assert_eq!(bits(&closed), bits(&samples));
        chunk.bytes.len()
    }

    #[test]
    fn what_goes_in_comes_out_bit_by_bit() {
        check(&[(0, 1.5)]);
        check(&[(0, 0.0), (1_000, -0.0), (2_000, STALE), (3_000, f64::NAN)]);
        check(&[
            (0, f64::INFINITY),
            (1, f64::NEG_INFINITY),
            (2, f64::MIN_POSITIVE),
        ]);
        check(&[(-5, 1e300), (7, 1.0), (1 << 50, 2.0), ((1 << 50) + 1, -3.0)]);
        check(&[
            (0, 4_503_599_627_370_495.0),
            (9, 4_503_599_627_370_496.0),
            (10, -1.0),
        ]);
        check(&[
            (0, 0.0),
            (1, 2_147_483_648.0),
            (2, 0.0),
            (3, 1e15),
            (4, 0.1),
        ]);
        let wild: Vec<(i64, f64)> = (0..700)
            .map(|i: i64| {
                (
                    i * 1_000 + i % 7 * 300,
                    f64::from_bits((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                )
            })
            .collect();
        check(&wild);
    }

    #[test]
    fn a_bucket_that_stands_still_takes_two_bits_a_sample() {
        let still: Vec<(i64, f64)> = (0..720).map(|i| (i * 1_000, 42.0)).collect();
        assert!(check(&still) <= 720 / 4 + 3);
    }

    #[test]
    fn bounds_cut_a_chunk() {
        let mut head = Head::new(Sample::new(0, 0.0));
        for t_ms in 1..10 {
            head.push(Sample::new(t_ms, t_ms as f64));
        }
        let mut found = Vec::new();
        head.read(3, 5, &mut found);
        assert_eq!(
            found.iter().map(|s| s.t_ms).collect::<Vec<_>>(),
            vec![3, 4, 5]
        );
    }
}
