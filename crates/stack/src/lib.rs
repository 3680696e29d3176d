//! Starts, supervises and stops the processes of one drill. Dropping a [`Stack`] ends them all.
//!
//! ```text
//!            runner ── stdin: configuration, then the lifeline ──> backend    (collector, Jaeger, Prometheus)
//!              │                                                ├─> payment    (a third party: no telemetry)
//!              │      <── stdout: ready line, stderr: log ──────├─> inventory-1, inventory-2
//!              │                                                ├─> checkout-1
//!              └── binds the public sockets, hands them on ─────└─> gateway-1
//! ```
//! With managers, the services are children of theirs instead, each in a container of its own.

pub mod backend;
pub(crate) mod catalogue;
pub mod copy;
mod error;
pub mod fleet;
pub mod guard;
pub mod http;
pub(crate) mod log_file;
pub mod manager;
mod place;
pub(crate) mod placement;
pub mod port;
pub(crate) mod process;
pub mod provider;
pub mod remote;
pub mod slot;
pub mod targets;
pub mod token;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use backend::{Backend, Kind, Live, Pager, Ports};
use fleet::{Common, Fleet, Releases};
use port::Choice;
use provider::Provider;
use remote::{Managers, Remote};
use slot::Notice;

pub use error::Error;

use shop_api::Service;

/// The alert rules, shared with a real Prometheus.
const RULES: &str = include_str!("../../../compose/prometheus/rules/shop.yml");

/// All that is needed to start a stack.
#[derive(Debug)]
pub struct Plan {
    /// The run's id.
    pub run: String,
    /// Seed of everything random in the services.
    pub seed: u64,
    /// The run's folder.
    pub folder: PathBuf,
    /// Where the prepared catalogue database is kept between runs.
    pub cache: PathBuf,
    /// The token of admin ports.
    pub token: String,
    /// The gateway's port.
    pub gateway: Choice,
    /// Which backends to take.
    pub backend: Kind,
    /// The backends' ports.
    pub ports: Ports,
    /// Where an Alertmanager that is started tells of pages.
    pub pager: Option<Pager>,
    /// The settings of every release.
    pub releases: Releases,
    /// The release of each service at the start.
    pub current: BTreeMap<Service, String>,
    /// False turns traces and metrics of the services off (benchmarks).
    pub telemetry: bool,
    /// What of the telemetry is missing.
    pub gaps: Gaps,
    /// Who starts the services' processes, where that is not us.
    pub managers: Option<Managers>,
    /// Whether an incident is to come; a shop without one gives way to a drill.
    pub is_drill: bool,
}

/// What of a shop's telemetry is missing; the default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    /// Environment variables of the services on top of those that name the backend.
    pub environment: Vec<(String, String)>,
    /// How late log lines arrive.
    pub logs_late: Duration,
    /// The instance that is not scraped.
    pub unscraped: Option<&'static str>,
}

impl Plan {
    /// Where services keep their databases; it goes when the run ends.
    pub(crate) fn scratch(&self) -> PathBuf {
        scratch(&self.folder)
    }
}

/// Where the databases of a run are kept while it goes on.
pub fn scratch(folder: &Path) -> PathBuf {
    folder.join("scratch")
}

/// The running processes.
#[derive(Debug)]
pub struct Stack {
    /// Jaeger and Prometheus.
    pub backend: Backend,
    /// The services.
    pub fleet: Arc<Fleet>,
    /// Where the shop is called.
    pub gateway: SocketAddr,
    /// The payment provider.
    pub provider: Arc<Provider>,
    /// Cancelled when a drill waits for the managers of a shop without incident.
    pub wanted: CancellationToken,
    remotes: Vec<Arc<Remote>>,
    scratch: Scratch,
}

/// A folder of databases, removed with the shop that it belongs to.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whatever is left of it, the backend's own clean-up or the next run's sweep removes.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The replicas that a shop starts with.
fn instances() -> impl Iterator<Item = (Service, &'static str)> {
    let of = |service: Service| service.instances().iter().map(move |name| (service, *name));
    Service::ALL.into_iter().flat_map(of)
}

/// Where the shop is called.
fn edge(slots: &[slot::Slot]) -> anyhow::Result<SocketAddr> {
    let gateway = slots
        .iter()
        .find(|slot| slot.service() == Some(Service::Gateway));
    gateway.context("no gateway")?.public()
}

impl Stack {
    /// Starts everything: the backend, the databases, then the services. Says each step to `progress`.
    ///
    /// Boxed, as an `async fn` is compiled where it is awaited: the runner's crate would compile this one again.
    pub fn start<'a>(
        plan: Plan,
        notices: &'a mpsc::Sender<Notice>,
        progress: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, anyhow::Result<Self>> {
        Box::pin(Self::started(plan, notices, progress))
    }

    async fn started(
        plan: Plan,
        notices: &mpsc::Sender<Notice>,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> anyhow::Result<Self> {
        let scratch = Scratch(plan.scratch());
        let logs = plan.folder.join("logs");
        let rules = plan.folder.join("rules.yml");
        std::fs::write(&rules, RULES).with_context(|| format!("file `{}`", rules.display()))?;
        let targets = plan.backend.targets(&plan.folder);
        if let Some(folder) = targets.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("folder `{}`", folder.display()))?;
        }
        targets::write(&targets, &[])?;

        let live = Live {
            run: &plan.run,
            folder: &plan.folder,
            targets: targets.clone(),
            rules,
            scratch: scratch.0.clone(),
            pager: plan.pager.clone(),
        };
        // From here on, even after a kill, the embedded backend removes the folder that is made next.
        let mut backend = Backend::start(&plan.backend, live, plan.ports).await?;
        std::fs::create_dir_all(&scratch.0)
            .with_context(|| format!("folder `{}`", scratch.0.display()))?;
        let mut environment = backend.exporter();
        environment.extend(plan.gaps.environment.iter().cloned());
        let wanted = CancellationToken::new();
        let place::Placed { slots, remotes } =
            place::slots(&plan, &logs, &environment, &wanted).await?;
        match place::holder_of_the_catalogue(&remotes) {
            Some(remote) => remote.catalogue().await?,
            None => catalogue::install(&plan.cache, &scratch.0, progress).await?,
        }

        let ip = plan.managers.as_ref().map(|managers| managers.bind);
        let provider = Provider::start(&logs, ip.unwrap_or(Ipv4Addr::LOCALHOST.into())).await?;
        let payment = place::seen_by_services(provider.addr()?, &remotes)?;
        let gateway = edge(&slots)?;
        let common = Common {
            run: plan.run,
            seed: plan.seed,
            token: plan.token,
            scratch: scratch.0.clone(),
            targets,
            telemetry: plan.telemetry,
            unscraped: plan.gaps.unscraped,
        };
        let fleet = Fleet::new(common, plan.releases, slots, &[("payment", payment)])?;
        fleet.start(&plan.current, notices).await?;
        provider.supervise(notices);
        progress("waiting until the shop is scraped");
        let views = fleet.scraped().await;
        let admin: Vec<SocketAddr> = views.iter().map(|view| view.admin).collect();
        backend.await_scrapes(&admin).await?;
        backend.supervise(notices);
        Ok(Self {
            backend,
            fleet: Arc::new(fleet),
            gateway,
            provider: Arc::new(provider),
            wanted,
            remotes,
            scratch,
        })
    }

    /// Ends the services, then what they talk to; telemetry in flight is kept.
    pub fn stop(self) -> BoxFuture<'static, ()> {
        Box::pin(self.stopped())
    }

    async fn stopped(self) {
        self.fleet.close().await;
        self.provider.close().await;
        self.backend.stop().await;
        // Last: the next runner of the shop starts when there is nothing left to write.
        futures_util::future::join_all(self.remotes.iter().map(|remote| remote.release())).await;
        drop(self.scratch);
    }
}
