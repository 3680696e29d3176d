//! The files of a run folder that the runner itself writes, line by line, so that a kill loses at most a line.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use serde::Serialize;

/// A file of JSON lines that only grows.
#[derive(Debug)]
pub(crate) struct JsonLines {
    file: Mutex<File>,
}

impl JsonLines {
    /// Opens `<folder>/<name>` for appending.
    pub(crate) fn open(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name);
        let file = File::options().create(true).append(true).open(&path);
        Ok(Self {
            file: Mutex::new(file.with_context(|| format!("file `{}`", path.display()))?),
        })
    }

    /// Appends one value as one line.
    pub(crate) fn push(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(value).context("a line of the run's record")?;
        line.push(b'\n');
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // One write call: a reader never sees half a line.
        file.write_all(&line).context("the run's record")
    }
}
