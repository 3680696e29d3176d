//! What the run's folder has gained since the last look, put into the capsule in one transaction.

use std::collections::BTreeMap;
use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use super::FILE_NAME;
use super::row::Row;
use super::schema::{APPLICATION_ID, SETTINGS, TABLES, VERSION};

/// The capsule of a run takes no more than this, which is beyond what a run folder's own bounds allow to be common.
const MOST_BYTES: u64 = 1 << 30;
/// A file that is replaced as a whole, such as a heap snapshot, is taken up to this size.
const MOST_FILE_BYTES: u64 = 64 << 20;
/// Read at once from a file that grows; a line that is longer becomes a piece.
const CHUNK_BYTES: usize = 1 << 20;
/// A piece of a journal fits on a page with its name, so that a damaged page costs one piece.
pub(super) const PIECE_BYTES: usize = 3_900;
/// How deep folders are looked into.
const DEPTH: usize = 4;

/// Why a sweep did not come to its end. Nothing of it is in the capsule then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The run's folder cannot be read.
    #[error("run folder: {0}")]
    Folder(#[from] io::Error),
    /// The capsule cannot be written.
    #[error("capsule: {0}")]
    Capsule(#[from] rusqlite::Error),
}

/// A folder and the capsule that follows it.
#[derive(Debug)]
pub(super) struct Mirror {
    folder: PathBuf,
    capsule: Connection,
    seen: BTreeMap<String, Seen>,
    most_bytes: u64,
}

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Its row in `taken`; 0 before it has one.
    id: i64,
    /// By which it is noticed that another file has taken its name, or that it has changed.
    mark: Mark,
    /// How much of it is in the capsule.
    bytes: u64,
    left_out: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    inode: u64,
    length: u64,
    changed_ns: i128,
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            changed_ns: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
        }
    }
}

impl Mirror {
    /// Creates the capsule `file` for `folder`; nothing of the folder is in it yet.
    pub(super) fn create(folder: &Path, file: &Path) -> Result<Self, Error> {
        Self::bounded(folder, file, MOST_BYTES)
    }

    pub(super) fn bounded(folder: &Path, file: &Path, most_bytes: u64) -> Result<Self, Error> {
        let capsule = Connection::open(file)?;
        capsule.execute_batch(SETTINGS)?;
        capsule.pragma_update(None, "application_id", APPLICATION_ID)?;
        capsule.pragma_update(None, "user_version", VERSION)?;
        capsule.execute_batch(TABLES)?;
        Ok(Self {
            folder: folder.to_owned(),
            capsule,
            seen: BTreeMap::new(),
            most_bytes,
        })
    }

    /// Takes what is new. With `is_last` also a line that is not complete, for nobody will complete it.
    pub(super) fn sweep(&mut self, is_last: bool) -> Result<(), Error> {
        let mut found = BTreeMap::new();
        list(&self.folder, "", DEPTH, &mut found)?;
        let is_same = |(name, mark): (&String, &Mark)| {
            self.seen.get(name).is_some_and(|seen| seen.mark == *mark)
        };
        let is_new = found.len() != self.seen.len() || !found.iter().all(is_same);
        if !is_new && !is_last {
            return Ok(());
        }
        let room = self.most_bytes - self.seen.values().map(|seen| seen.bytes).sum::<u64>();
        let sweep = Sweep {
            folder: &self.folder,
            transaction: self.capsule.transaction()?,
            seen: self.seen.clone(),
            room,
            is_last,
        };
        self.seen = sweep.take(found)?;
        self.carry_over("PASSIVE")
    }

    /// Takes the last of it and leaves one file with nothing beside it.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.sweep(true)?;
        self.carry_over("TRUNCATE")?;
        // Somebody who reads it right now keeps it from being left as one file; all of it is in that file anyway.
        let _ = self.capsule.pragma_update(None, "journal_mode", "DELETE");
        let path = self.capsule.path().map(PathBuf::from);
        drop(self.capsule);
        if let Some(path) = path {
            File::open(path)?.sync_all()?;
        }
        Ok(())
    }

    fn carry_over(&self, how: &str) -> Result<(), Error> {
        let pragma = format!("PRAGMA wal_checkpoint({how})");
        // The answer says how much a reader kept it from doing; the next time does that.
        self.capsule.query_row(&pragma, [], |_| Ok(()))?;
        Ok(())
    }
}

/// One transaction.
struct Sweep<'a> {
    folder: &'a Path,
    transaction: Transaction<'a>,
    seen: BTreeMap<String, Seen>,
    /// Bytes that the capsule may still take.
    room: u64,
    is_last: bool,
}

impl Sweep<'_> {
    /// Takes all that is found; answers what is known then.
    fn take(mut self, found: BTreeMap<String, Mark>) -> Result<BTreeMap<String, Seen>, Error> {
        self.forget(&found)?;
        for (name, mark) in found {
            self.file(&name, mark)?;
        }
        self.transaction.commit()?;
        Ok(self.seen)
    }

    /// Files that are gone: a log that was rotated away is not kept longer than in the folder.
    fn forget(&mut self, found: &BTreeMap<String, Mark>) -> Result<(), Error> {
        let gone = |name: &&String| !found.contains_key(*name);
        let gone: Vec<String> = self.seen.keys().filter(gone).cloned().collect();
        for name in gone {
            self.drop_rows(&name)?;
            if let Some(seen) = self.seen.remove(&name) {
                let statement = "DELETE FROM taken WHERE id = ?1";
                self.transaction.execute(statement, [seen.id])?;
            }
        }
        Ok(())
    }

    fn file(&mut self, name: &str, mark: Mark) -> Result<(), Error> {
        let mut seen = self.seen.get(name).cloned().unwrap_or_default();
        if seen.mark == mark && !(self.is_last && seen.bytes < mark.length) {
            return Ok(());
        }
        let file = match File::open(self.folder.join(name)) {
            // It was replaced or removed since it was listed; the next sweep sees what came of it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        // Of what was opened, not of what was listed: a log may have been rotated in between.
        seen.mark = Mark::of(&file.metadata()?);
        let known = self.seen.get(name).map(|seen| seen.mark.inode);
        let goes_on = grows(name)
            && known == Some(seen.mark.inode)
            && seen.bytes + seen.left_out <= seen.mark.length;
        if !goes_on {
            if known.is_some() {
                self.drop_rows(name)?;
            }
            self.room += std::mem::take(&mut seen.bytes);
            seen.left_out = 0;
        }
        let before = seen.bytes;
        match grows(name) {
            true => self.gained(name, &file, &mut seen)?,
            false => self.replaced(name, &file, &mut seen)?,
        }
        self.room -= seen.bytes - before;
        self.note(name, &mut seen)?;
        self.seen.insert(name.to_owned(), seen);
        Ok(())
    }

    /// Reads on in a file that grows.
    fn gained(&mut self, name: &str, file: &File, seen: &mut Seen) -> Result<(), Error> {
        let start = seen.bytes;
        // Once something was left out, what follows would stand at the wrong place.
        if seen.left_out == 0 {
            let is_lines = name.ends_with(".jsonl");
            let mut buffer = vec![0; CHUNK_BYTES];
            loop {
                let read = file.read_at(&mut buffer, seen.bytes)?;
                let room = self.room - (seen.bytes - start);
                let chunk = &buffer[..read];
                let taken = match chunk {
                    [] => 0,
                    _ if read as u64 > room => 0,
                    _ if is_lines => self.lines(name, seen.bytes, chunk)?,
                    _ => self.pieces(name, seen.bytes, chunk)?,
                };
                seen.bytes += taken as u64;
                if taken == 0 {
                    break;
                }
            }
        }
        let rest = seen.mark.length.saturating_sub(seen.bytes);
        let is_full = rest > self.room - (seen.bytes - start);
        seen.left_out = if is_full { rest } else { 0 };
        Ok(())
    }

    /// Splits a chunk into its lines; answers how much of it that was.
    fn lines(&self, name: &str, at: u64, chunk: &[u8]) -> Result<usize, Error> {
        let mut taken = 0;
        for line in chunk.split_inclusive(|byte| *byte == b'\n') {
            let offset = at + taken as u64;
            match line.split_last() {
                Some((b'\n', text)) => match std::str::from_utf8(text) {
                    Ok(_) => self.line(name, offset, text)?,
                    Err(_) => self.piece(name, offset, line)?,
                },
                // The end of a chunk that is one long line, or of a file that nobody writes any more.
                _ if taken == 0 && (self.is_last || chunk.len() == CHUNK_BYTES) => {
                    self.piece(name, offset, line)?;
                }
                _ => break,
            }
            taken += line.len();
        }
        Ok(taken)
    }

    fn line(&self, file: &str, offset: u64, line: &[u8]) -> Result<(), Error> {
        self.insert(Row::Line {
            file: file.to_owned(),
            offset,
            line: line.to_owned(),
        })
    }

    fn pieces(&self, name: &str, at: u64, chunk: &[u8]) -> Result<usize, Error> {
        let mut offset = at;
        for piece in chunk.chunks(PIECE_BYTES) {
            self.piece(name, offset, piece)?;
            offset += piece.len() as u64;
        }
        Ok(chunk.len())
    }

    fn piece(&self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.insert(Row::Piece {
            file: file.to_owned(),
            offset,
            bytes: bytes.to_owned(),
        })
    }

    /// Takes a file that is replaced as a whole.
    fn replaced(&mut self, name: &str, file: &File, seen: &mut Seen) -> Result<(), Error> {
        let length = seen.mark.length;
        if length > MOST_FILE_BYTES.min(self.room) {
            seen.left_out = length;
            return Ok(());
        }
        // It may be shorter by now; then it has changed, and the next sweep takes it again.
        let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = read_up_to(file, &mut content)?;
        content.truncate(read);
        (seen.bytes, seen.left_out) = (content.len() as u64, 0);
        self.insert(Row::File {
            name: name.to_owned(),
            content,
        })
    }

    fn insert(&self, row: Row) -> Result<(), Error> {
        let checksum = row.checksum();
        let insert = |statement: &str, values: &[&dyn rusqlite::ToSql]| {
            self.transaction
                .prepare_cached(statement)?
                .execute(values)
                .map(|_| ())
        };
        match &row {
            Row::Line { file, offset, line } => insert(
                "INSERT INTO lines (file, offset, line, checksum) VALUES (?1, ?2, ?3, ?4)",
                params![
                    file,
                    offset.cast_signed(),
                    String::from_utf8_lossy(line),
                    checksum
                ],
            ),
            Row::Piece {
                file,
                offset,
                bytes,
            } => insert(
                "INSERT INTO pieces (file, offset, bytes, checksum) VALUES (?1, ?2, ?3, ?4)",
                params![file, offset.cast_signed(), bytes, checksum],
            ),
            Row::File { name, content } => {
                let statement = "INSERT INTO files (name, content, checksum) VALUES (?1, ?2, ?3)";
                match std::str::from_utf8(content) {
                    // As text, so that SQL's functions for JSON take it.
                    Ok(text) => insert(statement, params![name, text, checksum]),
                    Err(_) => insert(statement, params![name, content, checksum]),
                }
            }
            Row::Taken {
                name,
                bytes,
                left_out,
            } => insert(
                "INSERT INTO taken (name, bytes, left_out, checksum) VALUES (?1, ?2, ?3, ?4)",
                params![name, bytes.cast_signed(), left_out.cast_signed(), checksum],
            ),
        }?;
        Ok(())
    }

    /// Writes down how much of a file there is, so that what is lost later can be told.
    fn note(&self, name: &str, seen: &mut Seen) -> Result<(), Error> {
        let row = Row::Taken {
            name: name.to_owned(),
            bytes: seen.bytes,
            left_out: seen.left_out,
        };
        if seen.id == 0 {
            self.insert(row)?;
            seen.id = self.transaction.last_insert_rowid();
            return Ok(());
        }
        self.transaction
            .prepare_cached(
                "UPDATE taken SET bytes = ?2, left_out = ?3, checksum = ?4 WHERE id = ?1",
            )?
            .execute(params![
                seen.id,
                seen.bytes.cast_signed(),
                seen.left_out.cast_signed(),
                row.checksum()
            ])?;
        Ok(())
    }

    fn drop_rows(&self, name: &str) -> Result<(), Error> {
        for statement in match grows(name) {
            true => [
                "DELETE FROM lines WHERE file = ?1",
                "DELETE FROM pieces WHERE file = ?1",
            ]
            .as_slice(),
            false => ["DELETE FROM files WHERE name = ?1"].as_slice(),
        } {
            self.transaction
                .prepare_cached(statement)?
                .execute([name])?;
        }
        Ok(())
    }
}

/// Whether a file is only ever appended to.
pub(super) fn grows(name: &str) -> bool {
    name.ends_with(".jsonl") || name.ends_with(".lz4")
}

fn read_up_to(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

/// All files below `folder` that belong to the run's record, by the path from there.
fn list(
    folder: &Path,
    below: &str,
    depth: usize,
    found: &mut BTreeMap<String, Mark>,
) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        // Set aside for a moment by a backend that came back, and gone again.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !below.is_empty() => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        // A name that is no text is none of ours.
        let Some(name) = entry
            .file_name()
            .to_str()
            .map(|name| format!("{below}{name}"))
        else {
            continue;
        };
        let Some(metadata) = metadata(&entry)? else {
            continue;
        };
        if is_left_out(&name) {
            continue;
        }
        if metadata.is_dir() && depth > 1 {
            list(&entry.path(), &format!("{name}/"), depth - 1, found)?;
        } else if metadata.is_file() {
            found.insert(name, Mark::of(&metadata));
        }
    }
    Ok(())
}

/// Databases that go with the run, files on their way to their names, and the capsule itself.
fn is_left_out(name: &str) -> bool {
    name == "scratch" || name.ends_with(".next") || name.starts_with(FILE_NAME)
}

/// Of the entry itself, not of what a link leads to; nothing if it is gone.
fn metadata(entry: &DirEntry) -> io::Result<Option<Metadata>> {
    match entry.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        metadata => metadata.map(Some),
    }
}
