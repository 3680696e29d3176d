//! A second, quiet copy of the shop: own sockets, own databases, no traffic, and no telemetry that is kept.
//!
//! It stands beside a drill's shop for as long as something is tried on it, and shares nothing with it.
//! Its databases lie below those of the drill, so removing these removes them too.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use ingress::Server;
use shop_api::Service;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::fleet::{Common, Fleet, Releases};
use super::log_file::LogFile;
use super::placement::Placement;
use super::provider::Provider;
use super::slot::{Notice, Role, Slot};
use super::{Scratch, catalogue, instances};

/// No span leaves a copy, whatever the runner's own environment says: there are spans, as in the shop, and what they are sent
/// to keeps none.
const SPANS: [(&str, &str); 5] = [
    ("OTEL_SDK_DISABLED", "false"),
    ("OTEL_TRACES_EXPORTER", "otlp"),
    ("OTEL_TRACES_SAMPLER", "parentbased_always_on"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
];
const SPANS_TO: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
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
    _sink: JoinSet<()>,
    _scratch: Scratch,
}

impl Copy {
    /// Starts it, and waits until it answers.
    pub async fn start(plan: Plan) -> anyhow::Result<Self> {
        let scratch = Scratch(plan.scratch);
        std::fs::create_dir_all(&scratch.0)
            .with_context(|| format!("folder `{}`", scratch.0.display()))?;
        catalogue::install(&plan.cache, &scratch.0, &|_| {}).await?;
        let (sink, spans_to) = sink().await?;
        let slots = slots(&spans_to)?;
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
            _sink: sink,
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

/// Accepts whatever is sent to it and keeps nothing; ends with the task. Gives its address.
async fn sink() -> anyhow::Result<(JoinSet<()>, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.context("socket for the spans of a second shop")?;
    let to = format!("http://{}/v1/traces", listener.local_addr()?);
    let mut task = JoinSet::new();
    task.spawn(async move {
        // It ends with the copy, by being dropped.
        let server = Server::new(Router::new().fallback(async || ()));
        server.run(listener, CancellationToken::new()).await;
    });
    Ok((task, to))
}

fn slots(spans_to: &str) -> anyhow::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    for (service, instance) in instances() {
        let log = LogFile::in_memory(instance);
        let placement = Placement::here((Ipv4Addr::LOCALHOST, 0).into(), log)
            .with_context(|| format!("socket of a second `{service}`"))?;
        let environment = SPANS.into_iter().chain([(SPANS_TO, spans_to)]);
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = environment.collect();
        slots.push(Slot::new(
            Role::Service(service),
            instance.to_owned(),
            placement,
            environment,
        ));
    }
    Ok(slots)
}
