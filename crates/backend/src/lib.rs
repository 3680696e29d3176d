//! The embedded observability backends of a drill: an OTLP collector with Jaeger's API and UI, and a Prometheus.
//!
//! ```text
//! services --OTLP--> traces  -> Jaeger query API and UI
//! services <-scrape- metrics -> Prometheus HTTP API and graph page (promql evaluates)
//! ```
//!
//! It is one process of a drill, started by the runner; it knows nothing of scenarios or grading.

mod config;
mod deploys;
mod log;
mod looks;
mod monitor;
mod serve;

pub use config::{Config, Ui};
pub use prom::journal::FILE_NAME as METRICS_FILE;
pub use serve::{EXIT_PORT_TAKEN, serve};
pub use traces::journal::FILE_NAME as TRACES_FILE;
