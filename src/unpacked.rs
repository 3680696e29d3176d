//! Where an archive is unpacked: a private folder that goes away with the process that opened it.
//!
//! A process that is killed cannot clean up, so every place has a lock that the kernel takes back; the next one to open the
//! next archive removes the places whose lock is free.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use record::archive::{self, Loss, unpack};
use record::{BackendKind, Head};
use tempfile::TempDir;

use crate::error::Error;

/// Longest name that a run may have given itself.
const MOST_NAME: usize = 64;

/// An archive, unpacked into a run folder. Dropping it removes that.
#[derive(Debug)]
pub(crate) struct Unpacked {
    place: TempDir,
    run: String,
    /// What is missing of it; empty for one that is whole.
    pub(crate) losses: Vec<Loss>,
    _lock: File,
}

impl Unpacked {
    /// Unpacks `file` below `base`, the folder of all such places.
    pub(crate) fn of(file: &Path, base: &Path) -> anyhow::Result<Self> {
        let (place, lock) = take(base).with_context(|| format!("folder `{}`", base.display()))?;
        let folder = place.path().join("run");
        std::fs::create_dir(&folder).with_context(|| format!("folder `{}`", folder.display()))?;
        let losses = unpack(file, &folder).map_err(refusal)?;
        let head = Head::read(&folder).ok();
        let is_embedded = |head: &Head| head.backend == BackendKind::Embedded;
        if !losses.is_empty() && head.as_ref().is_none_or(is_embedded) {
            empty_journals(&folder)?;
        }
        let run = head.map(|head| head.run).filter(|run| is_name(run));
        let run = run.unwrap_or_else(|| "run".to_owned());
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

/// What is wrong with a file that was named is the user's to repair; a disk is not.
fn refusal(error: archive::Error) -> anyhow::Error {
    let hint = match &error {
        archive::Error::File { .. } => return error.into(),
        archive::Error::Format { .. } => "open it with the version of firedrill that packed it",
        archive::Error::NotAnArchive(_) | archive::Error::TooLarge(_) => {
            "`firedrill pack RUN FILE` writes one"
        }
    };
    Error::usage(error.to_string(), hint).into()
}

/// Journals of which nothing is left, as empty ones: what is left of the other can be looked at then.
fn empty_journals(folder: &Path) -> anyhow::Result<()> {
    for name in [backend::TRACES_FILE, backend::METRICS_FILE] {
        let path = folder.join(name);
        let mut options = File::options();
        let opened = options.append(true).create(true).open(&path);
        opened.with_context(|| format!("file `{}`", path.display()))?;
    }
    Ok(())
}

/// Whether that can be the name of a folder beside the lock.
fn is_name(run: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !run.is_empty() && run.len() <= MOST_NAME && run.bytes().all(is_plain) && run != "lock"
}

/// A new place, after those are removed whose lock is free.
fn take(base: &Path) -> std::io::Result<(TempDir, File)> {
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

#[cfg(test)]
mod tests {
    use record::archive::pack;

    use super::*;

    fn archive(state: &Path) -> PathBuf {
        let run = state.join("19700101-000000-00ab");
        std::fs::create_dir_all(&run).expect("a folder");
        let head = r#"{"format":1,"run":"19700101-000000-00ab","firedrill":"0.1.0","started":"2026-11-23T14:00:00Z",
            "seed":1,"pace":"fast","backend":"embedded","urls":null,"scenario_hash":null}"#;
        std::fs::write(record::HEAD.path(&run), head).expect("a head");
        let file = state.join("sent.tar.gz");
        pack(&run, &file).expect("an archive");
        file
    }

    #[test]
    fn a_run_is_unpacked_under_its_own_name_and_goes_away() {
        let state = tempfile::tempdir().expect("a temporary folder");
        let unpacked = Unpacked::of(&archive(state.path()), &state.path().join("opened"));
        let unpacked = unpacked.expect("it opens");
        let folder = unpacked.folder();
        assert!(folder.ends_with("19700101-000000-00ab") && record::HEAD.path(&folder).exists());
        drop(unpacked);
        assert!(!folder.exists());
    }

    #[test]
    fn a_place_whose_process_is_gone_is_removed_by_the_next() {
        let state = tempfile::tempdir().expect("a temporary folder");
        let (file, base) = (archive(state.path()), state.path().join("opened"));
        let left = base.join("left");
        std::fs::create_dir_all(left.join("run")).expect("folders");
        std::fs::write(left.join("lock"), "").expect("a lock");
        let held = Unpacked::of(&file, &base).expect("it opens");
        let second = Unpacked::of(&file, &base).expect("it opens");
        assert!(!left.exists());
        assert!(held.folder().exists() && second.folder().exists());
    }

    #[test]
    fn what_is_no_archive_is_a_usage_error() {
        let state = tempfile::tempdir().expect("a temporary folder");
        let file = state.path().join("text");
        std::fs::write(&file, "a text").expect("a file");
        let error = Unpacked::of(&file, &state.path().join("opened")).expect_err("refused");
        assert_eq!(crate::error::exit_code(&error), 2);
        assert!(
            error.to_string().ends_with("is not the archive of a run"),
            "{error}"
        );
    }
}
