//! The process manager of one service in a container: what the runner does for a child locally, done there for it.
//!
//! ```text
//! runner ── HTTP, bearer token ──> manager ── stdin: configuration, then the lifeline ──> service process
//!                                   │  ▲  └─── stdout: ready line, stderr: log ───────────┘
//!    lease, start, stop, news ──────┘  └── binds the public socket, hands it on
//! Prometheus, heap and CPU profiles ──> fixed admin port ── passed on to the newest process
//! ```
//! A manager serves one run at a time, which holds its *lease* by asking for news. A run that asks no more for
//! [`LEASE`] is gone, however it went: its processes are ended and its databases removed, as the end of standard
//! input does it for local children.

mod forward;
mod host;
mod serve;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shop_api::Service;

pub use serve::{Options, run};

/// A run that has not asked for news for so long has lost the manager.
pub(crate) const LEASE: Duration = Duration::from_secs(6);
/// How long a question for news waits for some.
pub(crate) const NEWS_WITHIN: Duration = Duration::from_secs(1);

/// Takes the manager for a run; the run that has it may ask again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeaseRequest {
    /// The run's id.
    pub(crate) run: String,
    /// False for a shop without incident, which gives way to a drill.
    pub(crate) is_drill: bool,
}

/// What a manager says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The service whose processes it starts.
    pub(crate) service: Service,
    /// The version of its program.
    pub(crate) version: String,
    /// What tells builds of one version apart, where the linker wrote it: hexadecimal.
    pub(crate) build: Option<String>,
    /// The port of the service.
    pub(crate) public_port: u16,
    /// The port at which the newest process's admin routes are found.
    pub(crate) admin_port: u16,
    /// The folder of this run's databases.
    pub(crate) scratch: PathBuf,
}

/// Names the run that asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfRun {
    /// The run's id.
    pub(crate) run: String,
}

/// Starts a process; answered when it is ready.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRequest {
    /// The run's id.
    pub(crate) run: String,
    /// The process's name in logs and messages.
    pub(crate) instance: String,
    /// Variables of telemetry (`OTEL_…`), and no others.
    pub(crate) environment: Vec<(String, String)>,
    /// The configuration, sealed parts included; it goes to the child's standard input and nowhere else.
    pub(crate) config: Value,
    /// How long the process may take to be ready, in milliseconds.
    pub(crate) ready_within_ms: u64,
}

/// A process that is ready.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    /// The manager's number for it.
    pub(crate) id: u64,
    /// The operating system's number for it, in the container.
    pub(crate) pid: u32,
    /// Its ready line.
    pub(crate) ready: Value,
}

/// Ends a process; answered when it has ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopRequest {
    /// The run's id.
    pub(crate) run: String,
    /// Which process.
    pub(crate) id: u64,
    /// How long it may finish what it has in flight, in milliseconds.
    pub(crate) patience_ms: u64,
}

/// Asks what has happened; answered at once if anything has, else within [`NEWS_WITHIN`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewsRequest {
    /// The run's id.
    pub(crate) run: String,
    /// The number of the first log line that is not known yet.
    pub(crate) after: u64,
    /// How many ends of processes are known already.
    pub(crate) ends: usize,
}

/// What has happened.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct News {
    /// The number of the log line that comes next.
    pub(crate) next: u64,
    /// Log lines, oldest first.
    pub(crate) lines: Vec<String>,
    /// Lines that were dropped because they were not collected in time.
    pub(crate) lost: u64,
    /// Processes that have ended, in that order.
    pub(crate) ended: Vec<Ended>,
    /// Whether a drill waits for the shop to be given up.
    pub(crate) is_wanted: bool,
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// The manager's number for it.
    pub(crate) id: u64,
    /// As the system's `wait` tells it.
    pub(crate) status: i32,
}

/// Why a manager did not do it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// In words.
    pub(crate) message: String,
    /// The last log lines of a process that did not come up.
    #[serde(default)]
    pub(crate) log: Vec<String>,
}

/// What the linker wrote into this program to tell its builds apart.
pub(crate) fn build() -> Option<String> {
    use object::Object as _;
    let file = std::fs::File::open(std::env::current_exe().ok()?).ok()?;
    // Reads the few pages that hold the note instead of the whole program.
    let cache = object::ReadCache::new(file);
    let program = object::File::parse(&cache).ok()?;
    program.build_id().ok().flatten().map(hex::encode)
}
