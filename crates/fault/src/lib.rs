//! Mechanisms that change how a process or an edge between processes behaves, one file per kind.
//!
//! Silent: nothing here logs, records or exports anything.

pub mod limit;
pub mod timer;
