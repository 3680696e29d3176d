//! An archive becomes a run folder again, and what is missing is counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::label::{Label, MARK};
use super::{
    BLOCK, CONTENTS, Contents, Entry, Error, Loss, MOST_BYTES, MOST_FILES, STRETCH_BYTES, is_inside,
};
use crate::FORMAT;

/// The list of files is one member, however long; it has no more than a few dozen bytes a file.
const MOST_MEMBER_BYTES: u64 = 4 << 20;

/// Unpacks the archive `file` into `folder`, which is empty. Answers what is missing.
///
/// Only plain files below `folder` are written, whatever the archive says.
pub fn unpack(file: &Path, folder: &Path) -> Result<Vec<Loss>, Error> {
    let source = File::open(file).map_err(Error::file(file))?;
    let mut source = BufReader::new(source);
    let mut assembly = Assembly::default();
    while let Some(member) = next(&mut source).map_err(Error::file(file))? {
        let Member { label, content } = member;
        if label.name == CONTENTS {
            // It is there twice, and one may be of no use.
            assembly.contents = serde_json::from_slice(&content).ok().or(assembly.contents);
        } else if !assembly.put(folder, label, &content)? {
            return Err(Error::TooLarge(file.to_owned()));
        }
    }
    match assembly.contents.as_ref().map(|contents| contents.format) {
        Some(found) if found != FORMAT => Err(Error::Format {
            file: file.to_owned(),
            found,
        }),
        None if assembly.parts.is_empty() => Err(Error::NotAnArchive(file.to_owned())),
        _ => assembly.finish(folder),
    }
}

struct Member {
    label: Label,
    content: Vec<u8>,
}

/// The next member that is whole; nothing at the end.
fn next(source: &mut BufReader<File>) -> io::Result<Option<Member>> {
    while let Some(start) = find(source)? {
        if let Some(member) = read(source) {
            return Ok(Some(member));
        }
        source.seek(SeekFrom::Start(start + 1))?;
    }
    Ok(None)
}

fn read(source: &mut BufReader<File>) -> Option<Member> {
    let mut decoder = GzDecoder::new(source);
    let mut content = Vec::new();
    let mut bounded = decoder.by_ref().take(MOST_MEMBER_BYTES + 1);
    bounded.read_to_end(&mut content).ok()?;
    if content.len() as u64 > MOST_MEMBER_BYTES {
        return None;
    }
    let label = Label::read(decoder.header()?)?;
    let from = if label.offset == 0 { BLOCK } else { 0 };
    let length = usize::try_from(label.length).ok()?;
    let content = content.get(from..)?.get(..length)?.to_vec();
    Some(Member { label, content })
}

/// Goes to where the next member begins, and says where that is.
fn find(source: &mut BufReader<File>) -> io::Result<Option<u64>> {
    let mut at = source.stream_position()?;
    let mut matched = 0;
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        for (position, byte) in buffer.iter().enumerate() {
            // No proper prefix of the mark repeats within it, so a mismatch starts over at this byte.
            matched = match *byte == MARK[matched] {
                true => matched + 1,
                false => usize::from(*byte == MARK[0]),
            };
            if matched == MARK.len() {
                let start = at + position as u64 + 1 - MARK.len() as u64;
                source.seek(SeekFrom::Start(start))?;
                return Ok(Some(start));
            }
        }
        let length = buffer.len();
        at += length as u64;
        source.consume(length);
    }
}

/// A run folder in the making.
#[derive(Default)]
struct Assembly {
    contents: Option<Contents>,
    parts: BTreeMap<String, Part>,
    written: u64,
}

/// What there is of a file.
struct Part {
    /// Bytes that it had.
    bytes: u64,
    /// Bytes that are there.
    there: u64,
    /// Where the last stretch ended.
    end: u64,
    gaps: u64,
}

impl Assembly {
    /// Appends a stretch to its file; false if that would be more than any run has. A stretch of which the file has
    /// something already is there twice, and one whose name leads out of the folder is none of a run.
    fn put(&mut self, folder: &Path, label: Label, stretch: &[u8]) -> Result<bool, Error> {
        let part = self.parts.get(&label.name);
        let is_there = part.is_some_and(|part| label.offset < part.end || stretch.is_empty());
        if is_there || !is_inside(&label.name) || stretch.len() > STRETCH_BYTES {
            return Ok(true);
        }
        let is_one_too_many = part.is_none() && self.parts.len() >= MOST_FILES;
        self.written += stretch.len() as u64;
        if self.written > MOST_BYTES || is_one_too_many {
            return Ok(false);
        }
        let path = folder.join(&label.name);
        append(&path, stretch).map_err(Error::file(&path))?;
        let part = self.parts.entry(label.name).or_insert(Part {
            bytes: label.bytes,
            there: 0,
            end: 0,
            gaps: 0,
        });
        part.gaps += u64::from(label.offset > part.end);
        part.there += stretch.len() as u64;
        part.end = label.offset + stretch.len() as u64;
        Ok(true)
    }

    /// Creates the files that were empty, and answers what is missing of the others.
    fn finish(&self, folder: &Path) -> Result<Vec<Loss>, Error> {
        let mut losses = Vec::new();
        for (name, part) in &self.parts {
            let lost = part.bytes.saturating_sub(part.there);
            if lost > 0 {
                losses.push(Loss::File {
                    name: name.clone(),
                    lost,
                    bytes: part.bytes,
                    places: part.gaps + u64::from(part.end < part.bytes),
                });
            }
        }
        let Some(contents) = &self.contents else {
            losses.push(Loss::Contents);
            return Ok(losses);
        };
        let is_missing = |entry: &&Entry| !self.parts.contains_key(&entry.name);
        for Entry { name, bytes } in contents.files.iter().filter(is_missing) {
            if *bytes > 0 {
                losses.push(Loss::File {
                    name: name.clone(),
                    lost: *bytes,
                    bytes: *bytes,
                    places: 1,
                });
            } else if is_inside(name) {
                let path = folder.join(name);
                append(&path, &[]).map_err(Error::file(&path))?;
            }
        }
        Ok(losses)
    }
}

fn append(path: &Path, stretch: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = File::options();
    options
        .create(true)
        .append(true)
        .open(path)?
        .write_all(stretch)
}
