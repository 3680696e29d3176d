//! CPU profiles of this process: the stacks on its CPUs, sampled for some seconds.

#[cfg(target_os = "linux")]
mod sampler;
#[cfg(target_os = "linux")]
mod signal;

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) use self::sampler::cpu_profile;

/// Longest profile, so that a forgotten request ends.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// How a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Gzipped pprof with addresses and mappings; the reader has the executable.
    Pprof,
    /// One line per stack, `outer;inner count`, with function names.
    Folded,
}

/// A CPU profile that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to make a CPU profile: {0}")]
pub(crate) struct Error(String);

#[cfg(not(target_os = "linux"))]
pub(crate) async fn cpu_profile(_: Duration, _: Format) -> Result<Vec<u8>, Error> {
    Err(Error("this build has no CPU profiles".to_owned()))
}
