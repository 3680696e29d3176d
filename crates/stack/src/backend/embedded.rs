//! The embedded backend's process: collector, Jaeger and Prometheus, on well-known ports where they are free.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use record::Urls;
use serde_json::{Value, json};

use super::{Live, Ports};
use crate::log_file::LogFile;
use crate::port::to_bind;
use crate::process::{Launch, Process};

/// Replaying a long run's journals takes a while; starting empty takes milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Time to flush the journals.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The running backend.
#[derive(Debug)]
pub struct Embedded {
    process: Process,
    config: Value,
    log: LogFile,
    jaeger: SocketAddr,
    otlp_grpc: SocketAddr,
    otlp_http: SocketAddr,
    prometheus: SocketAddr,
}

impl Embedded {
    /// Starts it for a run that begins, and waits until it answers.
    pub(super) async fn live(live: &Live<'_>, ports: Ports) -> anyhow::Result<Self> {
        let log = LogFile::open(&live.folder.join("logs"), "backend")?;
        let what = json!({
            "run": live.run,
            "targets": live.targets,
            "rules": [live.rules],
            "journal": live.folder,
            "remove_on_eof": live.scratch,
        });
        Self::start(what, ports, log).await
    }

    /// Starts it over what a run has recorded, and waits until that is loaded.
    pub(super) async fn replay(run: &str, folder: &Path, ports: Ports) -> anyhow::Result<Self> {
        let what = json!({"run": run, "replay": folder});
        Self::start(what, ports, LogFile::in_memory("backend")).await
    }

    async fn start(mut config: Value, ports: Ports, log: LogFile) -> anyhow::Result<Self> {
        for (name, choice, purpose) in [
            ("jaeger", ports.jaeger, "the Jaeger UI"),
            ("otlp_grpc", ports.otlp_grpc, "OTLP over gRPC"),
            ("otlp_http", ports.otlp_http, "OTLP over HTTP"),
            ("prometheus", ports.prometheus, "the Prometheus API"),
        ] {
            config[name] = json!(to_bind(choice, purpose)?);
        }
        let process = run(&config, &log).await?;
        let address = |field| -> anyhow::Result<SocketAddr> {
            process
                .announced(field)?
                .parse()
                .with_context(|| format!("address `{field}` of the backend"))
        };
        let [jaeger, otlp_grpc, otlp_http, prometheus] = [
            address("jaeger")?,
            address("otlp_grpc")?,
            address("otlp_http")?,
            address("prometheus")?,
        ];
        // One that comes back must come back where everybody looks for it.
        for (name, addr) in [
            ("jaeger", jaeger),
            ("otlp_grpc", otlp_grpc),
            ("otlp_http", otlp_http),
            ("prometheus", prometheus),
        ] {
            config[name] = json!(addr);
        }
        Ok(Self {
            process,
            config,
            log,
            jaeger,
            otlp_grpc,
            otlp_http,
            prometheus,
        })
    }

    /// Starts it again where it was, with everything that it has written down, after it exited unexpectedly.
    pub(super) async fn revive(&mut self) -> anyhow::Result<()> {
        self.config["resume"] = Value::Bool(true);
        self.process = run(&self.config, &self.log).await?;
        Ok(())
    }

    /// Where it answers; it serves no shop.
    pub(super) fn urls(&self) -> Urls {
        Urls {
            gateway: String::new(),
            jaeger: format!("http://{}", self.jaeger),
            prometheus: format!("http://{}", self.prometheus),
            otlp_grpc: format!("http://{}", self.otlp_grpc),
            otlp_http: format!("http://{}", self.otlp_http),
            console: String::new(),
        }
    }

    /// Completes when the backend has ended, with how it ended.
    pub(super) async fn exited(&self) -> String {
        let status = self.process.exited().await;
        self.log.ending(status)
    }

    /// Flushes what it recorded and ends it.
    pub(super) async fn stop(self) {
        self.process.stop(STOP_WITHIN).await;
    }
}

async fn run(config: &Value, log: &LogFile) -> anyhow::Result<Process> {
    let launch = Launch {
        role: "backend",
        instance: "backend",
        config,
        environment: &[],
        ready_within: READY_WITHIN,
    };
    Process::start(launch, None, log).await
}
