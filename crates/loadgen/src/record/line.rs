//! The record as JSON lines, so that it survives the process.
//!
//! The first line is the head; each further line *adds* to one second. A second has several lines if some of its requests
//! finish later. The sum of all lines is the record up to the last complete line.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
};

use serde::{Deserialize, Serialize};

use super::{Cell, Latency, Record, Second};
use crate::Route;

/// Version of the format; readers reject others.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    started_at_ms: i64,
    seed: u64,
}

// The fields of a second are listed here, because serde's `flatten` does not support maps with numeric keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at_s: u32,
    #[serde(default)]
    lag: Latency,
    routes: BTreeMap<Route, Cell>,
}

#[derive(Serialize)]
struct LineRef<'a> {
    at_s: u32,
    #[serde(skip_serializing_if = "Latency::is_empty")]
    lag: &'a Latency,
    routes: &'a BTreeMap<Route, Cell>,
}

/// Why lines are not a record.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The lines could not be read.
    #[error("failed to read the load record: {0}")]
    Io(#[from] std::io::Error),
    /// The head line is missing.
    #[error("the load record is empty")]
    Empty,
    /// The head has an unknown version.
    #[error("the load record has format {found}, not {FORMAT}")]
    Format {
        /// Version in the head.
        found: u32,
    },
    /// A complete line is not valid.
    #[error("invalid line {line} in the load record: {error}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The parse error.
        error: serde_json::Error,
    },
}

/// Writes the head line.
pub fn write_head(record: &Record, mut to: impl Write) -> std::io::Result<()> {
    let head = Head {
        format: FORMAT,
        started_at_ms: record.started_at_ms,
        seed: record.seed,
    };
    serde_json::to_writer(&mut to, &head)?;
    to.write_all(b"\n")
}

/// Writes one line for each second of the record.
pub fn write_seconds(record: &Record, mut to: impl Write) -> std::io::Result<()> {
    for (at_s, second) in record.seconds() {
        let Second { lag, routes } = second;
        serde_json::to_writer(&mut to, &LineRef { at_s, lag, routes })?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads a record from its lines. A last line without a newline is ignored: its writer was killed.
pub fn read(mut from: impl BufRead) -> Result<Record, ReadError> {
    let mut text = String::new();
    let mut record = None;
    for line in 1.. {
        text.clear();
        if from.read_line(&mut text)? == 0 || !text.ends_with('\n') {
            break;
        }
        let failed = |error| ReadError::Line { line, error };
        match &mut record {
            None => {
                let head: Head = serde_json::from_str(&text).map_err(failed)?;
                if head.format != FORMAT {
                    return Err(ReadError::Format { found: head.format });
                }
                record = Some(Record::new(head.started_at_ms, head.seed));
            }
            Some(record) => {
                let Line { at_s, lag, routes } = serde_json::from_str(&text).map_err(failed)?;
                record.merge_second(at_s, &Second { lag, routes });
            }
        }
    }
    record.ok_or(ReadError::Empty)
}
