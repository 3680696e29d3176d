//! A run folder becomes an archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::label::Label;
use super::{BLOCK, CONTENTS, Contents, Entry, Error, MOST_BYTES, MOST_FILES, STRETCH_BYTES};
use crate::{FORMAT, HEAD, SCRATCH, run_of};

/// How deep folders are looked into.
const DEPTH: usize = 4;

/// An archive that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Files in it.
    pub files: usize,
    /// Its size.
    pub bytes: u64,
}

/// Packs a run folder into the file `to`, which is there only when it is complete.
pub fn pack(folder: &Path, to: &Path) -> Result<Packed, Error> {
    let mut found = BTreeMap::new();
    list(folder, "", DEPTH, &mut found).map_err(Error::file(folder))?;
    if found.len() > MOST_FILES || found.values().sum::<u64>() > MOST_BYTES {
        return Err(Error::TooLarge(to.to_owned()));
    }
    let next = to.with_added_extension("next");
    let written = write(folder, &found, &next).and_then(|()| {
        std::fs::rename(&next, to).map_err(Error::file(to))?;
        let archive = std::fs::metadata(to).map_err(Error::file(to))?;
        Ok(Packed {
            files: found.len(),
            bytes: archive.len(),
        })
    });
    if written.is_err() {
        // The error that is on its way out matters more.
        let _ = std::fs::remove_file(&next);
    }
    written
}

fn write(folder: &Path, found: &BTreeMap<String, u64>, to: &Path) -> Result<(), Error> {
    let mut archive = Archive {
        out: BufWriter::new(File::create(to).map_err(Error::file(to))?),
        below: run_of(folder),
    };
    let files = found.iter().map(|(name, bytes)| Entry {
        name: name.clone(),
        bytes: *bytes,
    });
    let contents = Contents {
        format: FORMAT,
        files: files.collect(),
    };
    let contents = serde_json::to_vec_pretty(&contents)
        .map_err(io::Error::from)
        .map_err(Error::file(to))?;
    let head = HEAD.path(Path::new(""));
    let is_head = |name: &str| Path::new(name) == head;
    let (heads, others): (Vec<_>, Vec<_>) = found.iter().partition(|(name, _)| is_head(name));
    archive.contents(&contents, &[]).map_err(Error::file(to))?;
    // The head is there twice: without it, the rest says little.
    for (name, bytes) in heads.iter().chain(&others).chain(&heads) {
        let path = folder.join(name);
        let written = File::open(&path).and_then(|file| archive.file(name, &file, **bytes));
        written.map_err(Error::file(&path))?;
    }
    let end = [0; 2 * BLOCK];
    archive.contents(&contents, &end).map_err(Error::file(to))?;
    archive.out.flush().map_err(Error::file(to))
}

struct Archive {
    out: BufWriter<File>,
    /// The folder that a tar program puts the files into.
    below: String,
}

impl Archive {
    fn file(&mut self, name: &str, file: &File, bytes: u64) -> io::Result<()> {
        let mut stretch = vec![0; STRETCH_BYTES];
        let mut offset = 0;
        loop {
            let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
            let most = left.min(STRETCH_BYTES);
            // A file that has become shorter is an error; what one has gained meanwhile is not taken.
            file.read_exact_at(&mut stretch[..most], offset)?;
            let length = match most < left {
                true => whole_lines(name, &stretch[..most]),
                false => most,
            };
            let label = Label {
                name: name.to_owned(),
                offset,
                length: length as u64,
                bytes,
            };
            self.member(&label, &stretch[..length], &[])?;
            offset += length as u64;
            if offset == bytes {
                return Ok(());
            }
        }
    }

    fn contents(&mut self, contents: &[u8], end: &[u8]) -> io::Result<()> {
        let label = Label {
            name: CONTENTS.to_owned(),
            offset: 0,
            length: contents.len() as u64,
            bytes: contents.len() as u64,
        };
        self.member(&label, contents, end)
    }

    /// Writes one member: before the first stretch of a file its tar header, after the last what fills its last block.
    fn member(&mut self, label: &Label, stretch: &[u8], end: &[u8]) -> io::Result<()> {
        let mut content = Vec::with_capacity(stretch.len() + 2 * BLOCK);
        if label.offset == 0 {
            let mut header = tar::Header::new_ustar();
            header.set_path(Path::new(&self.below).join(&label.name))?;
            header.set_size(label.bytes);
            header.set_mode(0o600);
            header.set_cksum();
            content.extend_from_slice(header.as_bytes());
        }
        content.extend_from_slice(stretch);
        if label.offset + label.length == label.bytes {
            let fill = label.bytes.next_multiple_of(BLOCK as u64) - label.bytes;
            content.extend(std::iter::repeat_n(0, fill as usize));
            content.extend_from_slice(end);
        }
        self.out.write_all(&label.member(&content)?)
    }
}

/// How much of a stretch ends with a line, for files of lines: then those that are there stand for themselves, whatever
/// is lost between them.
fn whole_lines(name: &str, stretch: &[u8]) -> usize {
    let last = stretch.iter().rposition(|byte| *byte == b'\n');
    match last.filter(|_| name.ends_with(".jsonl")) {
        Some(last) => last + 1,
        None => stretch.len(),
    }
}

/// All files below `folder` that belong to the run's record, by the path from there, with their sizes.
fn list(
    folder: &Path,
    below: &str,
    depth: usize,
    found: &mut BTreeMap<String, u64>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        // A name that is not text is none that a run writes.
        let Some(name) = name.to_str().map(|name| format!("{below}{name}")) else {
            continue;
        };
        // Databases that go with the run, files on their way to their names, and what a tar program has left.
        if name == SCRATCH || name.ends_with(".next") || name == CONTENTS {
            continue;
        }
        // Of the entry itself, not of what a link leads to.
        let metadata = entry.metadata()?;
        if metadata.is_dir() && depth > 1 {
            list(&entry.path(), &format!("{name}/"), depth - 1, found)?;
        } else if metadata.is_file() {
            found.insert(name, metadata.len());
        }
    }
    Ok(())
}
