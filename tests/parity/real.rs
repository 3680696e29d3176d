//! A real Prometheus of a test's own, on a port that it finds itself.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{SOON, get, tool, wait_for};

/// Dropping it ends it.
pub(crate) struct Prometheus {
    process: Child,
    folder: tempfile::TempDir,
    pub(crate) url: String,
}

impl Prometheus {
    /// Starts it with a configuration and further flags, and waits until it is ready.
    pub(crate) fn start(config: &Value, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // JSON is YAML.
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).expect("the configuration");
        let log = std::fs::File::create(folder.path().join("log")).expect("the log");
        let data = folder.path().join("data");
        let process = Command::new(tool("prometheus").expect("it was looked for before"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus starts");
        let mut real = Self {
            process,
            folder,
            url: String::new(),
        };
        real.url = wait_for("the address of prometheus", SOON, || {
            address(real.folder.path(), &mut real.process)
        });
        wait_for("prometheus with its configuration", SOON, || {
            (get(&format!("{}/-/ready", real.url)).0 == 200).then_some(())
        });
        real
    }
}

/// Where it says in its log that it listens.
fn address(folder: &Path, process: &mut Child) -> Option<String> {
    let log = std::fs::read_to_string(folder.join("log")).expect("the log");
    let ended = process.try_wait().expect("its state");
    assert!(ended.is_none(), "prometheus ended: {log}");
    let line = log.lines().find(|line| line.contains("\"Listening on\""))?;
    let address = line.split("address=").nth(1)?.split(' ').next()?;
    Some(format!("http://{address}"))
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have exited; then the test has failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
