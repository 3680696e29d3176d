//! Limits that the operating system enforces on this process.
//!
//! A process may lower its own soft limits without privileges. Lower them before serving: files that are already open
//! stay open. Hard limits do not change, and the limits end with the process.

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Process;

/// Sets the limits of this process; an absent one does not change.
pub(crate) fn apply(process: &Process) -> anyhow::Result<()> {
    for (resource, what, value) in [
        (Resource::Nofile, "open files", process.max_open_files),
        (
            Resource::As,
            "address space",
            process.max_address_space_bytes,
        ),
    ] {
        let Some(value) = value else { continue };
        let limit = Rlimit {
            current: Some(value),
            maximum: getrlimit(resource).maximum,
        };
        setrlimit(resource, limit).with_context(|| format!("limit of {what} to {value}"))?;
    }
    Ok(())
}
