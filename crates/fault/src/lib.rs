//! Mechanisms that change the behaviour of a process or of a connection between processes, one file each.
//!
//! Silent: nothing here logs, records or exports anything. Everything can be changed and removed at run
//! time, and leaves nothing behind.

pub mod decide;
pub mod limit;
pub mod timer;
pub mod wire;
