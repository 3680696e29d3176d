//! Frames of the journal: a header that can be found again after damage, a checksum, lz4.
//!
//! ```text
//! file  = MAGIC frame*
//! frame = MARK kind:u8 raw:u32 packed:u32 crc32:u32 bytes       little-endian; the checksum covers kind, lengths and bytes
//! ```

/// The first bytes of the file: name and version of the format.
pub(crate) const MAGIC: [u8; 8] = *b"fdmetr\x00\x02";
/// What a file of an earlier version begins with: it is the same, without exemplars.
const MAGIC_1: [u8; 8] = *b"fdmetr\x00\x01";
const MARK: [u8; 4] = [0xf5, b'f', b'd', 0xfa];
const HEADER: usize = MARK.len() + 1 + 3 * size_of::<u32>();

/// A frame that claims to unpack to more is taken as damage: a flush is far smaller.
const MAX_RAW: u32 = 64 << 20;

/// One frame as found in a file.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Whether it starts a group: it refers to nothing before it.
    pub(crate) is_first: bool,
    pub(crate) content: Vec<u8>,
}

/// What follows the first bytes of a file, if it is one that can be read.
pub(crate) fn frames(file: &[u8]) -> Option<&[u8]> {
    file.strip_prefix(&MAGIC)
        .or_else(|| file.strip_prefix(&MAGIC_1))
}

/// Packs the content of a frame.
pub(crate) fn encode(content: &[u8], is_first: bool) -> Vec<u8> {
    let packed = lz4_flex::block::compress(content);
    let mut bytes = Vec::with_capacity(HEADER + packed.len());
    bytes.extend_from_slice(&MARK);
    bytes.push(u8::from(is_first));
    // A flush has a few megabytes at most, so lengths fit.
    bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    let sum = checksum(&bytes[MARK.len()..], &packed);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(&packed);
    bytes
}

fn checksum(head: &[u8], packed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(packed);
    hasher.finalize()
}

/// What stands at the start of some bytes.
#[derive(Debug)]
pub(crate) enum Scan {
    /// A whole frame and its length in the file.
    Frame(Frame, usize),
    /// The beginning of a frame whose end is missing.
    Torn,
    /// No frame; the next mark stands this many bytes on, if there is one.
    Damage(Option<usize>),
}

/// Looks for a frame at the start of `bytes`, which are not empty.
pub(crate) fn decode(bytes: &[u8]) -> Scan {
    match header(bytes) {
        Some((is_first, raw, packed, sum)) => {
            let Some(content) = bytes.get(HEADER..HEADER + packed) else {
                let next = next_mark(bytes);
                return if next.is_some() {
                    Scan::Damage(next)
                } else {
                    Scan::Torn
                };
            };
            if checksum(&bytes[MARK.len()..HEADER - 4], content) != sum {
                return Scan::Damage(next_mark(bytes));
            }
            match lz4_flex::block::decompress(content, raw) {
                Ok(content) if content.len() == raw => {
                    Scan::Frame(Frame { is_first, content }, HEADER + packed)
                }
                _ => Scan::Damage(next_mark(bytes)),
            }
        }
        None if bytes.len() < HEADER && MARK.iter().zip(bytes).all(|(a, b)| a == b) => Scan::Torn,
        None => Scan::Damage(next_mark(bytes)),
    }
}

fn header(bytes: &[u8]) -> Option<(bool, usize, usize, u32)> {
    let rest = bytes.get(..HEADER)?.strip_prefix(&MARK)?;
    let (kind, rest) = rest.split_first()?;
    let number = |at: usize| {
        let bytes = rest[at..at + 4].try_into();
        u32::from_le_bytes(bytes.expect("the slice has four bytes"))
    };
    let (raw, packed, sum) = (number(0), number(4), number(8));
    let is_sane = *kind <= 1 && raw <= MAX_RAW && packed <= MAX_RAW;
    is_sane.then_some((*kind == 1, raw as usize, packed as usize, sum))
}

pub(crate) fn next_mark(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.get(1..)?;
    let found = rest.windows(MARK.len()).position(|window| window == MARK);
    found.map(|at| at + 1)
}
