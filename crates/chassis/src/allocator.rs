//! The process's allocator: jemalloc, with heap profiling compiled in.
//!
//! This is its only declaration; every program that links this crate uses it. It is configured by a
//! symbol that jemalloc looks up, because every parent would have to set an environment variable, and
//! a plain `cargo run` would not.

#[cfg(all(target_os = "linux", feature = "heap"))]
mod jemalloc;

#[cfg(all(target_os = "linux", feature = "heap"))]
pub(crate) use self::jemalloc::{heap_profile, record, start_profiling};

#[cfg(not(all(target_os = "linux", feature = "heap")))]
pub(crate) use self::system::{heap_profile, record, start_profiling};

/// Why there is no heap profile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The build has no heap profiling.
    #[cfg_attr(
        all(target_os = "linux", feature = "heap"),
        expect(dead_code, reason = "this build has heap profiles")
    )]
    #[error("this build does not support heap profiles")]
    Unsupported,
    /// jemalloc failed to dump the profile.
    #[cfg_attr(
        not(all(target_os = "linux", feature = "heap")),
        expect(dead_code, reason = "this build has no heap profiles")
    )]
    #[error("failed to make a heap profile: {0}")]
    Profile(String),
}

#[cfg(not(all(target_os = "linux", feature = "heap")))]
mod system {
    //! Builds without jemalloc have no heap profiles and no allocator metrics.

    use super::Error;

    pub(crate) fn start_profiling() {}

    pub(crate) fn record() {}

    pub(crate) fn heap_profile() -> Result<Vec<u8>, Error> {
        Err(Error::Unsupported)
    }
}
