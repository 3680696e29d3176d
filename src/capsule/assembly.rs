//! Rows become a run folder again, and what is missing is counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use super::row::Row;
use crate::terminal::text::harmless;

/// More than any file of a capsule has: a file that somebody has made up must not fill the disk.
const MOST_FILE_BYTES: u64 = 1 << 30;
/// More files than any run has.
const MOST_FILES: usize = 10_000;

/// A run folder in the making.
#[derive(Debug)]
pub(super) struct Assembly {
    folder: PathBuf,
    parts: BTreeMap<String, Part>,
    /// The file that was written last, for rows come in the order of files most of the time.
    current: Option<(String, File)>,
    /// Rows so far.
    pub(super) rows: u64,
    refused: u64,
}

#[derive(Debug, Default)]
struct Part {
    /// What is there, as (from, to), in order once it is complete.
    covered: Vec<(u64, u64)>,
    /// How much the writer had taken and left out; unknown if that row is lost.
    taken: Option<(u64, u64)>,
}

impl Assembly {
    /// Into `folder`, which is empty.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            parts: BTreeMap::new(),
            current: None,
            rows: 0,
            refused: 0,
        }
    }

    /// Puts one row where it belongs.
    pub(super) fn put(&mut self, row: Row) -> anyhow::Result<()> {
        self.rows += 1;
        match row {
            Row::Line {
                file,
                offset,
                mut line,
            } => {
                line.push(b'\n');
                self.write(file, offset, &line)
            }
            Row::Piece {
                file,
                offset,
                bytes,
            } => self.write(file, offset, &bytes),
            Row::File { name, content } => self.write(name, 0, &content),
            Row::Taken {
                name,
                bytes,
                left_out,
            } => {
                if let Some(part) = self.part(&name) {
                    part.taken = Some((bytes, left_out));
                }
                Ok(())
            }
        }
    }

    /// Whether something is known to be missing, or nothing is known.
    pub(super) fn is_incomplete(&mut self) -> bool {
        self.parts.values_mut().for_each(Part::order);
        let mut parts = self.parts.iter();
        self.parts.is_empty() || parts.any(|(name, part)| part.loss(name).is_some())
    }

    /// The part of that name; `None` for a name that would lead out of the folder.
    fn part(&mut self, name: &str) -> Option<&mut Part> {
        let is_known = self.parts.contains_key(name);
        if !is_known && (!is_inside(name) || self.parts.len() >= MOST_FILES) {
            self.refused += 1;
            return None;
        }
        Some(self.parts.entry(name.to_owned()).or_default())
    }

    fn write(&mut self, name: String, offset: u64, bytes: &[u8]) -> anyhow::Result<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        let Some(part) = self.part(&name) else {
            return Ok(());
        };
        if end > MOST_FILE_BYTES {
            self.refused += 1;
            return Ok(());
        }
        match part.covered.last_mut() {
            Some((_, to)) if *to == offset => *to = end,
            _ => part.covered.push((offset, end)),
        }
        let file = match self.current.take() {
            Some((current, file)) if current == name => file,
            _ => self.open(&name)?,
        };
        file.write_all_at(bytes, offset)
            .with_context(|| format!("file `{}`", self.folder.join(&name).display()))?;
        self.current = Some((name, file));
        Ok(())
    }

    fn open(&self, name: &str) -> anyhow::Result<File> {
        let path = self.folder.join(name);
        let open = || -> std::io::Result<File> {
            std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            let mut options = File::options();
            options.create(true).truncate(false).read(true).write(true);
            options.open(&path)
        };
        open().with_context(|| format!("file `{}`", path.display()))
    }

    /// Completes the folder; answers what is lost, one text a file.
    pub(super) fn finish(mut self) -> anyhow::Result<Vec<String>> {
        self.current = None;
        let mut losses = Vec::new();
        for (name, mut part) in std::mem::take(&mut self.parts) {
            part.order();
            if let Some(loss) = part.loss(&name) {
                losses.push(loss);
            }
            if part.covered.is_empty() && part.taken.is_some_and(|(bytes, _)| bytes == 0) {
                self.open(&name)?; // It was empty, and a reader may want it to be there.
            } else if part.has_gaps() && name.ends_with(".jsonl") {
                close_gaps(&self.open(&name)?, &part.covered)
                    .with_context(|| format!("file `{}`", self.folder.join(&name).display()))?;
            }
        }
        if self.refused > 0 {
            let rows = self.refused;
            losses.push(format!(
                "{rows} rows name no file of a run and were left out"
            ));
        }
        Ok(losses)
    }
}

impl Part {
    /// Sorts and joins what is covered: rows that were salvaged come in the order of pages.
    fn order(&mut self) {
        self.covered.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (from, to) in self.covered.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => joined.push((from, to)),
            }
        }
        self.covered = joined;
    }

    fn has_gaps(&self) -> bool {
        !matches!(self.covered.as_slice(), [] | [(0, _)])
    }

    fn loss(&self, name: &str) -> Option<String> {
        let name = harmless(name);
        let there: u64 = self.covered.iter().map(|(from, to)| to - from).sum();
        let end = self.covered.last().map_or(0, |(_, to)| *to);
        let Some((bytes, left_out)) = self.taken else {
            let missing = match end - there {
                0 => String::new(),
                bytes => format!("{bytes} bytes are lost, and "),
            };
            return Some(format!(
                "`{name}`: {missing}whether more follows the {there} bytes that are there is not known"
            ));
        };
        let lost = bytes.max(end) - there;
        let at_end = bytes > end;
        let places = self.covered.len().saturating_sub(1)
            + usize::from(self.covered.first().is_some_and(|(from, _)| *from > 0))
            + usize::from(at_end);
        match (lost, left_out) {
            (0, 0) => None,
            (0, left_out) => Some(format!(
                "`{name}`: {left_out} bytes were left out, for the capsule was full"
            )),
            (lost, _) if there == 0 => Some(format!("`{name}`: all of it, {lost} bytes")),
            (lost, _) => Some(format!(
                "`{name}`: {lost} of {} bytes, in {places} {}",
                bytes.max(end),
                if places == 1 { "place" } else { "places" }
            )),
        }
    }
}

/// Whether a name stays below the folder that it is joined to.
fn is_inside(name: &str) -> bool {
    let is_normal = |part: Component| matches!(part, Component::Normal(_));
    !name.is_empty()
        && !name.contains('\0')
        && name.len() < 512
        && Path::new(name).components().all(is_normal)
}

/// Lines stand for themselves: those that are there are moved together, instead of zeros between them.
fn close_gaps(file: &File, covered: &[(u64, u64)]) -> std::io::Result<()> {
    let mut reader = file;
    let mut kept = tempfile::tempfile()?;
    let mut writer = BufWriter::new(&kept);
    for (from, to) in covered {
        reader.seek(SeekFrom::Start(*from))?;
        std::io::copy(&mut reader.take(to - from), &mut writer)?;
    }
    writer.flush()?;
    drop(writer);
    kept.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut kept, &mut file)?;
    Ok(())
}
