//! The embedded observability backends of a drill: an OTLP collector with Jaeger's API and UI, and a Prometheus.
//!
//! ```text
//! services --OTLP--> traces  -> Jaeger query API and UI
//! services <-scrape- metrics -> Prometheus HTTP API and graph page (promql evaluates)
//! ```
//!
//! It is one process of a drill, started by the runner; it knows nothing of scenarios or grading.

pub mod config;
pub mod host;
mod looks;
pub mod metrics;
mod note;
pub mod promql;
mod serve;
pub mod traces;

pub use config::Config;
pub use serve::{EXIT_PORT_TAKEN, serve};
