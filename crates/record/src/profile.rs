//! CPU profiles of a run: `profile/<name>.folded` (one stack a line, with its samples), and beside it `<name>.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::file::Error;
use crate::shorten;
use crate::snapshot::plain;

/// Larger profiles are refused; a real one has some hundred kilobytes.
const MAX_BYTES: u64 = 32 << 20;

/// What is known of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name it is pointed to by, unique in the run.
    pub name: String,
    /// Service.
    pub service: String,
    /// Process, `inventory-1`.
    pub instance: String,
    /// Release that ran.
    pub release: String,
    /// When it was complete.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// For how long it was sampled.
    pub seconds: u32,
}

/// Reader and writer of a run's profiles.
#[derive(Debug, Clone)]
pub struct Profiles {
    folder: PathBuf,
}

impl Profiles {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.join("profile"),
        }
    }

    /// All profiles by time.
    pub fn list(&self) -> Result<Vec<Profile>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file(&self.folder, error)),
        };
        let mut all = Vec::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.and_then(|name| name.strip_suffix(".json")) {
                all.push(self.meta(name)?);
            }
        }
        all.sort_by(|one: &Profile, other| one.at.cmp(&other.at).then(one.name.cmp(&other.name)));
        Ok(all)
    }

    /// What is known of one profile.
    pub fn meta(&self, name: &str) -> Result<Profile, Error> {
        let text = self.read(name, "json")?;
        serde_json::from_str(&text).map_err(|error| Error::File {
            path: format!("profile/{name}.json"),
            reason: error.to_string(),
        })
    }

    /// Its stacks: outermost function first, joined by `;`, and how many samples had them.
    pub fn folded(&self, name: &str) -> Result<String, Error> {
        self.read(name, "folded")
    }

    /// Stores a profile; refuses a name that is taken or is no plain name.
    pub fn save(&self, meta: &Profile, folded: &str) -> Result<(), Error> {
        let (stacks, side) = (
            self.path(&meta.name, "folded")?,
            self.path(&meta.name, "json")?,
        );
        if side.exists() {
            let name = &meta.name;
            return Err(Error::Name(format!("profile `{name}` already exists")));
        }
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&stacks, folded))
            .and_then(|()| std::fs::write(&side, serde_json::to_vec_pretty(meta)?))
            .map_err(|error| Error::file(&stacks, error))
    }

    fn read(&self, name: &str, extension: &str) -> Result<String, Error> {
        let path = self.path(name, extension)?;
        match std::fs::metadata(&path) {
            Ok(meta) if meta.len() > MAX_BYTES => Err(Error::File {
                path: format!("profile/{name}.{extension}"),
                reason: format!("{} bytes are too many", meta.len()),
            }),
            Ok(_) => std::fs::read_to_string(&path).map_err(|error| Error::file(&path, error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::NotFound {
                what: "profile",
                id: shorten(name, 60),
            }),
            Err(error) => Err(Error::file(&path, error)),
        }
    }

    fn path(&self, name: &str, extension: &str) -> Result<PathBuf, Error> {
        plain("profile", name)?;
        Ok(self.folder.join(format!("{name}.{extension}")))
    }
}
