//! The backends of a drill: which ones there are, and how they are started, watched and stopped.
//!
//! ```text
//! embedded   one child process that speaks for all           nothing to install
//! native     the real programs, each under its own keeper    found on PATH
//! external   nothing is started, everything is checked        runs already
//! ```
//! Readers of traces and metrics need not know which it is: they speak Jaeger's `/api/v3` and Prometheus's `/api/v1`
//! at the addresses that are given here.

pub mod dropped;
mod embedded;
mod external;
mod native;
mod probe;
mod version;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use record::{BackendKind, Backends, Urls};
use tokio::sync::mpsc;

pub use external::Addresses;
pub use native::Wanted;
pub use native::keeper::serve as serve_keeper;

use super::port::Choice;
use super::slot::Notice;
use super::token::Token;
use embedded::Embedded;
use external::External;
use native::Native;

/// How a real Jaeger is named in texts, native or external.
pub const JAEGER: &str = "jaeger";
/// How a real Prometheus is named in texts, native or external.
pub(crate) const PROMETHEUS: &str = "prometheus";

/// Which backends a drill is held on.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The ones that come with this program.
    Embedded,
    /// Real ones that the drill starts.
    Native(Wanted),
    /// Real ones that run already.
    External(Addresses),
}

impl Kind {
    /// As the run's head names it.
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::Embedded => BackendKind::Embedded,
            Self::Native(_) => BackendKind::Native,
            Self::External(_) => BackendKind::External,
        }
    }

    /// Where backends are that will be there after the run, too.
    pub fn urls(&self) -> Option<Urls> {
        match self {
            Self::External(addresses) => Some(Urls {
                gateway: String::new(),
                jaeger: addresses.jaeger.clone(),
                prometheus: addresses.prometheus.clone(),
                otlp_grpc: String::new(),
                otlp_http: String::new(),
                console: String::new(),
            }),
            _ => None,
        }
    }

    /// The scrape targets file: in the run's folder, except where a Prometheus that outlives the run has to find it.
    pub(crate) fn targets(&self, folder: &Path) -> PathBuf {
        match self {
            Self::External(addresses) => addresses.targets(),
            _ => folder.join("targets.json"),
        }
    }
}

/// The ports of the backends, as asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Jaeger's UI and query API.
    pub jaeger: Choice,
    /// OTLP over gRPC.
    pub otlp_grpc: Choice,
    /// OTLP over HTTP.
    pub otlp_http: Choice,
    /// Prometheus's API and the graph page.
    pub prometheus: Choice,
}

impl Ports {
    /// The ports that everybody knows, or free ones where they are taken.
    pub fn well_known() -> Self {
        Self {
            jaeger: Choice::Preferred(16686),
            otlp_grpc: Choice::Preferred(4317),
            otlp_http: Choice::Preferred(4318),
            prometheus: Choice::Preferred(9090),
        }
    }

    /// Free ports only, so that drills can run side by side.
    pub fn free() -> Self {
        Self {
            jaeger: Choice::Free,
            otlp_grpc: Choice::Free,
            otlp_http: Choice::Free,
            prometheus: Choice::Free,
        }
    }
}

/// What live backends work on.
#[derive(Debug)]
pub(crate) struct Live<'a> {
    /// The run's id.
    pub(crate) run: &'a str,
    /// The run's folder.
    pub(crate) folder: &'a Path,
    /// The scrape targets file.
    pub(crate) targets: PathBuf,
    /// The alert rules file.
    pub(crate) rules: PathBuf,
    /// Removed by the embedded backend if the runner was killed.
    pub(crate) scratch: PathBuf,
    /// Where an Alertmanager that is started tells of pages.
    pub(crate) pager: Option<Pager>,
}

/// The drill's pager as a webhook.
#[derive(Clone, Debug)]
pub struct Pager {
    /// The whole address.
    pub url: String,
    /// What it wants to be shown.
    pub token: Token,
}

/// The backends of one drill, reachable.
#[derive(Debug)]
pub enum Backend {
    /// One child that speaks for all.
    Embedded(Embedded),
    /// The real programs, started for the drill.
    Native(Native),
    /// The real programs, which run already.
    External(External),
}

impl Backend {
    /// Starts the backends and waits until they answer; external ones are only asked who they are.
    pub(crate) async fn start(kind: &Kind, live: Live<'_>, ports: Ports) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Embedded => Self::Embedded(Embedded::live(&live, ports).await?),
            Kind::Native(wanted) => Self::Native(Native::start(wanted, &live, ports).await?),
            Kind::External(addresses) => Self::External(External::check(addresses, &live).await?),
        })
    }

    /// Serves what an ended run recorded.
    pub fn replay<'a>(
        run: &'a str,
        folder: &'a Path,
        ports: Ports,
    ) -> BoxFuture<'a, anyhow::Result<Self>> {
        let started = Embedded::replay(run, folder, ports);
        Box::pin(async { Ok(Self::Embedded(started.await?)) })
    }

    /// Waits until the shop's processes are scraped, where that is not in our hands.
    pub(crate) async fn await_scrapes(&self, admin: &[SocketAddr]) -> anyhow::Result<()> {
        match self {
            Self::External(external) => external.await_scrapes(admin).await,
            Self::Embedded(_) | Self::Native(_) => Ok(()),
        }
    }

    /// Tells `notices` when a real backend goes away and comes back; one that the drill started is started again.
    pub(crate) fn supervise(&mut self, notices: &mpsc::Sender<Notice>) {
        match self {
            Self::Embedded(_) => {}
            Self::Native(native) => native.supervise(notices),
            Self::External(external) => external.supervise(notices),
        }
    }

    /// Completes when the embedded backend has ended, with how it ended; real ones are supervised instead.
    pub async fn exited(&self) -> String {
        match self {
            Self::Embedded(embedded) => embedded.exited().await,
            Self::Native(_) | Self::External(_) => std::future::pending().await,
        }
    }

    /// Starts the embedded backend again where it was, with everything that it has written down.
    pub async fn revive(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Embedded(embedded) => embedded.revive().await,
            Self::Native(_) | Self::External(_) => Ok(()),
        }
    }

    /// Where they answer; they serve no shop.
    pub fn urls(&self) -> Urls {
        match self {
            Self::Embedded(embedded) => embedded.urls(),
            Self::Native(native) => native.urls(),
            Self::External(external) => external.urls(),
        }
    }

    /// What tells the services' exporters where spans go.
    pub(crate) fn exporter(&self) -> Vec<(String, String)> {
        let (address, protocol) = match self {
            Self::External(external) => external.exporter(),
            _ => (self.urls().otlp_grpc, "grpc"),
        };
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), address),
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL".to_owned(),
                protocol.to_owned(),
            ),
        ]
    }

    /// Which they are and in what version, for the ready event and for people.
    pub fn about(&self) -> Backends {
        match self {
            Self::Embedded(_) => Backends {
                kind: BackendKind::Embedded,
                programs: Vec::new(),
                alertmanager: None,
                targets: None,
            },
            Self::Native(native) => native.about(),
            Self::External(external) => external.about(),
        }
    }

    /// Ends what was started, after what it still has to write.
    pub fn stop(self) -> BoxFuture<'static, ()> {
        Box::pin(async {
            match self {
                Self::Embedded(embedded) => embedded.stop().await,
                Self::Native(native) => native.stop().await,
                Self::External(external) => external.stop().await,
            }
        })
    }
}
