//! Metrics: the `metrics` facade in front, one `prometheus::Registry` behind.
//!
//! Every family is registered with its help text and buckets before anything is recorded. Otherwise
//! the bridge would give a histogram Prometheus's default buckets, whose first bound of 5 ms is far
//! too coarse for these services.
//!
//! This module also chooses the exposition format: OpenMetrics with exemplars for scrapers that ask for it,
//! Prometheus's text format for all others.

mod exemplar;
mod open_metrics;
#[cfg(target_os = "linux")]
mod process;

use std::sync::Arc;

use metrics_prometheus::Recorder;
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use self::exemplar::Store;
pub use self::exemplar::{Histogram, histogram};
use crate::names::label;
use crate::names::metric::{self, FAMILIES, MetricKind};

/// Metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two families have the same name, or Prometheus does not allow a name.
    #[error("failed to register a metric")]
    Register(#[from] prometheus::Error),
    /// Another recorder is already installed in this process.
    #[error("metrics are already set up in this process")]
    Installed,
}

/// The metrics of this process, for reading.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    exemplars: Arc<Store>,
}

/// The response to a scrape.
#[derive(Debug)]
pub struct Page {
    /// Media type.
    pub content_type: &'static str,
    /// All metrics.
    pub text: String,
}

impl Metrics {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            exemplars: Arc::default(),
        }
    }

    /// An empty registry that nothing records into.
    pub(crate) fn none() -> Self {
        Self::new(Registry::new())
    }

    /// Creates the registry and installs it behind the facade for the whole process.
    pub(crate) fn install(service: &str, release: &str) -> Result<Self, Error> {
        let (registry, recorder) = build()?;
        metrics::set_global_recorder(recorder).map_err(|_| Error::Installed)?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(process::Process::new()?))?;
        metrics::gauge!(
            metric::BUILD_INFO,
            label::SERVICE => service.to_owned(),
            label::VERSION => release.to_owned(),
        )
        .set(1.0);
        let metrics = Self::new(registry);
        exemplar::install(&metrics.exemplars);
        Ok(metrics)
    }

    /// All metrics in the format that the scraper's `Accept` header asks for.
    pub fn page(&self, accept: &str) -> Page {
        if open_metrics::is_preferred(accept) {
            return Page {
                content_type: open_metrics::CONTENT_TYPE,
                text: open_metrics::write(&self.registry.gather(), &self.exemplars),
            };
        }
        Page {
            content_type: prometheus::TEXT_FORMAT,
            text: self.text(),
        }
    }

    /// All metrics in Prometheus's text format.
    pub(crate) fn text(&self) -> String {
        let mut text = Vec::with_capacity(16 * 1_024);
        let families = self.registry.gather();
        if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
            // A family that cannot be encoded is a bug here; the families before it are still valid.
            tracing::warn!(error = %error, "failed to encode some metrics: {error}");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

pub(crate) fn build() -> Result<(Registry, Recorder), Error> {
    let registry = Registry::new();
    let mut builder = Recorder::builder().with_registry(&registry);
    for family in FAMILIES {
        let opts = Opts::new(family.name, family.help.trim_start());
        builder = match family.kind {
            MetricKind::Counter => {
                builder.try_with_metric(IntCounterVec::new(opts, family.labels)?)?
            }
            MetricKind::Gauge => builder.try_with_metric(GaugeVec::new(opts, family.labels)?)?,
            MetricKind::Histogram(buckets) => {
                let opts = HistogramOpts::from(opts).buckets(buckets.to_vec());
                builder.try_with_metric(HistogramVec::new(opts, family.labels)?)?
            }
        };
    }
    Ok((registry, builder.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_have_the_buckets_and_help_of_their_family() {
        let (registry, recorder) = build().expect("the families are well formed");
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!(
                metric::HTTP_SERVER_REQUEST_DURATION,
                label::HTTP_REQUEST_METHOD => "GET",
                label::HTTP_ROUTE => "/v1/products/{sku}",
                label::HTTP_RESPONSE_STATUS_CODE => "200",
            )
            .record(0.000_8);
        });
        let text = Metrics::new(registry).text();
        for line in [
            "# TYPE http_server_request_duration_seconds histogram",
            "# HELP http_server_request_duration_seconds Time",
            "le=\"0.00025\"} 0",
            "le=\"0.3\"} 1",
            "le=\"+Inf\"} 1",
        ] {
            assert!(text.contains(line), "`{line}` is missing in\n{text}");
        }
        assert!(
            !text.contains("outbox_depth"),
            "a family without a sample is not shown"
        );
    }
}
