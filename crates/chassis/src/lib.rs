//! How every service boots, listens, is watched and ends.
//!
//! ```text
//! config -> telemetry -> listeners -> build(Context) -> ready line -> serve
//!                                                                      | SIGTERM
//! telemetry flushed <- background tasks end <- requests answered <- stop accepting
//! ```

mod app;
pub mod client;
mod config;
pub mod db;
pub mod problem;

use std::process::ExitCode;

use serde::de::DeserializeOwned;

pub use crate::{
    app::{App, Context},
    client::Client,
    config::{Config, Listen, Process},
    problem::Problem,
};
pub use rusqlite;
pub use telemetry;
pub use tokio_util::sync::CancellationToken;

/// Runs a service as a child of the runner: configuration from one line on standard input, readiness
/// as one line on standard output, the end of standard input is the end of the process.
pub fn serve<S: DeserializeOwned>(
    service: &'static str,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> ExitCode {
    let _ = (service, build);
    ExitCode::FAILURE
}

/// Runs a service on its own, configured by flags: `cargo run -p inventory -- --port 8083`.
pub fn main<S: DeserializeOwned + Default>(
    service: &'static str,
    default_port: u16,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> ExitCode {
    let _ = (service, default_port, build);
    ExitCode::FAILURE
}
