//! CPU profiles of this process: its running stacks, sampled for some seconds.

#[cfg(target_os = "linux")]
mod sampler;
#[cfg(target_os = "linux")]
mod signal;

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) use self::sampler::cpu_profile;

/// Maximum duration of a profile, so that a forgotten request ends.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// The format of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Gzipped pprof with addresses and mappings; the reader has the executable.
    Pprof,
    /// One line per stack, `outer;inner count`, with function names.
    Folded,
}

/// Why there is no CPU profile.
#[derive(Debug, thiserror::Error)]
#[error("failed to make a CPU profile: {0}")]
pub(crate) struct Error(String);

#[cfg(not(target_os = "linux"))]
pub(crate) async fn cpu_profile(_: Duration, _: Format) -> Result<Vec<u8>, Error> {
    Err(Error("this build does not support CPU profiles".to_owned()))
}
