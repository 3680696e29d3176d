//! The log lines of a run: `logs/*.jsonl` of its folder, read as a stream.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use record::each_line;
use serde::Serialize;
use time::OffsetDateTime;

use super::Error;
use crate::log_line::LogLine;
use crate::log_query::Query;
use crate::moment::{Frame, Window};

/// Of one file; the runner rotates far below this.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Reader of a run's logs.
#[derive(Debug, Clone)]
pub struct Logs {
    folder: PathBuf,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// The newest lines that match, oldest first, at most as many as asked for.
    pub lines: Vec<LogLine>,
    /// How many lines match.
    pub matched: u64,
    /// How many lines were read.
    pub read: u64,
    /// How many lines were no JSON objects, or too long.
    pub unreadable: u64,
}

impl Logs {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.join("logs"),
        }
    }

    /// Files by name; empty if there is no folder yet.
    pub fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(record::Error::file(&self.folder, error).into()),
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "jsonl")
            })
            .collect();
        files.sort();
        Ok(files)
    }

    /// Lines that match `query` (its `since`/`until` read in `frame`), at most `limit` of them kept.
    pub fn search(&self, query: &Query, frame: &Frame, limit: usize) -> Result<Found, Error> {
        let matcher = query.within(frame);
        let mut found = Found::default();
        // Newest first, so that the oldest can be dropped as newer ones come.
        let mut kept: BTreeMap<(Option<OffsetDateTime>, u64), LogLine> = BTreeMap::new();
        self.each(&mut found, |line, found| {
            // What was written later does not belong to the frame, or the same question would get another answer.
            let is_later = line.at.is_some_and(|at| at > frame.ended);
            if is_later || !matcher.matches(&line) {
                return;
            }
            found.matched += 1;
            kept.insert((line.at, found.read), line);
            if kept.len() > limit {
                kept.pop_first();
            }
        })?;
        found.lines = kept.into_values().collect();
        Ok(found)
    }

    /// How many lines match in each window; lines without a time match in none.
    pub fn count(
        &self,
        query: &Query,
        frame: &Frame,
        windows: &[Window],
    ) -> Result<Vec<u64>, Error> {
        let matcher = query.within(frame);
        let mut counts = vec![0; windows.len()];
        self.each(&mut Found::default(), |line, _| {
            let Some(at) = line.at else { return };
            if matcher.matches(&line) {
                for (count, window) in counts.iter_mut().zip(windows) {
                    *count += u64::from(window.contains(at, time::Duration::ZERO));
                }
            }
        })?;
        Ok(counts)
    }

    /// Shows every line of the run up to its end.
    pub fn visit(&self, frame: &Frame, mut show: impl FnMut(&LogLine)) -> Result<(), Error> {
        self.each(&mut Found::default(), |line, _| {
            if line.at.is_none_or(|at| at <= frame.ended) {
                show(&line);
            }
        })
    }

    fn each(
        &self,
        found: &mut Found,
        mut visit: impl FnMut(LogLine, &mut Found),
    ) -> Result<(), Error> {
        for file in self.files()? {
            let too_long = each_line(&file, MAX_FILE_BYTES, |text| {
                found.read += 1;
                match LogLine::parse(text) {
                    Some(line) => visit(line, found),
                    None => found.unreadable += 1,
                }
                true
            })?;
            found.unreadable += too_long;
        }
        Ok(())
    }
}
