//! Traces, metrics and logs of one process, and the names that they use.
//!
//! ```text
//! tracing span  -> OpenTelemetry layer -> bounded queue -> thread -> OTLP
//! tracing event -> JSON line           -> bounded queue -> thread -> standard error
//! metrics macro -> prometheus registry -> /metrics
//! ```
//!
//! No other crate uses the OpenTelemetry SDK. This crate knows nothing about the shop.

mod environment;
mod export;
mod http_client;
pub mod log;
pub mod metric;
pub mod names;
mod panic;
pub mod propagation;
pub mod redact;
pub mod request;
mod trace;

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt as _;

pub use crate::{
    environment::{Environment, Protocol, Sampler},
    metric::Metrics,
    redact::{Personal, Secret},
};

/// How telemetry identifies this process, and what it records.
#[derive(Debug, Clone)]
pub struct Config {
    /// Service name: `checkout`.
    pub service: String,
    /// This process among its replicas: `checkout-1`.
    pub instance: String,
    /// Release id: `2026.11.3`.
    pub release: String,
    /// Run id.
    pub run: String,
    /// Whether traces and metrics are recorded; logs always are.
    pub is_enabled: bool,
    /// Lowest log level that is written.
    pub log_level: String,
    /// When finished spans are sent.
    pub sending: Sending,
}

/// When finished spans are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sending {
    /// As soon as there is a full batch of them, or at the end of the delay.
    #[default]
    Full,
    /// At the end of the delay, however many there are.
    Timed,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Metrics.
    #[error(transparent)]
    Metric(#[from] metric::Error),
    /// Logs.
    #[error(transparent)]
    Level(#[from] log::UnknownLevel),
    /// The log thread did not start.
    #[error("failed to start the log")]
    Thread(#[from] std::io::Error),
    /// Telemetry was set up before.
    #[error("telemetry is already set up in this process")]
    Installed,
}

/// Keeps telemetry running; [`shutdown`](Guard::shutdown) is the last call of a process.
#[derive(Debug)]
#[must_use = "telemetry stops when the guard is dropped"]
pub struct Guard {
    provider: Option<SdkTracerProvider>,
    metrics: Metrics,
    writer: log::Writer,
}

/// Sets up logs, metrics and traces for the whole process. Call it once, before anything else.
pub fn init(config: &Config, environment: &Environment) -> Result<Guard, Error> {
    // Metrics come first: the other two count what they drop.
    let metrics = if config.is_enabled {
        Metrics::install(&config.service, &config.release)?
    } else {
        Metrics::none()
    };
    let writer = log::Writer::start(std::io::stderr())?;
    let json = log::Json::new(
        &config.service,
        &config.instance,
        &config.release,
        writer.clone(),
    );
    log::set_level(&config.log_level)?;
    let is_traced = config.is_enabled && !environment.is_disabled;
    let provider = is_traced.then(|| trace::start(config, environment));
    // A mistyped endpoint must not stop the service: it runs without traces and logs an error.
    let (provider, failure) = match provider.transpose() {
        Ok(provider) => (provider, None),
        Err(error) => (None, Some(error)),
    };
    let gate = log::Gate {
        has_spans: provider.is_some(),
    };
    let registry = tracing_subscriber::registry().with(gate);
    match &provider {
        Some(provider) => {
            let spans = tracing_opentelemetry::layer()
                .with_tracer(trace::tracer(provider))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_context_activation(false)
                .with_target(false);
            install(registry.with(spans).with(json))?;
        }
        None => install(registry.with(json))?,
    }
    panic::install();
    if let Some(error) = failure {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(error = source, "{error}; running without traces");
    }
    for ignored in &environment.ignored {
        tracing::warn!("ignored a telemetry variable: {ignored}");
    }
    Ok(Guard {
        provider,
        metrics,
        writer,
    })
}

fn install(subscriber: impl tracing::Subscriber + Send + Sync) -> Result<(), Error> {
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::Installed)
}

impl Guard {
    /// The metrics, for the admin port to serve.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Sends queued spans, then writes queued log lines, each within `deadline`. Metrics are scraped and
    /// need no flush. Blocks: call it after the async runtime has stopped.
    pub fn shutdown(self, deadline: Duration) {
        if let Some(provider) = &self.provider {
            trace::stop(provider, deadline);
        }
        // If standard error does not keep up, there is nowhere to report it.
        let _ = self.writer.flush(deadline);
    }
}
