//! Heap snapshots of a run: `heap/<name>.pb.gz`, and beside it `<name>.json` (what is known of it) and `<name>.sites`
//! (its allocation sites by function, for when the executable is gone).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::file::Error;
use crate::shorten;

/// Larger snapshots are refused; a real one has some kilobytes.
const MAX_BYTES: u64 = 32 << 20;

/// The ending of the file with a snapshot's sites.
const SITES: &str = "sites";

/// What is known of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name the responder gave, unique in the run.
    pub name: String,
    /// Service.
    pub service: String,
    /// Process, `inventory-1`.
    pub instance: String,
    /// Release that ran.
    pub release: String,
    /// When it was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The executable whose symbols name its addresses.
    pub executable: PathBuf,
}

/// Live memory by allocation site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// First function of the shop on the stack, or the innermost that is not an allocator.
    pub function: String,
    /// Bytes in use.
    pub bytes: i64,
    /// Objects in use, if the profile counts them.
    pub objects: Option<i64>,
    /// The stack that holds most of it, innermost first, shortened to frames outside of the allocator.
    pub stack: Vec<String>,
}

/// Reader and writer of a run's snapshots.
#[derive(Debug, Clone)]
pub struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.join("heap"),
        }
    }

    /// All snapshots by time.
    pub fn list(&self) -> Result<Vec<Snapshot>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file(&self.folder, error)),
        };
        let mut all = Vec::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if let Some(name) = path
                .file_name()
                .and_then(|n| n.to_str()?.strip_suffix(".json"))
            {
                all.push(self.meta(name)?);
            }
        }
        all.sort_by_key(|meta| meta.at);
        Ok(all)
    }

    /// What is known of one snapshot.
    pub fn meta(&self, name: &str) -> Result<Snapshot, Error> {
        let bytes = self.read(name, "json")?;
        serde_json::from_slice(&bytes).map_err(|error| Error::File {
            path: format!("heap/{name}.json"),
            reason: error.to_string(),
        })
    }

    /// The snapshot as it was taken: pprof protobuf, gzip.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        self.read(name, "pb.gz")
    }

    /// Its allocation sites as they were read when it was taken; `None` if they were not.
    pub fn sites(&self, name: &str) -> Result<Option<Vec<Site>>, Error> {
        match self.read(name, SITES) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| Error::File {
                    path: format!("heap/{name}.{SITES}"),
                    reason: error.to_string(),
                }),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores the sites of a snapshot beside it.
    pub fn save_sites(&self, name: &str, sites: &[Site]) -> Result<(), Error> {
        let path = self.path(name, SITES)?;
        let bytes = serde_json::to_vec(sites).map_err(|error| Error::file(&path, error))?;
        std::fs::write(&path, bytes).map_err(|error| Error::file(&path, error))
    }

    /// Stores a snapshot; rejects a name that is taken or is not a plain name.
    pub fn save(&self, meta: &Snapshot, bytes: &[u8]) -> Result<(), Error> {
        let profile = self.path(&meta.name, "pb.gz")?;
        let side = self.path(&meta.name, "json")?;
        if profile.exists() {
            return Err(Error::Name(format!(
                "snapshot `{}` already exists",
                meta.name
            )));
        }
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&profile, bytes))
            .and_then(|()| std::fs::write(&side, serde_json::to_vec_pretty(meta)?))
            .map_err(|error| Error::file(&profile, error))
    }

    fn read(&self, name: &str, extension: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(name, extension)?;
        let length = match std::fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let id = shorten(name, 60);
                return Err(Error::NotFound {
                    what: "heap snapshot",
                    id,
                });
            }
            Err(error) => return Err(Error::file(&path, error)),
        };
        if length > MAX_BYTES {
            return Err(Error::File {
                path: format!("heap/{name}.{extension}"),
                reason: format!("{length} bytes are over the limit"),
            });
        }
        std::fs::read(&path).map_err(|error| Error::file(&path, error))
    }

    fn path(&self, name: &str, extension: &str) -> Result<PathBuf, Error> {
        plain("snapshot", name)?;
        Ok(self.folder.join(format!("{name}.{extension}")))
    }
}

/// Names come from people, so they are held to plain file names before they touch the disk.
pub(crate) fn plain(what: &str, name: &str) -> Result<(), Error> {
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
