//! Everything that all services share: start, listeners, admin port, upstream calls, database pool, shutdown.
//!
//! ```text
//! config -> telemetry -> listeners -> build(Context) -> ready line -> serve
//!                                                                      | SIGTERM
//! telemetry flushed <- background tasks end <- requests finished <- stop accepting
//! ```
//!
//! It also declares the allocator (see `allocator`) for every program that links it.

mod app;
mod boot;
mod config;
mod flags;

mod layer;
mod limit;
mod listener;

pub mod client;
pub mod control;
pub mod db;
pub mod problem;
pub mod testing;

mod admin;
mod allocator;
mod profile;

use std::process::ExitCode;

use serde::de::DeserializeOwned;

use crate::boot::Parent;
pub use crate::{
    app::{App, Context},
    client::Client,
    config::{Config, Listen, Process},
    control::Controls,
    problem::Problem,
};
pub use rusqlite;
pub use telemetry;
pub use tokio_util::sync::CancellationToken;

/// Runs a service as a child of the runner: it reads its configuration from one line on standard input, reports
/// readiness as one line on standard output, and exits when standard input ends.
pub fn serve<S: DeserializeOwned + 'static>(
    service: &'static str,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App> + 'static,
) -> ExitCode {
    match boot::config_from_stdin(service) {
        Ok(config) => boot::run(config, Parent::Runner, boot::boxed(build)),
        Err(error) => boot::failed(&error),
    }
}

/// Runs a service without the runner, configured by flags: `cargo run -p inventory -- --port 8083`.
pub fn main<S: DeserializeOwned + Default + 'static>(
    service: &'static str,
    default_port: u16,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App> + 'static,
) -> ExitCode {
    match flags::config(service, default_port) {
        Ok(config) => boot::run(config, Parent::Terminal, boot::boxed(build)),
        Err(error) => boot::failed(&error),
    }
}
