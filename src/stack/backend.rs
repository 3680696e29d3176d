//! The embedded backend's process: collector, Jaeger and Prometheus, on well-known ports where they are free.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::log_file::LogFile;
use super::port::{Choice, choose};
use super::process::{Process, Spec};
use crate::session::Urls;

/// Replaying a long run's journals takes a while; starting empty takes milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Time to flush the journals.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The ports of the backend, as asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Jaeger's UI and query API.
    pub(crate) jaeger: Choice,
    /// OTLP over gRPC.
    pub(crate) otlp_grpc: Choice,
    /// OTLP over HTTP.
    pub(crate) otlp_http: Choice,
    /// Prometheus's API and the graph page.
    pub(crate) prometheus: Choice,
}

impl Ports {
    /// The ports that everybody knows, or free ones where they are taken.
    pub(crate) fn well_known() -> Self {
        Self {
            jaeger: Choice::Preferred(16686),
            otlp_grpc: Choice::Preferred(4317),
            otlp_http: Choice::Preferred(4318),
            prometheus: Choice::Preferred(9090),
        }
    }

    /// Free ports only, so that drills can run side by side.
    pub(crate) fn free() -> Self {
        Self {
            jaeger: Choice::Free,
            otlp_grpc: Choice::Free,
            otlp_http: Choice::Free,
            prometheus: Choice::Free,
        }
    }
}

/// What the backend works on.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// The run's id.
    pub(crate) run: &'a str,
    /// The run's folder.
    pub(crate) folder: &'a Path,
    /// Scrape targets and alert rules; `None` serves a recorded run instead.
    pub(crate) live: Option<Live>,
}

/// What makes a backend live.
#[derive(Debug)]
pub(crate) struct Live {
    /// The scrape targets file.
    pub(crate) targets: PathBuf,
    /// Alert rule files.
    pub(crate) rules: Vec<PathBuf>,
    /// Removed by the backend when the runner was killed.
    pub(crate) scratch: PathBuf,
}

/// The running backend.
#[derive(Debug)]
pub(crate) struct Backend {
    process: Process,
    config: Value,
    log: LogFile,
    pub(crate) jaeger: SocketAddr,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) prometheus: SocketAddr,
}

impl Backend {
    /// Starts the backend and waits until it answers.
    pub(crate) async fn start(work: Work<'_>, ports: Ports, log: LogFile) -> anyhow::Result<Self> {
        let jaeger = choose(ports.jaeger, "the Jaeger UI")?;
        let otlp_grpc = choose(ports.otlp_grpc, "OTLP over gRPC")?;
        let otlp_http = choose(ports.otlp_http, "OTLP over HTTP")?;
        let prometheus = choose(ports.prometheus, "the Prometheus API")?;
        let live = work.live.as_ref();
        let config = json!({
            "run": work.run,
            "jaeger": jaeger, "otlp_grpc": otlp_grpc, "otlp_http": otlp_http, "prometheus": prometheus,
            "targets": live.map(|live| &live.targets),
            "rules": live.map(|live| live.rules.clone()).unwrap_or_default(),
            "journal": live.map(|_| work.folder),
            "replay": live.is_none().then_some(work.folder),
            "remove_on_eof": live.map(|live| &live.scratch),
        });
        let process = run(&config, &log).await?;
        let address = |field| -> anyhow::Result<SocketAddr> {
            process
                .announced(field)?
                .parse()
                .with_context(|| format!("address `{field}` of the backend"))
        };
        Ok(Self {
            jaeger: address("jaeger")?,
            otlp_grpc: address("otlp_grpc")?,
            otlp_http: address("otlp_http")?,
            prometheus: address("prometheus")?,
            process,
            config,
            log,
        })
    }

    /// Starts it again where it was, with everything that it has written down, after it ended by itself.
    pub(crate) async fn revive(&mut self) -> anyhow::Result<()> {
        self.config["resume"] = Value::Bool(true);
        self.process = run(&self.config, &self.log).await?;
        Ok(())
    }

    /// Where it answers; it serves no shop.
    pub(crate) fn urls(&self) -> Urls {
        Urls {
            gateway: String::new(),
            jaeger: format!("http://{}", self.jaeger),
            prometheus: format!("http://{}", self.prometheus),
            otlp_grpc: format!("http://{}", self.otlp_grpc),
            otlp_http: format!("http://{}", self.otlp_http),
        }
    }

    /// Completes when the backend has ended.
    pub(crate) fn exited(&self) -> impl Future<Output = Option<std::process::ExitStatus>> + use<> {
        self.process.exited()
    }

    /// Flushes what it recorded and ends it.
    pub(crate) async fn stop(self) {
        self.process.stop(STOP_WITHIN).await;
    }
}

async fn run(config: &Value, log: &LogFile) -> anyhow::Result<Process> {
    Process::start(Spec {
        role: "backend",
        instance: "backend",
        config,
        listener: None,
        environment: &[],
        log: log.clone(),
        ready_within: READY_WITHIN,
    })
    .await
}
