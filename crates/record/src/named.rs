//! Files that people name: `<name>.<ending>`, and beside each `<name>.json`, which says what is known of it.

use std::io::ErrorKind;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::file::Error;
use crate::shorten;

/// Larger files are refused; a real one has some hundred kilobytes.
const MAX_BYTES: u64 = 32 << 20;

/// What is known of a file.
pub trait Meta: Serialize + DeserializeOwned {
    /// The folder of all of them in a run folder.
    const FOLDER: &'static str;
    /// What one is called.
    const KIND: &'static str;
    /// The same where it may be unclear what was asked for.
    const WHOLE_KIND: &'static str = Self::KIND;
    /// The ending of the file itself.
    const ENDING: &'static str;

    /// Its name, unique in the run.
    fn name(&self) -> &str;

    /// When it was made.
    fn at(&self) -> OffsetDateTime;
}

/// Reader and writer of all files of one kind in a run.
#[derive(Debug, Clone)]
pub struct Named<M> {
    folder: PathBuf,
    meta: PhantomData<fn() -> M>,
}

impl<M: Meta> Named<M> {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.join(M::FOLDER),
            meta: PhantomData,
        }
    }

    /// All of them by time.
    pub fn list(&self) -> Result<Vec<M>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file(&self.folder, error)),
        };
        let mut all = Vec::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.and_then(|name| name.strip_suffix(".json")) {
                all.push(self.meta(name)?);
            }
        }
        all.sort_by(|one: &M, other| (one.at(), one.name()).cmp(&(other.at(), other.name())));
        Ok(all)
    }

    /// What is known of one.
    pub fn meta(&self, name: &str) -> Result<M, Error> {
        self.json(name, "json")
    }

    /// The file as it was saved.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        self.read(name, M::ENDING)
    }

    /// Whether one may be stored by that name: it is a plain name, and not taken.
    pub fn vacant(&self, name: &str) -> Result<(), Error> {
        let paths = [self.path(name, M::ENDING)?, self.path(name, "json")?];
        match paths.iter().any(|path| path.exists()) {
            true => Err(Error::Name(format!("{} `{name}` already exists", M::KIND))),
            false => Ok(()),
        }
    }

    /// Stores a file; refuses a name that is taken, or that is not a plain name.
    pub fn save(&self, meta: &M, bytes: &[u8]) -> Result<(), Error> {
        self.vacant(meta.name())?;
        let path = self.path(meta.name(), M::ENDING)?;
        let side = self.path(meta.name(), "json")?;
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .and_then(|()| std::fs::write(&side, serde_json::to_vec_pretty(meta)?))
            .map_err(|error| Error::file(&path, error))
    }

    /// Reads one of the files of a name as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str, ending: &str) -> Result<T, Error> {
        let bytes = self.read(name, ending)?;
        serde_json::from_slice(&bytes).map_err(|error| wrong::<M>(name, ending, error))
    }

    fn read(&self, name: &str, ending: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(name, ending)?;
        match std::fs::metadata(&path) {
            Ok(meta) if meta.len() > MAX_BYTES => {
                let reason = format!("{} bytes are over the limit", meta.len());
                Err(wrong::<M>(name, ending, reason))
            }
            Ok(_) => std::fs::read(&path).map_err(|error| Error::file(&path, error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NotFound {
                what: M::WHOLE_KIND,
                id: shorten(name, 60),
            }),
            Err(error) => Err(Error::file(&path, error)),
        }
    }

    /// Where one of the files of a name is.
    pub(crate) fn path(&self, name: &str, ending: &str) -> Result<PathBuf, Error> {
        plain(M::KIND, name)?;
        Ok(self.folder.join(format!("{name}.{ending}")))
    }
}

fn wrong<M: Meta>(name: &str, ending: &str, reason: impl ToString) -> Error {
    Error::File {
        path: format!("{}/{name}.{ending}", M::FOLDER),
        reason: reason.to_string(),
    }
}

/// Names come from people, so they are held to plain file names before they touch the disk.
fn plain(what: &str, name: &str) -> Result<(), Error> {
    let is_plain = !name.is_empty()
        && name.len() <= 64
        && !name.starts_with(['.', '-'])
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !name.contains("..");
    match is_plain {
        true => Ok(()),
        false => Err(Error::Name(format!(
            "`{}` is not a {what} name; use letters, digits, `-`, `_` and `.`",
            shorten(name, 60)
        ))),
    }
}
