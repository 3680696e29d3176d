//! Limits that the operating system enforces on this process: open files, address space.
//!
//! A process may lower its own soft limits without privileges. Lower them before serving: files that are
//! already open stay open. Hard limits do not change, and the limits end with the process.

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Limits to set; an absent one does not change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Files and sockets open at once (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// Bytes of address space (`RLIMIT_AS`).
    pub address_space_bytes: Option<u64>,
}

/// A limit that could not be set.
#[derive(Debug, thiserror::Error)]
#[error("failed to limit {what} to {value}")]
pub struct Error {
    what: &'static str,
    value: u64,
    #[source]
    source: Errno,
}

/// Sets the limits of this process.
pub fn apply(limits: &Limits) -> Result<(), Error> {
    set(Resource::Nofile, "open files", limits.open_files)?;
    set(Resource::As, "address space", limits.address_space_bytes)
}

/// The current soft limits; absent means unlimited.
pub fn current() -> Limits {
    Limits {
        open_files: getrlimit(Resource::Nofile).current,
        address_space_bytes: getrlimit(Resource::As).current,
    }
}

fn set(resource: Resource, what: &'static str, value: Option<u64>) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    let limit = Rlimit {
        current: Some(value),
        maximum: getrlimit(resource).maximum,
    };
    setrlimit(resource, limit).map_err(|source| Error {
        what,
        value,
        source,
    })
}
