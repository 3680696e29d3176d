//! Mechanisms that change how a process or an edge between processes behaves, one file per kind.
//!
//! Silent: nothing here logs, records or exports anything. Whatever is started can be changed and
//! removed at run time, and leaves nothing behind.

pub mod decide;
pub mod limit;
pub mod timer;
pub mod wire;
