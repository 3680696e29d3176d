//! What the backend role is told: one JSON line on its standard input.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::traces::ui::LinkPattern;

/// The configuration of one backend.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Id of the run; the ready line and `/-/ready` repeat it, so that whoever waits knows whom it reached.
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
    /// Whether what the journal's folder holds already is loaded first: this process goes on where one that ended left off.
    #[serde(default)]
    pub resume: bool,
    /// Folder whose traces and metrics are loaded at the start; nothing is scraped or evaluated then.
    #[serde(default)]
    pub replay: Option<PathBuf>,
    /// Folder to remove when standard input ends, which is how the end of the runner shows.
    #[serde(default)]
    pub remove_on_eof: Option<PathBuf>,
    /// Bounds and intervals.
    #[serde(default)]
    pub limits: Limits,
    /// What the pages show besides the data.
    #[serde(default)]
    pub ui: Ui,
}

/// Bounds and intervals of the backend.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How often targets are scraped, in milliseconds.
    pub scrape_interval_ms: u64,
    /// How long a scrape may take, in milliseconds; at most the interval.
    pub scrape_timeout_ms: u64,
    /// Bytes of a scrape beyond which it fails.
    pub scrape_body_bytes: usize,
    /// Samples of a scrape beyond which it fails.
    pub scrape_samples: usize,
    /// How often rule groups without an interval of their own are evaluated, in milliseconds.
    pub evaluation_interval_ms: u64,
    /// Age beyond which samples are dropped, in seconds.
    pub metrics_retention_s: u64,
    /// Bytes of samples, labels and index beyond which the oldest samples are dropped.
    pub metrics_bytes: usize,
    /// Series beyond which new ones are refused.
    pub metrics_series: usize,
    /// Exemplars beyond which the oldest are dropped.
    pub exemplars: usize,
    /// Exemplars of one series beyond which its oldest are dropped.
    pub exemplars_per_series: usize,
    /// Bytes at which the journal of metrics stops growing.
    pub metrics_journal_bytes: u64,
    /// Queries evaluated at the same time; more of them wait.
    pub queries: usize,
    /// Samples that one query may load and compute.
    pub query_samples: usize,
    /// How long one query may take, in milliseconds.
    pub query_timeout_ms: u64,
    /// Bytes of spans and their indexes beyond which the oldest traces are dropped.
    pub trace_bytes: usize,
    /// Spans beyond which the oldest traces are dropped.
    pub trace_spans: usize,
    /// Bytes at which the journal of traces stops growing.
    pub trace_journal_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            scrape_interval_ms: 1_000,
            scrape_timeout_ms: 900,
            scrape_body_bytes: 8 << 20,
            scrape_samples: 50_000,
            evaluation_interval_ms: 1_000,
            metrics_retention_s: 6 * 3_600,
            metrics_bytes: 48 << 20,
            metrics_series: 100_000,
            // As many as a Prometheus keeps; 50 bytes each.
            exemplars: 100_000,
            // A quarter of an hour of a bucket that gets one every second, so that it leaves the others their room.
            exemplars_per_series: 1_000,
            metrics_journal_bytes: 256 << 20,
            queries: 4,
            // Sixteen bytes each: a query may take 160 MB in the worst case, and only for a moment.
            query_samples: 10_000_000,
            query_timeout_ms: 30_000,
            trace_bytes: 48 << 20,
            trace_spans: 2_000_000,
            trace_journal_bytes: 256 << 20,
        }
    }
}

/// What the pages show besides the data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    /// Links in the header of every page, of Jaeger's too; the two halves link to each other by themselves.
    pub links: Vec<Link>,
    /// Links that Jaeger's pages put on tags, logs, processes or traces.
    pub link_patterns: Vec<LinkPattern>,
}

/// One link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub url: String,
}
