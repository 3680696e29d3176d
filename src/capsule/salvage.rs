//! The rows of a capsule whose trees cannot be walked any more, read page by page.
//!
//! ```text
//! page that holds rows = 0x0d free:u16 cells:u16 content:u16 0 cell:u16*      page 1 has the file's head before that
//! cell                 = payload:varint id:varint payload [overflow page:u32]
//! overflow page        = next page:u32 payload
//! payload              = head:varint type:varint* values
//! ```
//! Nothing is believed: a row counts if its checksum does. So it does not matter which page said where the row is,
//! whether the page was in use, or what the file's head says.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rusqlite::types::Value;

use super::row::Row;
use super::schema::PAGE_BYTES;

/// First byte of a page that holds rows.
const LEAF: u8 = 0x0d;
/// Bytes of the file's head on its first page.
const FILE_HEAD: usize = 100;
/// Bytes of an overflow page that name the next one.
const LINK: usize = 4;
/// A row of more is none of ours.
const MOST_PAYLOAD: usize = 80 << 20;
/// Columns of a row, at most: those of ours have five.
const MOST_COLUMNS: usize = 8;

/// Hands every row to `each` that can be read, in the order of the pages.
pub(super) fn rows(
    file: &File,
    mut each: impl FnMut(Row) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let length = file.metadata()?.len();
    // A last page that is torn counts, too: some of its rows may be whole.
    let pages = length.div_ceil(PAGE_BYTES as u64);
    let mut pager = Pager {
        file,
        pages,
        // No page belongs to two rows, so that more than all of them lead in a circle.
        follow: pages,
    };
    for number in 1..=pages {
        let page = pager.read(number);
        let head = if number == 1 { FILE_HEAD } else { 0 };
        if page[head] != LEAF {
            continue;
        }
        let cells = usize::from(u16::from_be_bytes([page[head + 3], page[head + 4]]));
        for cell in page[head + 8..].chunks_exact(2).take(cells) {
            let at = usize::from(u16::from_be_bytes([cell[0], cell[1]]));
            let row = page
                .get(at..)
                .and_then(|cell| pager.payload(cell))
                .and_then(|payload| Row::read(columns(&payload)?.get(1..)?));
            if let Some(row) = row {
                each(row)?;
            }
        }
    }
    Ok(())
}

struct Pager<'a> {
    file: &'a File,
    pages: u64,
    follow: u64,
}

impl Pager<'_> {
    /// A page, with zeros where the file ends or cannot be read.
    fn read(&self, number: u64) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        let start = (number - 1) * PAGE_BYTES as u64;
        let mut read = 0;
        while read < PAGE_BYTES {
            match self.file.read_at(&mut page[read..], start + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A sector that the disk cannot read any more costs what is on it.
                Err(_) => break,
            }
        }
        page
    }

    /// What a cell holds, with what of it is on overflow pages.
    fn payload(&mut self, cell: &[u8]) -> Option<Vec<u8>> {
        let (length, rest) = varint(cell)?;
        let (_id, rest) = varint(rest)?;
        let length = usize::try_from(length).ok()?;
        if length > MOST_PAYLOAD {
            return None;
        }
        let here = on_its_page(length);
        let payload = rest.get(..here)?.to_vec();
        if here == length {
            return Some(payload);
        }
        let link = rest.get(here..here + LINK)?;
        self.chain(be_u32(link)?, payload, length)
    }

    /// The rest of a payload, from the overflow page `next` on.
    fn chain(&mut self, mut next: u64, mut payload: Vec<u8>, length: usize) -> Option<Vec<u8>> {
        while payload.len() < length {
            self.follow = self.follow.checked_sub(1)?;
            if next == 0 || next > self.pages {
                return None;
            }
            let page = self.read(next);
            let more = (length - payload.len()).min(PAGE_BYTES - LINK);
            payload.extend_from_slice(&page[LINK..LINK + more]);
            next = be_u32(&page[..LINK])?;
        }
        Some(payload)
    }
}

/// How much of a payload is on the page itself; the format's own rule.
fn on_its_page(length: usize) -> usize {
    let most = PAGE_BYTES - 35;
    let least = (PAGE_BYTES - 12) * 32 / 255 - 23;
    if length <= most {
        return length;
    }
    let fitting = least + (length - least) % (PAGE_BYTES - LINK);
    if fitting <= most { fitting } else { least }
}

/// The values of a row, the id's place among them.
fn columns(payload: &[u8]) -> Option<Vec<Value>> {
    let (head, types) = varint(payload)?;
    let head = usize::try_from(head).ok()?;
    let mut types = types.get(..head.checked_sub(payload.len() - types.len())?)?;
    let mut values = payload.get(head..)?;
    let mut columns = Vec::new();
    while !types.is_empty() && columns.len() < MOST_COLUMNS {
        let (kind, rest) = varint(types)?;
        types = rest;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 => 8,
            12.. => usize::try_from((kind - 12) / 2).ok()?,
            _ => return None,
        };
        let (value, rest) = values.split_at_checked(length)?;
        values = rest;
        columns.push(match kind {
            0 => Value::Null,
            1..=6 => Value::Integer(integer(value)),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            kind if kind % 2 == 0 => Value::Blob(value.to_vec()),
            _ => Value::Text(String::from_utf8(value.to_vec()).ok()?),
        });
    }
    Some(columns)
}

/// Big-endian, with a sign.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |value, byte| (value << 8) | i64::from(*byte))
}

fn be_u32(bytes: &[u8]) -> Option<u64> {
    Some(u64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
}

/// SQLite's number of variable length, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        // The ninth byte counts as a whole.
        if at == 8 {
            return Some(((value << 8) | u64::from(*byte), &bytes[9..]));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
