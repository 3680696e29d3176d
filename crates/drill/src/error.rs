//! What the user caused, or can do something about, when a drill is started or looked for.

use std::path::PathBuf;

/// Why there is no drill, or no run, of the kind that was asked for. Everything else travels as `anyhow::Error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no folder for runs.
    #[error("there is no home folder to keep the runs in")]
    NoStateDir,
    /// The folder for runs is not one that a drill can use.
    #[error("{message}")]
    StateDir {
        /// What is wrong with it.
        message: String,
        /// What to do.
        hint: String,
    },
    /// No drill is running.
    #[error("no drill is running")]
    NotRunning {
        /// The state folder that was searched.
        state_dir: PathBuf,
    },
    /// A second drill in the same state folder.
    #[error("a drill is already running: {run}, process {pid}")]
    AlreadyRunning {
        /// The running drill.
        run: String,
        /// Its runner.
        pid: u32,
    },
    /// A name that matches nothing.
    #[error("there is no {kind} `{name}`")]
    UnknownName {
        /// What it should have named: `run`, `service`.
        kind: &'static str,
        /// What was typed.
        name: String,
        /// Names that look like it, best first.
        nearest: Vec<String>,
    },
}

impl Error {
    /// A name that is not among `known`, with the names that look like it.
    pub(crate) fn unknown<'a>(
        kind: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let nearest = text::nearest(name, known);
        Self::UnknownName {
            kind,
            name: name.to_owned(),
            nearest: nearest.into_iter().map(str::to_owned).collect(),
        }
    }
}
