//! The process's allocator: jemalloc, with heap profiling compiled in.
//!
//! It is declared here and nowhere else; every program that links this crate has it. Configuration
//! is a symbol that jemalloc looks for, because an environment variable would have to be set by
//! every parent and would be lost by a plain `cargo run`.

#[cfg(all(target_os = "linux", feature = "heap"))]
mod jemalloc;

#[cfg(all(target_os = "linux", feature = "heap"))]
pub(crate) use self::jemalloc::{heap_profile, record, start_profiling};

#[cfg(not(all(target_os = "linux", feature = "heap")))]
pub(crate) use self::system::{heap_profile, record, start_profiling};

/// A heap profile that could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Built without it.
    #[cfg_attr(
        all(target_os = "linux", feature = "heap"),
        expect(dead_code, reason = "this build has heap profiles")
    )]
    #[error("this build has no heap profiles")]
    Unsupported,
    /// jemalloc or its dump.
    #[cfg_attr(
        not(all(target_os = "linux", feature = "heap")),
        expect(dead_code, reason = "this build has no heap profiles")
    )]
    #[error("failed to make a heap profile: {0}")]
    Profile(String),
}

#[cfg(not(all(target_os = "linux", feature = "heap")))]
mod system {
    //! Without jemalloc there is nothing to measure.

    use super::Error;

    pub(crate) fn start_profiling() {}

    pub(crate) fn record() {}

    pub(crate) fn heap_profile() -> Result<Vec<u8>, Error> {
        Err(Error::Unsupported)
    }
}
