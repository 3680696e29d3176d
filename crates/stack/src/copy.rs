//! A second, quiet copy of the shop: own sockets, own databases, no traffic, and no telemetry.
//!
//! It stands beside a drill's shop for as long as something is tried on it, and shares nothing with it.
//! Its databases lie below those of the drill, so removing these removes them too.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use shop_api::Service;
use tokio::sync::mpsc;

use super::fleet::{Common, Fleet, Releases};
use super::log_file::LogFile;
use super::placement::Placement;
use super::provider::Provider;
use super::slot::{Notice, Role, Slot};
use super::{Scratch, catalogue, instances};

/// Keeps every span to itself, whatever the runner's own environment says: calls name their trace, as they do in the
/// shop, and none of it is recorded.
const NO_SPANS: [(&str, &str); 3] = [
    ("OTEL_SDK_DISABLED", "false"),
    ("OTEL_TRACES_EXPORTER", "otlp"),
    ("OTEL_TRACES_SAMPLER", "always_off"),
];
/// Notices of processes that end; a copy under test may lose some, and they are not read.
const NOTICES: usize = 64;

/// What a copy is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Id of the drill's run.
    pub run: String,
    /// Seed of everything random in the services.
    pub seed: u64,
    /// Where its databases are kept; made here, and removed with the copy.
    pub scratch: PathBuf,
    /// Where the prepared catalogue is kept.
    pub cache: PathBuf,
    /// The settings of every release.
    pub releases: Releases,
    /// The release of each service at the start.
    pub current: BTreeMap<Service, String>,
}

/// A running copy. Dropping it ends its processes and removes its databases.
#[derive(Debug)]
pub struct Copy {
    /// Its services.
    pub fleet: Arc<Fleet>,
    /// Its payment provider.
    pub provider: Arc<Provider>,
    /// Where it is called.
    pub gateway: SocketAddr,
    _notices: mpsc::Receiver<Notice>,
    _scratch: Scratch,
}

impl Copy {
    /// Starts it, and waits until it answers.
    pub async fn start(plan: Plan) -> anyhow::Result<Self> {
        let scratch = Scratch(plan.scratch);
        std::fs::create_dir_all(&scratch.0)
            .with_context(|| format!("folder `{}`", scratch.0.display()))?;
        catalogue::install(&plan.cache, &scratch.0, &|_| {}).await?;
        let slots = slots()?;
        let gateway = super::edge(&slots)?;
        let provider = Provider::start(&scratch.0, Ipv4Addr::LOCALHOST.into()).await?;
        let common = Common {
            run: plan.run,
            seed: plan.seed,
            token: hex::encode(rand::random::<[u8; 32]>()),
            targets: targets(&scratch.0),
            scratch: scratch.0.clone(),
            telemetry: true,
            unscraped: None,
        };
        let payment = [("payment", provider.addr()?)];
        let fleet = Fleet::new(common, plan.releases, slots, &payment)?;
        let (notices, received) = mpsc::channel(NOTICES);
        fleet.start(&plan.current, &notices).await?;
        Ok(Self {
            fleet: Arc::new(fleet),
            provider: Arc::new(provider),
            gateway,
            _notices: received,
            _scratch: scratch,
        })
    }

    /// Ends it.
    pub async fn stop(self) {
        self.fleet.close().await;
        self.provider.close().await;
    }
}

fn targets(scratch: &Path) -> PathBuf {
    scratch.join("targets.json")
}

fn slots() -> anyhow::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    for (service, instance) in instances() {
        let log = LogFile::in_memory(instance);
        let placement = Placement::here((Ipv4Addr::LOCALHOST, 0).into(), log)
            .with_context(|| format!("socket of a second `{service}`"))?;
        let environment = NO_SPANS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = environment.to_vec();
        slots.push(Slot::new(
            Role::Service(service),
            instance.to_owned(),
            placement,
            environment,
        ));
    }
    Ok(slots)
}
