//! A real Prometheus and a real Jaeger of a test's own. Dropping one ends it.

use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Program, SOON, free_addr, get, tool, until, wait_for};

/// On a port that it finds itself.
pub(crate) struct Prometheus {
    process: Program,
    _folder: TempDir,
    pub(crate) url: String,
}

impl Prometheus {
    /// Starts it with a configuration and further flags, and waits until it is ready.
    pub(crate) fn start(config: &Value, flags: &[&str]) -> Self {
        let folder = folder();
        // JSON is YAML.
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).expect("the configuration");
        Self::start_on(&file, flags)
    }

    /// The same with a file that has the configuration.
    pub(crate) fn start_on(config: &Path, flags: &[&str]) -> Self {
        let folder = folder();
        let log = folder.path().join("log");
        let settings = [
            format!("--config.file={}", config.display()),
            format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ),
            "--web.listen-address=127.0.0.1:0".to_owned(),
        ];
        let flags = flags.iter().map(|flag| (*flag).to_owned());
        let mut process = start("prometheus", settings.into_iter().chain(flags), &log);
        let url = wait_for("the address of prometheus", SOON, || {
            address(&log, &mut process)
        });
        until("prometheus with its configuration", SOON, || {
            get(&format!("{url}/-/ready")).0 == 200
        });
        Self {
            process,
            _folder: folder,
            url,
        }
    }

    pub(crate) fn kill(&mut self) {
        self.process.0.kill().expect("it can be killed");
    }
}

/// Where it says in its log that it listens.
fn address(log: &Path, process: &mut Program) -> Option<String> {
    let log = std::fs::read_to_string(log).expect("the log");
    let ended = process.0.try_wait().expect("its state");
    assert!(ended.is_none(), "prometheus ended: {log}");
    let line = log.lines().find(|line| line.contains("\"Listening on\""))?;
    let address = line.split("address=").nth(1)?.split(' ').next()?;
    Some(format!("http://{address}"))
}

/// With its memory for a store.
pub(crate) struct Jaeger {
    _process: Program,
    _folder: TempDir,
    pub(crate) query: String,
    /// OTLP over HTTP.
    pub(crate) otlp: String,
}

impl Jaeger {
    /// Starts it and waits until it listens.
    pub(crate) fn start() -> Self {
        // It cannot find ports itself.
        let (query, otlp) = (free_addr(), free_addr());
        let settings = json!({
            "service": {
                "extensions": ["jaeger_storage", "jaeger_query"],
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
                "telemetry": {"metrics": {"level": "none"}},
            },
            "extensions": {
                "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 100_000}}}},
                "jaeger_query": {
                    "storage": {"traces": "memory"}, "enable_tracing": false,
                    "http": {"endpoint": query}, "grpc": {"endpoint": "127.0.0.1:0"},
                },
            },
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": otlp}}}},
            "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
        });
        let folder = folder();
        let file = folder.path().join("jaeger.yaml");
        std::fs::write(&file, settings.to_string()).expect("the configuration");
        let flags = ["--config".to_owned(), file.display().to_string()];
        let process = start("jaeger", flags, &folder.path().join("log"));
        for address in [query, otlp] {
            until("jaeger", SOON, || TcpStream::connect(address).is_ok());
        }
        Self {
            _process: process,
            _folder: folder,
            query: format!("http://{query}"),
            otlp: format!("http://{otlp}"),
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn start(program: &str, flags: impl IntoIterator<Item = String>, log: &Path) -> Program {
    let child = Command::new(tool(program).expect("it was looked for before"))
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).expect("the log"))
        .spawn();
    Program(child.unwrap_or_else(|error| panic!("{program}: {error}")))
}
