//! Bounded reading of files that hold one JSON object a line and may still be written to.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::Error;

/// A longer line is skipped: nothing of ours writes one.
const MAX_LINE: u64 = 1 << 20;

/// Calls `each` with every complete line of at most `max_bytes`, until it says `false`.
/// Returns how many lines were too long or were no UTF-8. A missing file has no lines.
pub(super) fn each(
    path: &Path,
    max_bytes: u64,
    mut each: impl FnMut(&str) -> bool,
) -> Result<u64, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let mut reader = BufReader::with_capacity(1 << 16, file.take(max_bytes));
    let mut skipped = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(path, &error))?;
        if read == 0 {
            return Ok(skipped);
        }
        let is_whole = line.last() == Some(&b'\n');
        match std::str::from_utf8(&line) {
            Ok(text) if is_whole => {
                if !each(text.trim_end()) {
                    return Ok(skipped);
                }
            }
            _ => skipped += 1,
        }
    }
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::File {
        path: path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
        reason: error.to_string(),
    }
}
