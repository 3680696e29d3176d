//! The byte-level encoding of the store: variable-length integers, and a cursor to read them back.
//!
//! Everything read here was written by this process, so the cursor is total: past the end it reads zeros.

/// Appends `value` in 1 to 10 bytes, 7 bits a byte.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed value so that small magnitudes stay short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a length and the bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what the `put_` functions wrote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    pub(super) fn varint(&mut self) -> u64 {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    pub(super) fn signed(&mut self) -> i64 {
        let value = self.varint();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        if let Some(bytes) = self.bytes.get(self.at..self.at + N) {
            out.copy_from_slice(bytes);
        }
        self.at += N;
        out
    }

    pub(super) fn slice(&mut self) -> &'a [u8] {
        let length = self.varint() as usize;
        let start = self.at.min(self.bytes.len());
        let end = start.saturating_add(length).min(self.bytes.len());
        self.at = end;
        &self.bytes[start..end]
    }
}

/// A fast hash for interning and for index terms. Not for hostile keys: a collision costs time, never an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mix(u64);

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mix {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl std::hash::Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, value: u8) {
        self.add(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn finish(&self) -> u64 {
        let folded = (self.0 ^ (self.0 >> 32)).wrapping_mul(MULTIPLIER);
        folded ^ (folded >> 29)
    }
}

/// Builds [`Mix`] for the standard collections.
pub(super) type MixBuild = std::hash::BuildHasherDefault<Mix>;

/// The 32-bit index term of `key` = `text`.
pub(super) fn term(key: &str, text: &str) -> u32 {
    use std::hash::Hasher as _;
    let mut mix = Mix::default();
    mix.write(key.as_bytes());
    mix.write(text.as_bytes());
    mix.finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_as_written() {
        let cases = [0i64, 1, -1, 63, 64, -65, 1 << 40, i64::MAX, i64::MIN];
        for value in cases {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            put_varint(&mut out, value as u64);
            put_bytes(&mut out, b"rest");
            let mut cursor = Cursor::new(&out, 0);
            let read = (cursor.signed(), cursor.varint() as i64, cursor.slice());
            assert_eq!(read, (value, value, b"rest".as_slice()));
        }
    }

    #[test]
    fn reading_past_the_end_gives_zeros() {
        let mut cursor = Cursor::new(&[0xff], 0);
        let read = (cursor.varint(), cursor.slice(), cursor.array::<4>());
        assert_eq!(read, (127, [].as_slice(), [0; 4]));
    }
}
