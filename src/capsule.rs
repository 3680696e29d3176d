//! The capsule: everything that a run leaves, in one SQLite file that is written as the drill goes.
//!
//! ```text
//! run folder ──every 400 ms──► writer ─► capsule.sqlite          logs/x.jsonl      lines(file, offset, line)
//!   files that grow, files that are replaced                     traces.otlp.lz4   pieces(file, offset, bytes)
//!                                                                run.json, heap/…  files(name, content)
//! capsule.sqlite ─► reader ─► rows ─► assembly ─► a run folder again, and what is lost of it
//!                   └ damaged ► salvage ┘
//! ```
//! The capsule mirrors the folder and knows nothing of what is in it: whatever the folder gains is in the capsule,
//! and whoever reads a run reads a folder. Every row carries a checksum, because SQLite notices damage to its trees
//! and none to what hangs on them. There are no indexes: a table of rows in order is what can be salvaged page by page.

mod assembly;
mod mirror;
mod place;
mod reader;
mod row;
mod salvage;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use place::Opened;
pub(crate) use writer::{Writer, complete};

/// Name of the file in the run's folder.
pub(crate) const FILE_NAME: &str = "capsule.sqlite";
