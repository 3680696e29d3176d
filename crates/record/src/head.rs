//! The head of a run, and where its parts answered.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Error, HEAD, instant, run_of};

/// The format of run folders that this version writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// What is known of a run from its start, and at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The version of the program that recorded it.
    pub firedrill: String,
    /// When the runner started.
    #[serde(with = "instant")]
    pub started: OffsetDateTime,
    /// Seed of traffic and data.
    pub seed: u64,
    /// How much time the drill gave: `fast` or `real`.
    pub pace: String,
    /// What of the telemetry was missing, if anything was: `sampling`, `scrape`, `logs` or `spans`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// Which backends there were.
    pub backend: BackendKind,
    /// Where backends answer that outlive the run; none for others.
    pub urls: Option<Urls>,
    /// SHA-256 over the nonce and the scenario file; none for a run without a drill.
    pub scenario_hash: Option<String>,
    /// When it was over; none while it runs, and after a kill.
    #[serde(with = "instant::option", default)]
    pub ended: Option<OffsetDateTime>,
    /// What goes into the hash before the file; sealed until the run is over.
    #[serde(default)]
    pub nonce: Option<String>,
}

impl Head {
    /// Reads a run's head; refuses one of another format.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        /// The one key that heads of all formats have.
        #[derive(Deserialize)]
        struct Version {
            format: Option<u32>,
        }
        let path = HEAD.path(folder);
        let failed = |reason: String| Error::file(&path, reason);
        let bytes = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
        let version: Version =
            serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        if version.format != Some(FORMAT) {
            return Err(Error::Format {
                run: run_of(folder),
                found: version.format,
            });
        }
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }
}

/// Base URLs, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urls {
    /// The shop.
    pub gateway: String,
    /// Jaeger's UI and query API.
    pub jaeger: String,
    /// Prometheus's UI and API.
    pub prometheus: String,
    /// OTLP over gRPC.
    pub otlp_grpc: String,
    /// OTLP over HTTP.
    pub otlp_http: String,
    /// The incident console, with the token that lets the responder in; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub console: String,
}

/// Which backends a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// Those of the program, which record what they take in the run folder.
    Embedded,
    /// Real ones that the run started.
    Native,
    /// Real ones that were there before.
    External,
}

impl std::fmt::Display for BackendKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Embedded => "embedded",
            Self::Native => "native",
            Self::External => "external",
        })
    }
}

/// The backends of a run, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backends {
    /// Which ones.
    pub kind: BackendKind,
    /// The real programs among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Program>,
    /// Where an Alertmanager answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<String>,
    /// The file of scrape targets that a Prometheus that was there before has to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<String>,
}

/// A real backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// `jaeger`, `prometheus` or `alertmanager`.
    pub name: String,
    /// Its version; empty if it does not say.
    pub version: String,
    /// The executable, where the run started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_format_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = run_of(folder.path());
        let check = |text: &str, expected: Result<(), String>| {
            std::fs::write(HEAD.path(folder.path()), text).expect("a head");
            let read = Head::read(folder.path()).map(drop);
            assert_eq!(read.map_err(|error| error.to_string()), expected, "{text}");
        };
        check(
            r#"{"format":1,"run":"r","firedrill":"0.1.0","started":"2026-11-23T14:00:00Z","seed":1,
                "pace":"fast","backend":"embedded","urls":null,"scenario_hash":null}"#,
            Ok(()),
        );
        let other = |found| {
            Err(format!(
                "run {run} has format {found}; this firedrill reads format 1"
            ))
        };
        check(r#"{"run":"r","started":"2026-11-23T14:00:00Z"}"#, other(0));
        check(r#"{"format":2,"anything":{}}"#, other(2));
        check(
            "{",
            Err("`run.json`: EOF while parsing an object at line 1 column 1".to_owned()),
        );
    }
}
