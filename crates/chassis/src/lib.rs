//! How every service boots, listens, is watched and ends.
//!
//! ```text
//! config -> telemetry -> listeners -> build(Context) -> ready line -> serve
//!                                                                      | SIGTERM
//! telemetry flushed <- background tasks end <- requests answered <- stop accepting
//! ```
//!
//! It also declares the process's allocator (see `allocator`), once for every program that links it.

mod app;
mod boot;
mod config;
mod flags;

mod layer;
mod listener;
mod server;

pub mod client;
pub mod control;
pub mod db;
pub mod problem;

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

/// Whether a token is the one that is wanted. Takes as long for a wrong one as for the right one; an empty one opens
/// nothing.
pub fn is_same_token(given: &[u8], wanted: &[u8]) -> bool {
    let mut difference = given.len() ^ wanted.len();
    for (index, byte) in wanted.iter().enumerate() {
        let other = given.get(index).copied().unwrap_or_default();
        difference |= usize::from(byte ^ other);
    }
    std::hint::black_box(difference) == 0 && !wanted.is_empty()
}

/// Runs a service as a child of the runner: configuration from one line on standard input, readiness
/// as one line on standard output, the end of standard input is the end of the process.
pub fn serve<S: DeserializeOwned>(
    service: &'static str,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> ExitCode {
    match boot::config_from_stdin(service) {
        Ok(config) => boot::run(config, Parent::Runner, build),
        Err(error) => boot::failed(&error),
    }
}

/// Runs a service on its own, configured by flags: `cargo run -p inventory -- --port 8083`.
pub fn main<S: DeserializeOwned + Default>(
    service: &'static str,
    default_port: u16,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> ExitCode {
    match flags::config(service, default_port) {
        Ok(config) => boot::run(config, Parent::Terminal, build),
        Err(error) => boot::failed(&error),
    }
}

/// Puts the chassis's layers (request id, deadline, span, metrics, problems) around `router`, for
/// tests that call a service without a process.
pub fn layered(router: axum::Router, process: &Process) -> axum::Router {
    layer::around(router, process)
}
