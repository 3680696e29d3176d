//! External backends: a Jaeger and a Prometheus that run already. Nothing is started, everything is checked.
//!
//! An external Prometheus has to find the shop. What it must read lies beside the runs, at a path that stays the same,
//! so that it is set up once and not for every drill:
//!
//! ```text
//! <state>/external/firedrill-targets.json   where the shop's processes are, now      (file_sd)
//! <state>/external/firedrill-rules.yml      the alert rules that page
//! <state>/external/scrape.yml               what to add to its configuration
//! ```

mod arrival;
mod check;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use record::{BackendKind, Backends, Program, Urls};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::probe::Probe;
use super::{JAEGER, Live, PROMETHEUS};
use crate::error::Error;
use crate::slot::Notice;
use crate::targets;

/// The name by which a Prometheus's configuration is known to read the targets, wherever the file is mounted.
const TARGETS: &str = "firedrill-targets.json";
const RULES: &str = "firedrill-rules.yml";
const SNIPPET: &str = "scrape.yml";
/// Prometheus takes up to five seconds to see a new file and as long again to act on it, and may scrape seldom.
const SCRAPED_WITHIN: Duration = Duration::from_secs(45);
const POLL: Duration = Duration::from_millis(500);
/// How often an external backend is asked whether it is there.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// One question that is not answered proves nothing.
const MISSES: u32 = 2;

/// Where external backends answer, and where what they must read is put.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// An OTLP receiver, gRPC or HTTP.
    pub otlp: String,
    /// Jaeger's query API.
    pub jaeger: String,
    /// Prometheus's API.
    pub prometheus: String,
    /// The folder of the files that Prometheus must read.
    pub folder: PathBuf,
}

impl Addresses {
    pub(super) fn targets(&self) -> PathBuf {
        self.folder.join(TARGETS)
    }
}

/// How spans travel to the receiver that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Grpc,
    Http,
}

/// Backends that were found to be what they should be.
#[derive(Debug)]
pub struct External {
    addresses: Addresses,
    protocol: Protocol,
    /// Prometheus's version; empty if it does not say.
    version: String,
    probe: Probe,
    watches: JoinSet<()>,
}

impl External {
    /// Asks each address one cheap question, and writes down what Prometheus must read. Starts nothing.
    pub(super) async fn check(addresses: &Addresses, live: &Live<'_>) -> anyhow::Result<Self> {
        let rules = std::fs::read_to_string(&live.rules).context("alert rules")?;
        write_files(addresses, &rules)?;
        let probe = Probe::new()?;
        let found = check::all(&probe, addresses, &rules).await?;
        Ok(Self {
            addresses: addresses.clone(),
            protocol: found.protocol,
            version: found.version,
            probe,
            watches: JoinSet::new(),
        })
    }

    /// Waits until Prometheus scrapes each of these admin ports.
    pub(super) async fn await_scrapes(&self, admin: &[SocketAddr]) -> anyhow::Result<()> {
        let url = &self.addresses.prometheus;
        let deadline = Instant::now() + SCRAPED_WITHIN;
        loop {
            let missing = match self
                .probe
                .get(&format!("{url}/api/v1/targets?state=active"))
                .await
            {
                Ok(answer) => unscraped(&answer.data().unwrap_or_default(), admin),
                Err(reason) => vec![reason],
            };
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let message = format!(
                    "Prometheus at {url} still does not scrape the shop, {} s after the start",
                    SCRAPED_WITHIN.as_secs()
                );
                return Err(Error::Start {
                    message,
                    log: missing,
                    hint: Some(format!(
                        "it must read `{}` and reach the addresses in it; add `{}` to its configuration",
                        self.addresses.targets().display(),
                        self.addresses.folder.join(SNIPPET).display()
                    )),
                }
                .into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Says when one of them stops answering, and when it is back.
    pub(super) fn supervise(&mut self, notices: &mpsc::Sender<Notice>) {
        let Addresses {
            jaeger, prometheus, ..
        } = &self.addresses;
        for (name, url) in [
            (JAEGER, format!("{jaeger}/api/v3/services")),
            (PROMETHEUS, format!("{prometheus}/api/v1/status/buildinfo")),
        ] {
            let watch = watch(name, url, self.probe.clone(), notices.clone());
            self.watches.spawn(watch);
        }
    }

    pub(super) fn urls(&self) -> Urls {
        let Addresses {
            otlp,
            jaeger,
            prometheus,
            ..
        } = self.addresses.clone();
        let (otlp_grpc, otlp_http) = match self.protocol {
            Protocol::Grpc => (otlp, String::new()),
            Protocol::Http => (String::new(), otlp),
        };
        Urls {
            gateway: String::new(),
            jaeger,
            prometheus,
            otlp_grpc,
            otlp_http,
            console: String::new(),
        }
    }

    pub(super) fn exporter(&self) -> (String, &'static str) {
        let protocol = match self.protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http/protobuf",
        };
        (self.addresses.otlp.clone(), protocol)
    }

    pub(super) fn about(&self) -> Backends {
        Backends {
            kind: BackendKind::External,
            programs: vec![Program {
                name: PROMETHEUS.to_owned(),
                version: self.version.clone(),
                path: None,
            }],
            alertmanager: None,
            targets: Some(self.addresses.targets().display().to_string()),
        }
    }

    pub(super) async fn stop(mut self) {
        self.watches.shutdown().await;
        // The shop is gone: there is nothing to scrape any more. If this fails, the targets are merely down.
        let _ = targets::write(&self.addresses.targets(), &[]);
    }
}

fn write_files(addresses: &Addresses, rules: &str) -> anyhow::Result<()> {
    let folder = &addresses.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("folder `{}`", folder.display()))?;
    targets::write(&addresses.targets(), &[])?;
    targets::replace(&folder.join(RULES), rules.as_bytes())?;
    targets::replace(&folder.join(SNIPPET), snippet(folder).as_bytes())
}

/// What an external Prometheus needs in its configuration.
fn snippet(folder: &Path) -> String {
    let [targets, rules] = [TARGETS, RULES].map(|name| folder.join(name));
    // A JSON string is a YAML string, whatever is in the path.
    let [targets, rules] = [targets, rules].map(|path| json!(path).to_string());
    format!(
        "# What a Prometheus needs for drills: add both parts to its configuration and reload it.
# In a container, mount this folder and use the paths inside the container; keep the file names.
scrape_configs:
  - job_name: shop
    scrape_interval: 1s
    scrape_timeout: 900ms
    file_sd_configs:
      - files: [{targets}]
        refresh_interval: 1s
rule_files:
  - {rules}
"
    )
}

/// What keeps each admin port from counting as scraped, as lines for a person.
fn unscraped(data: &Value, admin: &[SocketAddr]) -> Vec<String> {
    let active = data["activeTargets"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let state = |admin: &SocketAddr| {
        let address = admin.to_string();
        let is_it = |target: &&Value| target["discoveredLabels"]["__address__"] == *address;
        let target = active.iter().find(is_it);
        match target {
            None => Some(format!("{address} is not one of its targets")),
            Some(target) if target["health"] == "up" => None,
            Some(target) => {
                let error = target["lastError"]
                    .as_str()
                    .filter(|error| !error.is_empty());
                Some(format!("{address}: {}", error.unwrap_or("not scraped yet")))
            }
        }
    };
    admin.iter().filter_map(state).collect()
}

async fn watch(name: &'static str, url: String, probe: Probe, notices: mpsc::Sender<Notice>) {
    let mut misses = 0;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let reason = match probe.get(&url).await {
            Ok(answer) if answer.status == 200 => None,
            Ok(answer) => Some(format!("status {}", answer.status)),
            Err(reason) => Some(reason),
        };
        let instance = name.to_owned();
        let notice = match reason {
            Some(reason) => {
                misses += 1;
                (misses == MISSES).then_some(Notice::Silent { instance, reason })
            }
            None => {
                let was_away = std::mem::take(&mut misses) >= MISSES;
                was_away.then_some(Notice::Answers { instance })
            }
        };
        if let Some(notice) = notice {
            // The receiver is gone only when the drill is ending.
            let _ = notices.send(notice).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_counts_when_it_is_listed_and_up() {
        let admin = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"]
            .map(|text| text.parse().expect("an address"));
        let target = |address: &str, health: &str, error: &str| json!({"discoveredLabels": {"__address__": address}, "health": health, "lastError": error});
        let data = json!({"activeTargets": [
            target("127.0.0.1:1", "up", ""),
            target("127.0.0.1:2", "down", "connection refused"),
        ]});
        assert_eq!(
            unscraped(&data, &admin),
            [
                "127.0.0.1:2: connection refused",
                "127.0.0.1:3 is not one of its targets"
            ]
        );
        assert_eq!(unscraped(&Value::Null, &admin).len(), 3);
    }

    #[test]
    fn the_snippet_is_yaml_that_names_both_files() {
        let text = snippet(Path::new("/a \"b\""));
        assert!(
            text.contains("files: [\"/a \\\"b\\\"/firedrill-targets.json\"]"),
            "{text}"
        );
        assert!(
            text.contains("- \"/a \\\"b\\\"/firedrill-rules.yml\""),
            "{text}"
        );
    }
}
