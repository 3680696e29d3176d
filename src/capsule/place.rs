//! Where an opened capsule is unpacked: a folder that goes away with the process that opened it.
//!
//! A process that is killed cannot clean up, so every place has a lock that the kernel takes back; whoever opens the
//! next capsule removes the places whose lock nobody holds.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;

use super::reader;

/// As the head of a run calls backends that keep what they take in the run's folder.
const EMBEDDED: &str = "embedded";
/// Longest name that a run may have given itself.
const MOST_NAME: usize = 64;

/// A capsule, unpacked into a run folder. Dropping it removes that.
#[derive(Debug)]
pub(crate) struct Opened {
    place: TempDir,
    run: String,
    /// What is lost of it, one text a file; empty for one that is whole.
    pub(crate) losses: Vec<String>,
    _lock: File,
}

impl Opened {
    /// Unpacks `file` below `base`, the folder of all such places.
    pub(crate) fn unpack(file: &Path, base: &Path) -> anyhow::Result<Self> {
        let (place, lock) = take(base).with_context(|| format!("folder `{}`", base.display()))?;
        let folder = place.path().join("run");
        let beside = place.path().join("beside");
        for folder in [&folder, &beside] {
            std::fs::create_dir(folder)
                .with_context(|| format!("folder `{}`", folder.display()))?;
        }
        let mut losses = reader::unpack(file, &folder, &beside)?;
        std::fs::remove_dir_all(&beside)
            .with_context(|| format!("folder `{}`", beside.display()))?;
        let head = head(&folder);
        if !losses.is_empty() && head["backend"].as_str().unwrap_or(EMBEDDED) == EMBEDDED {
            losses.extend(empty_journals(&folder)?);
        }
        let run = name(&head).unwrap_or_else(|| "run".to_owned());
        // A run is known by the name of its folder.
        std::fs::rename(&folder, place.path().join(&run)).context("folder of the run")?;
        Ok(Self {
            place,
            run,
            losses,
            _lock: lock,
        })
    }

    /// The run folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.place.path().join(&self.run)
    }
}

/// What `run.json` says, if it is there.
fn head(folder: &Path) -> Value {
    let head = std::fs::read(folder.join("run.json")).unwrap_or_default();
    serde_json::from_slice(&head).unwrap_or_default()
}

/// Journals of which nothing is left, as empty ones: what is left of the other can be looked at then. Answers which.
fn empty_journals(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut lost = Vec::new();
    for name in [backend::TRACES_FILE, backend::METRICS_FILE] {
        let path = folder.join(name);
        if !path.exists() {
            File::create(&path).with_context(|| format!("file `{}`", path.display()))?;
            lost.push(format!("`{name}`: nothing of it is there"));
        }
    }
    Ok(lost)
}

/// What the run called itself, if that can be the name of a folder.
fn name(head: &Value) -> Option<String> {
    let name = head["run"].as_str()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_name = !name.is_empty() && name.len() <= MOST_NAME && name.bytes().all(is_plain);
    (is_name && name != "lock").then(|| name.to_owned())
}

/// A new place, after those are removed that nobody holds.
fn take(base: &Path) -> std::io::Result<(TempDir, File)> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(base)?;
    // One at a time: a place without its lock yet would be taken for one that was left.
    let all = File::create(base.join("lock"))?;
    all.lock()?;
    for left in std::fs::read_dir(base)?.flatten() {
        if !left.path().is_dir() {
            continue;
        }
        let is_left = match File::open(left.path().join("lock")) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => true,
        };
        if is_left {
            // What cannot be removed now is tried again next time.
            let _ = std::fs::remove_dir_all(left.path());
        }
    }
    let place = tempfile::Builder::new().tempdir_in(base)?;
    let lock = File::create(place.path().join("lock"))?;
    lock.lock()?;
    Ok((place, lock))
}
