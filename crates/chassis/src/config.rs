//! The configuration of a service process, from one JSON line or from flags.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use telemetry::{Environment, Sending};

use crate::client::Calls;

/// Configuration of one service process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Service name: `gateway`, `checkout`, `inventory`.
    pub service: String,
    /// Name of this process among its replicas: `inventory-1`.
    pub instance: String,
    /// Release id: `2026.11.3`.
    pub release: String,
    /// Public listener.
    pub listen: Listen,
    /// Address of the admin listener; port 0 takes a free one.
    pub admin: SocketAddr,
    /// Folder for this service's databases.
    pub scratch: PathBuf,
    /// Addresses of the services called, by name.
    #[serde(default)]
    pub upstreams: BTreeMap<String, Vec<SocketAddr>>,
    /// Bearer token of the admin port.
    pub token: String,
    /// Run id; `/readyz` returns it, so that a readiness check cannot mistake another program for this one.
    pub run: String,
    /// Seed of all randomness in this process.
    #[serde(default)]
    pub seed: u64,
    /// Whether traces and metrics are recorded; disabled only to measure their cost.
    #[serde(default = "yes")]
    pub telemetry: bool,
    /// Limits of the process.
    #[serde(default)]
    pub process: Process,
    /// The service's own settings.
    #[serde(default)]
    pub settings: serde_json::Value,
}

/// Where the public listener comes from.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// Socket passed by the parent (`LISTEN_FDS=1`, file descriptor 3).
    Inherited,
    /// Address to bind; port 0 takes a free one.
    Addr(SocketAddr),
}

/// Sizes and time limits of the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Worker threads of the async runtime.
    pub workers: usize,
    /// Lowest log level written: `error`, `warn`, `info`, `debug`, `trace`.
    pub log_level: String,
    /// Time to finish requests in flight after SIGTERM, in milliseconds.
    pub drain_ms: u64,
    /// Deadline of a request that sets none, in milliseconds.
    pub deadline_ms: u64,
    /// Largest request body accepted, in bytes.
    pub body_limit_bytes: usize,
    /// Time after which an idle connection is closed, in milliseconds.
    pub keep_alive_ms: u64,
    /// Limit on open files; absent keeps the inherited limit.
    pub max_open_files: Option<u64>,
    /// Limit on address space in bytes; absent keeps the inherited limit.
    pub max_address_space_bytes: Option<u64>,
    /// Calls to other services.
    pub calls: Calls,
    /// Finished spans.
    pub spans: Spans,
}

/// How finished spans wait until they are sent; what is absent is as the `OTEL_BSP_*` variables have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spans {
    /// Maximum number of spans that wait.
    pub queue: Option<usize>,
    /// Maximum number of spans in one request.
    pub batch: Option<usize>,
    /// Longest wait, in milliseconds.
    pub delay_ms: Option<u64>,
    /// What ends the wait.
    pub sending: Sending,
}

impl Spans {
    /// The environment with these values over its own.
    pub(crate) fn over(&self, environment: Environment) -> Environment {
        let queue_size = self.queue.unwrap_or(environment.queue_size).max(1);
        let batch_size = self.batch.unwrap_or(environment.batch_size).max(1);
        let delay = self.delay_ms.map(Duration::from_millis);
        Environment {
            queue_size,
            batch_size: batch_size.min(queue_size),
            schedule_delay: delay.unwrap_or(environment.schedule_delay),
            ..environment
        }
    }
}

impl Process {
    /// Keys that select code, or stand for the world outside: they are no configuration, and responders neither see nor set them.
    pub const SEALED: [&str; 3] = ["calls.head", "calls.budget", "spans.sending"];
}

impl Default for Process {
    fn default() -> Self {
        Self {
            workers: 2,
            log_level: "info".to_owned(),
            drain_ms: 5_000,
            deadline_ms: 10_000,
            body_limit_bytes: 1 << 20,
            keep_alive_ms: 75_000,
            max_open_files: None,
            max_address_space_bytes: None,
            calls: Calls::default(),
            spans: Spans::default(),
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(listen: &str, extra: &str) -> Result<Config, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"service":"inventory","instance":"inventory-1","release":"2026.11.3","listen":{listen},
                "admin":"127.0.0.1:0","scratch":"/tmp","token":"t","run":"r"{extra}}}"#
        ))
    }

    #[test]
    fn both_forms_of_listen_are_parsed() {
        let inherited = parse(r#""inherited""#, "").expect("the inherited form parses");
        assert_eq!(inherited.listen, Listen::Inherited);
        let bound = parse(r#"{"addr":"127.0.0.1:0"}"#, "").expect("the address form parses");
        assert_eq!(
            bound.listen,
            Listen::Addr(SocketAddr::from(([127, 0, 0, 1], 0)))
        );
        assert!(bound.telemetry, "telemetry is enabled by default");
    }

    #[test]
    fn what_is_said_of_spans_lies_over_the_environment() {
        let environment = Environment::default();
        assert_eq!(Spans::default().over(environment.clone()), environment);
        let spans = Spans {
            queue: Some(64),
            delay_ms: Some(700),
            ..Spans::default()
        };
        let found = spans.over(environment);
        let found = (found.queue_size, found.batch_size, found.schedule_delay);
        assert_eq!(found, (64, 64, Duration::from_millis(700)));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error =
            parse(r#""inherited""#, r#","wokers":3"#).expect_err("an unknown key is an error");
        assert!(error.to_string().contains("wokers"), "{error}");
    }
}
