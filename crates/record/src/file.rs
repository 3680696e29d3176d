//! Files that are replaced as a whole, and what can be wrong with a file of a run.

use std::fmt;
use std::io::Read as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::private;

/// Why a file of a run cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not exist in this run.
    #[error("this run has no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id, shortened.
        id: String,
    },
    /// What was asked for cannot be the name of a file, or the name is taken.
    #[error("{0}")]
    Name(String),
    /// The run was recorded by a version that writes another format.
    #[error("run {run} has format {}; this firedrill reads format {}", version(.found), crate::FORMAT)]
    Format {
        /// The run.
        run: String,
        /// Its format; none in a head that does not say.
        found: Option<u32>,
    },
    /// The disk refuses, or what is there has another form.
    #[error("`{path}`: {reason}")]
    File {
        /// Relative to the run folder.
        path: String,
        /// Why not.
        reason: String,
    },
}

fn version(found: &Option<u32>) -> String {
    found.map_or_else(|| "0".to_owned(), |found| found.to_string())
}

impl Error {
    /// Of the file at `path`.
    pub fn file(path: &Path, reason: impl fmt::Display) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self::File {
            path: name.to_string_lossy().into_owned(),
            reason: reason.to_string(),
        }
    }
}

/// A file of a run folder that holds one value as JSON and is replaced as a whole.
pub struct Document<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Document<T> {
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

impl<T: Serialize> Document<T> {
    /// Writes it; a reader sees the old value or this one.
    pub fn replace(&self, folder: &Path, value: &T) -> Result<(), Error> {
        let path = self.path(folder);
        let mut text =
            serde_json::to_string_pretty(value).map_err(|error| Error::file(&path, error))?;
        text.push('\n');
        replace(&path, text.as_bytes())
    }
}

impl<T: DeserializeOwned> Document<T> {
    /// Reads it.
    pub fn read(&self, folder: &Path) -> Result<T, Error> {
        let path = self.path(folder);
        let mut bytes = Vec::new();
        let read = private::regular(&path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(|error| Error::file(&path, error))?;
        serde_json::from_slice(&bytes).map_err(|error| Error::file(&path, error))
    }

    /// Reads it; nothing if it is not there.
    pub fn find(&self, folder: &Path) -> Result<Option<T>, Error> {
        match self.path(folder).exists() {
            true => self.read(folder).map(Some),
            false => Ok(None),
        }
    }
}

/// Writes a file as a whole; see [`private::replace`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    private::replace(path, bytes).map_err(|error| Error::file(path, error))
}
