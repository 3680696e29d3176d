//! Traces, metrics and logs of one process, and the names they use.
//!
//! ```text
//! tracing span  -> OpenTelemetry layer -> bounded queue -> thread -> OTLP
//! tracing event -> JSON line           -> bounded queue -> thread -> standard error
//! metrics macro -> prometheus registry -> /metrics
//! ```
//!
//! The only crate that names the OpenTelemetry SDK. It knows nothing of the shop.

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
use tracing_subscriber::layer::SubscriberExt as _;

pub use crate::{
    environment::{Environment, Protocol, Sampler},
    metric::Metrics,
    redact::{Personal, Secret},
};

/// What telemetry says about this process.
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
    /// Whether traces and metrics are recorded. Logs always are.
    pub is_enabled: bool,
    /// Least severe log level written.
    pub log_level: String,
}

/// Failure to set telemetry up.
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

/// Keeps telemetry going; the last statement of a process is [`shutdown`](Guard::shutdown).
#[derive(Debug)]
#[must_use = "telemetry ends when the guard does"]
pub struct Guard {
    provider: Option<SdkTracerProvider>,
    metrics: Metrics,
    writer: log::Writer,
}

/// Sets up logs, metrics and traces for the whole process. Call it first and once.
pub fn init(config: &Config, environment: &Environment) -> Result<Guard, Error> {
    // Metrics come first: the other two count what they lose.
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
    // Whoever mistyped an endpoint still wants the service: it runs without traces and says so.
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
        tracing::error!(error = source, "{error}; nothing is traced");
    }
    for ignored in &environment.ignored {
        tracing::warn!("passing over a telemetry variable: {ignored}");
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
    /// The metrics, to be served.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Delivers what is queued, traces first, then logs, within `deadline`. Metrics are read, not
    /// sent, and need nothing. Blocks: call it after the async runtime has ended.
    pub fn shutdown(self, deadline: Duration) {
        if let Some(provider) = &self.provider {
            trace::stop(provider, deadline);
        }
        // Where standard error does not keep up there is nobody to tell.
        let _ = self.writer.flush(deadline);
    }
}
