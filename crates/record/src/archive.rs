//! A run folder as one compressed file, and back.
//!
//! ```text
//! contents.json  run.json  deploys.jsonl  …  traces.otlp.lz4          run.json  contents.json     a tar file
//! └── member ──┘ └ member ┘└ member ────┘   └ member ┘└ member ┘ …                                of gzip members
//! ```
//! Any `tar xzf` unpacks it. Each stretch of a file is a gzip member of its own, with a checksum and a label that says
//! which stretch it is; so damage costs the members that it hits, the next one is found by how a member begins, and
//! what is missing can be told file by file. The contents and the head are there twice, at the begin and at the end.

mod label;
mod pack;
#[cfg(test)]
mod tests;
mod unpack;

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::FORMAT;

pub use pack::{Packed, pack};
pub use unpack::unpack;

/// A stretch of a file: what a damaged member costs.
const STRETCH_BYTES: usize = 64 << 10;
/// More than any run folder has: what an archive says of itself must not fill the disk.
const MOST_BYTES: u64 = 2 << 30;
/// More files than any run has.
const MOST_FILES: usize = 10_000;
/// The name of the list of files.
const CONTENTS: &str = "contents.json";
/// A tar file is made of blocks of this size.
const BLOCK: usize = 512;

/// Why a run cannot be packed, or an archive not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is something else.
    #[error("`{}` is not the archive of a run", .0.display())]
    NotAnArchive(PathBuf),
    /// Another version wrote it.
    #[error("`{}` has format {found}; this firedrill reads format {FORMAT}", file.display())]
    Format {
        /// The archive.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It is larger than any run.
    #[error("`{}` is too large for a run: the limits are {MOST_FILES} files and {MOST_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// The disk refuses.
    #[error("file `{}`: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

/// What is missing of an archive that was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Of a file.
    File {
        /// Its name in the run folder.
        name: String,
        /// Bytes that are missing.
        lost: u64,
        /// Bytes that it had.
        bytes: u64,
        /// In how many places.
        places: u64,
    },
    /// The list of files: others may be missing.
    Contents,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                name, lost, bytes, ..
            } if lost == bytes => write!(f, "`{name}`: all of it, {bytes} bytes"),
            Self::File {
                name,
                lost,
                bytes,
                places,
            } => {
                let plural = if *places == 1 { "" } else { "s" };
                write!(
                    f,
                    "`{name}`: {lost} of {bytes} bytes, in {places} place{plural}"
                )
            }
            Self::Contents => f.write_str("the list of files: more files may be missing"),
        }
    }
}

/// What an archive is to have.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    format: u32,
    files: Vec<Entry>,
}

/// A file of the run.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
}

/// Whether a name stays below the folder that it is joined to.
fn is_inside(name: &str) -> bool {
    let is_normal = |part: Component| matches!(part, Component::Normal(_));
    !name.is_empty()
        && name.len() < 200
        && !name.contains(char::is_control)
        && Path::new(name).components().all(is_normal)
}
