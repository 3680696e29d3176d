//! The rows of a capsule, and the checksum that each of them carries.

use rusqlite::types::Value;

use super::schema::VERSION;

/// One row of one of the four tables.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    /// A line of a file that grows; the line break is not kept, and counts.
    Line {
        file: String,
        offset: u64,
        line: Vec<u8>,
    },
    /// Some bytes of a file that grows.
    Piece {
        file: String,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// A file that is replaced as a whole.
    File { name: String, content: Vec<u8> },
    /// How much of a file the capsule has, and how much it was too full to take.
    Taken {
        name: String,
        bytes: u64,
        left_out: u64,
    },
}

impl Row {
    /// Reads a row of the columns after `id`; `None` for anything that is not a row of ours, or not as it was written.
    pub(super) fn read(columns: &[Value]) -> Option<Self> {
        let (checksum, columns) = columns.split_last()?;
        let row = match columns {
            [Value::Text(file), Value::Integer(offset), Value::Text(line)] => Self::Line {
                file: file.clone(),
                offset: u64::try_from(*offset).ok()?,
                line: line.clone().into_bytes(),
            },
            [
                Value::Text(file),
                Value::Integer(offset),
                Value::Blob(bytes),
            ] => Self::Piece {
                file: file.clone(),
                offset: u64::try_from(*offset).ok()?,
                bytes: bytes.clone(),
            },
            [Value::Text(name), Value::Text(content)] => Self::File {
                name: name.clone(),
                content: content.clone().into_bytes(),
            },
            [Value::Text(name), Value::Blob(content)] => Self::File {
                name: name.clone(),
                content: content.clone(),
            },
            [
                Value::Text(name),
                Value::Integer(bytes),
                Value::Integer(left_out),
            ] => Self::Taken {
                name: name.clone(),
                bytes: u64::try_from(*bytes).ok()?,
                left_out: u64::try_from(*left_out).ok()?,
            },
            _ => return None,
        };
        (*checksum == Value::Integer(row.checksum())).then_some(row)
    }

    /// Over everything that the row says, the table and the version of the tables included: a row that passes is one
    /// of this version's, wherever it was found.
    pub(super) fn checksum(&self) -> i64 {
        let (table, name, number, content): (u8, &str, u64, &[u8]) = match self {
            Self::Line { file, offset, line } => (1, file, *offset, line),
            Self::Piece {
                file,
                offset,
                bytes,
            } => (2, file, *offset, bytes),
            Self::File { name, content } => (3, name, 0, content),
            Self::Taken {
                name,
                bytes,
                left_out,
            } => (4, name, *bytes, &left_out.to_le_bytes()),
        };
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(b"firedrill capsule");
        hasher.update(&VERSION.to_le_bytes());
        hasher.update(&[table]);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&number.to_le_bytes());
        hasher.update(content);
        i64::from(hasher.finalize())
    }
}
