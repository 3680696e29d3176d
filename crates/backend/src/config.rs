//! The configuration of the backend role: one JSON line on its standard input.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use traces::ui::LinkPattern;
use web::Link;

/// The configuration of one backend.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Id of the run; the ready line and `/-/ready` repeat it, so that a client knows which run it reached.
    pub run: String,
    /// Where Jaeger's UI and query API listen; port 0 picks a free one.
    pub jaeger: SocketAddr,
    /// Where OTLP over gRPC listens; port 0 picks a free one.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP over HTTP listens; port 0 picks a free one.
    pub otlp_http: SocketAddr,
    /// Where the Prometheus API and the graph page listen; port 0 picks a free one.
    pub prometheus: SocketAddr,
    /// A file_sd file of scrape targets, read again when it changes.
    #[serde(default)]
    pub targets: Option<PathBuf>,
    /// Prometheus rule files.
    #[serde(default)]
    pub rules: Vec<PathBuf>,
    /// Folder to which traces and metrics are written as they come in.
    #[serde(default)]
    pub journal: Option<PathBuf>,
    /// Whether what the journal's folder has already is loaded first: this process goes on where an earlier one ended.
    #[serde(default)]
    pub resume: bool,
    /// Folder whose traces and metrics are loaded at the start; nothing is scraped or evaluated then.
    #[serde(default)]
    pub replay: Option<PathBuf>,
    /// Folder to remove when standard input ends, which is how the end of the runner shows.
    #[serde(default)]
    pub remove_on_eof: Option<PathBuf>,
    /// What the pages show beside the data.
    #[serde(default)]
    pub ui: Ui,
}

/// What the pages show beside the data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    /// Links in the header of every page, of Jaeger's too; the two halves also link to each other.
    pub links: Vec<Link>,
    /// Links that Jaeger's pages put on tags, logs, processes or traces.
    pub link_patterns: Vec<LinkPattern>,
}
