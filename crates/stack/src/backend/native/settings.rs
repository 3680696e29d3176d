//! The configuration files of native backends, in the drill's folder. JSON is YAML.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use super::Addresses;
use crate::backend::probe::RUN_HEADER;
use crate::backend::{Live, Pager};
use crate::token::Token;

/// Traces that Jaeger keeps before it forgets the oldest: those of 15 minutes or more at the rates of the drills.
const TRACES: u32 = 60_000;
/// Exemplars that Prometheus keeps.
const EXEMPLARS: u32 = 50_000;
/// What Prometheus may write: longer than any drill, and small enough for any disk.
const RETENTION: [&str; 2] = [
    "--storage.tsdb.retention.time=6h",
    "--storage.tsdb.retention.size=512MB",
];

/// Where the files and the databases of native backends are.
#[derive(Debug)]
pub(super) struct Places {
    /// Configuration and logs, kept with the run.
    pub(super) files: PathBuf,
    /// Databases, removed with the run.
    pub(super) data: PathBuf,
}

impl Places {
    pub(super) fn of(live: &Live<'_>) -> anyhow::Result<Self> {
        let files = live.folder.join("native");
        std::fs::create_dir_all(&files).with_context(|| format!("folder `{}`", files.display()))?;
        Ok(Self {
            files,
            data: live.scratch.join("native"),
        })
    }

    /// Prometheus's database, by which it is told from any other Prometheus.
    pub(super) fn prometheus_data(&self) -> PathBuf {
        self.data.join("prometheus")
    }

    fn write(&self, name: &str, settings: &Value) -> anyhow::Result<String> {
        let path = self.files.join(name);
        std::fs::write(&path, format!("{settings:#}\n"))
            .with_context(|| format!("file `{}`", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Writes the pager's token into a file that only its owner reads; gives its path.
    fn write_token(&self, token: &Token) -> anyhow::Result<String> {
        let path = self.files.join("pager-token");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("file `{}`", path.display()))?;
        file.write_all(token.expose().as_bytes())
            .with_context(|| format!("file `{}`", path.display()))?;
        Ok(path.display().to_string())
    }
}

/// Writes Jaeger's configuration; the arguments that go with it.
pub(super) fn jaeger(places: &Places, run: &str, at: &Addresses) -> anyhow::Result<Vec<String>> {
    let settings = json!({
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn", "encoding": "json"}},
        },
        "extensions": {
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": TRACES}}}},
            "jaeger_query": {
                "storage": {"traces": "memory"},
                // Its own traces would go to the usual port, which may belong to another program.
                "enable_tracing": false,
                "http": {"endpoint": at.jaeger, "response_headers": {RUN_HEADER: run}},
                // Nothing uses gRPC, but it cannot be turned off.
                "grpc": {"endpoint": "127.0.0.1:0"},
            },
        },
        "receivers": {"otlp": {"protocols": {
            "grpc": {"endpoint": at.otlp_grpc},
            "http": {"endpoint": at.otlp_http},
        }}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    });
    let file = places.write("jaeger.yaml", &settings)?;
    Ok(vec!["--config".to_owned(), file])
}

/// Writes Prometheus's configuration; the arguments that go with it.
pub(super) fn prometheus(
    places: &Places,
    live: &Live<'_>,
    at: &Addresses,
) -> anyhow::Result<Vec<String>> {
    let mut settings = json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
        "storage": {"exemplars": {"max_exemplars": EXEMPLARS}},
        "rule_files": [live.rules],
        "scrape_configs": [{
            "job_name": "shop",
            "file_sd_configs": [{"files": [live.targets], "refresh_interval": "1s"}],
        }],
    });
    if let Some(alertmanager) = at.alertmanager {
        settings["alerting"] =
            json!({"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]});
    }
    let file = places.write("prometheus.yml", &settings)?;
    let mut arguments = vec![
        format!("--config.file={file}"),
        format!("--storage.tsdb.path={}", places.prometheus_data().display()),
        format!("--web.listen-address={}", at.prometheus),
        // A deploy moves targets: five seconds without a sample of them would look like an outage.
        "--scrape.discovery-reload-interval=1s".to_owned(),
        "--enable-feature=exemplar-storage".to_owned(),
        "--log.format=json".to_owned(),
    ];
    arguments.extend(RETENTION.map(str::to_owned));
    Ok(arguments)
}

/// Writes Alertmanager's configuration; the arguments that go with it. What pages goes to the drill's pager, as in compose;
/// the pager polls Prometheus as well, because not everyone has an Alertmanager.
pub(super) fn alertmanager(
    places: &Places,
    pager: Option<&Pager>,
    at: SocketAddr,
) -> anyhow::Result<Vec<String>> {
    let mut receiver = json!({"name": "pager"});
    if let Some(pager) = pager {
        receiver["webhook_configs"] = json!([{
            "url": pager.url,
            "send_resolved": false,
            "http_config": {"authorization": {"credentials_file": places.write_token(&pager.token)?}},
        }]);
    }
    let settings = json!({
        "route": {
            "receiver": "pager",
            "group_by": ["alertname"],
            // Windows of the rules are short because a drill is short; so is this.
            "group_wait": "0s",
            "group_interval": "5s",
            "repeat_interval": "1h",
            "routes": [{"matchers": ["severity!=\"page\""], "receiver": "none"}],
        },
        "receivers": [receiver, {"name": "none"}],
    });
    let file = places.write("alertmanager.yml", &settings)?;
    let data: &Path = &places.data.join("alertmanager");
    Ok(vec![
        format!("--config.file={file}"),
        format!("--storage.path={}", data.display()),
        format!("--web.listen-address={at}"),
        // It listens for peers on all addresses otherwise.
        "--cluster.listen-address=".to_owned(),
        "--log.format=json".to_owned(),
    ])
}
