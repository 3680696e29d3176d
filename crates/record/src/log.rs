//! Files of JSON lines that only grow, so that a kill loses at most the line that was being written.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, private};

/// A longer line is skipped: none that is written is as long.
const MAX_LINE: u64 = 1 << 20;
/// Read of a log.
const MAX_BYTES: u64 = 64 << 20;

/// A file of a run folder that holds one value a line.
pub struct Log<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Log<T> {
    /// By its name in the run folder.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: PhantomData,
        }
    }

    /// Where it is in a run folder.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.name)
    }
}

impl<T: Serialize> Log<T> {
    /// Opens it for appending.
    pub fn open(&self, folder: &Path) -> Result<Appender<T>, Error> {
        let path = self.path(folder);
        let file = File::options().create(true).append(true).open(&path);
        Ok(Appender {
            file: Mutex::new(file.map_err(|error| Error::file(&path, error))?),
            path,
            value: PhantomData,
        })
    }
}

impl<T: DeserializeOwned> Log<T> {
    /// Every value, in the order of the lines. A last line that a kill cut short is passed over, any other that cannot
    /// be read is an error.
    pub fn read(&self, folder: &Path) -> Result<Vec<T>, Error> {
        let path = self.path(folder);
        let (mut all, mut number, mut problem) = (Vec::new(), 0, None);
        each_line(&path, MAX_BYTES, |line| {
            number += 1;
            match serde_json::from_str(line) {
                Ok(value) => all.push(value),
                Err(error) => problem = Some(format!("line {number}: {error}")),
            }
            problem.is_none()
        })?;
        match problem {
            Some(problem) => Err(Error::file(&path, problem)),
            None => Ok(all),
        }
    }

    /// Every value that can be read, in the order of the lines.
    pub fn readable(&self, folder: &Path) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        each_line(&self.path(folder), MAX_BYTES, |line| {
            all.extend(serde_json::from_str::<T>(line));
            true
        })?;
        Ok(all)
    }
}

/// A log that is open for appending.
#[derive(Debug)]
pub struct Appender<T> {
    file: Mutex<File>,
    path: PathBuf,
    value: PhantomData<fn(T)>,
}

impl<T: Serialize> Appender<T> {
    /// Appends one value as one line.
    pub fn push(&self, value: &T) -> Result<(), Error> {
        self.push_below(u64::MAX, value)
    }

    /// Makes room for `bytes` more, and tries whether the folder takes files: what is done after it can be recorded.
    pub fn reserve(&self, bytes: u64) -> Result<(), Error> {
        let reserve = || -> io::Result<()> {
            let file = self.file.lock();
            let metadata = file.metadata()?;
            if metadata.nlink() == 0 {
                return Err(io::Error::other("it was removed"));
            }
            match fallocate(&*file, FallocateFlags::KEEP_SIZE, metadata.len(), bytes) {
                // Not every file system can promise room.
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
            let trial = self.path.with_extension("trial");
            private::replace(&trial, b"")?;
            std::fs::remove_file(trial)
        };
        reserve().map_err(|error| Error::file(&self.path, error))
    }

    /// The same as [`push`](Self::push), unless the file would then be longer than `most`.
    pub(crate) fn push_below(&self, most: u64, value: &T) -> Result<(), Error> {
        let append = || -> io::Result<()> {
            let mut line = serde_json::to_vec(value)?;
            line.push(b'\n');
            let mut file = self.file.lock();
            if file.metadata()?.len() + line.len() as u64 > most {
                return Ok(());
            }
            // One write call: a reader never sees half a line, and another process that appends does not come between.
            file.write_all(&line)
        };
        append().map_err(|error| Error::file(&self.path, error))
    }
}

/// Calls `each` with every complete line of the first `max_bytes`, until it says `false`.
/// Returns how many lines were too long or were not UTF-8. A missing file has no lines.
pub fn each_line(
    path: &Path,
    max_bytes: u64,
    mut each: impl FnMut(&str) -> bool,
) -> Result<u64, Error> {
    let failed = |error| Error::file(path, error);
    let file = match private::regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut reader = BufReader::with_capacity(1 << 16, file.take(max_bytes));
    let mut skipped = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = reader.by_ref().take(MAX_LINE);
        if bounded.read_until(b'\n', &mut line).map_err(failed)? == 0 {
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
