//! The targets file: Prometheus's file_sd JSON, read again when it changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use promql::Labels;

/// The job of targets that name none.
const DEFAULT_JOB: &str = "shop";
/// More targets than a sandbox can have are a mistake in the file.
const MAX_TARGETS: usize = 500;
/// A targets file beyond this is a mistake too, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// One endpoint to scrape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// `host:port`.
    pub address: String,
    /// The path of the metrics.
    pub path: String,
    /// The labels that every series of it carries.
    pub labels: Labels,
    /// Those and the ones with which it was found.
    pub discovered: Labels,
}

impl Target {
    /// The address that is scraped.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

/// Polls a targets file.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    /// Time of change and length when it was read last, also when it was wrong; none while it does not exist.
    seen: Option<(SystemTime, u64)>,
}

impl Watch {
    pub(super) fn new(path: &Path) -> Watch {
        Watch {
            path: path.to_owned(),
            seen: None,
        }
    }

    /// The targets if the file has changed since the last call. A file that does not exist yet has not changed.
    pub(super) fn changed(&mut self) -> Result<Option<Vec<Target>>, String> {
        let Ok(metadata) = std::fs::metadata(&self.path) else {
            return Ok(None);
        };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let now = Some((modified, metadata.len()));
        if now == self.seen {
            return Ok(None);
        }
        self.seen = now;
        let path = self.path.display();
        if metadata.len() > MAX_BYTES {
            return Err(format!("`{path}` is larger than {MAX_BYTES} bytes"));
        }
        let text = std::fs::read_to_string(&self.path);
        let text = text.map_err(|error| format!("failed to read `{path}`: {error}"))?;
        let targets = parse(&text).map_err(|what| format!("`{path}`: {what}"));
        targets.map(Some)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Reads the text of a targets file.
pub(super) fn parse(text: &str) -> Result<Vec<Target>, String> {
    let groups = serde_json::from_str(text);
    let groups: Vec<Group> = groups.map_err(|error| format!("not a list of targets: {error}"))?;
    let mut targets: Vec<Target> = Vec::new();
    for group in &groups {
        for address in &group.targets {
            let target = target(address, &group.labels)?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    if targets.len() > MAX_TARGETS {
        let count = targets.len();
        return Err(format!("{count} targets; the limit is {MAX_TARGETS}"));
    }
    Ok(targets)
}

fn target(address: &str, labels: &BTreeMap<String, String>) -> Result<Target, String> {
    let is_address = address.parse::<http::uri::Authority>();
    if !is_address.is_ok_and(|authority| authority.port_u16().is_some()) {
        return Err(format!("`{address}` is not `host:port`"));
    }
    if let Some(name) = labels.keys().find(|name| !is_label_name(name)) {
        return Err(format!("`{name}` is not a label name"));
    }
    match labels.get("__scheme__").map(String::as_str) {
        None | Some("http") => {}
        Some(other) => return Err(format!("scheme `{other}`: only `http` can be scraped")),
    }
    let path = labels
        .get("__metrics_path__")
        .map_or("/metrics", String::as_str);
    if !path.starts_with('/') {
        return Err(format!("metrics path `{path}` does not start with `/`"));
    }
    let defaults = [
        ("__address__", address),
        ("__metrics_path__", path),
        ("__scheme__", "http"),
        ("job", DEFAULT_JOB),
    ];
    let given = labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let discovered = Labels::new(defaults.into_iter().chain(given));
    let mut own = discovered.retain(|name| !name.starts_with("__"));
    if own.get("instance").is_none() {
        own = own.with("instance", address);
    }
    Ok(Target {
        address: address.to_owned(),
        path: path.to_owned(),
        labels: own,
        discovered,
    })
}

fn is_label_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_part)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}
