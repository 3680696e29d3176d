//! Metrics: the `metrics` facade in front, one `prometheus::Registry` behind.
//!
//! Every family is registered with its help text and its buckets before anything records, because
//! the bridge would give an unknown histogram Prometheus's default buckets, whose first bound of
//! 5 ms lies far above what these services need.
//!
//! What a scrape looks like is decided here and nowhere else: OpenMetrics with exemplars for whoever asks for it,
//! Prometheus's text for all others.

mod exemplar;
mod family;
mod open_metrics;
#[cfg(target_os = "linux")]
mod process;

use std::sync::Arc;

use metrics_prometheus::Recorder;
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use self::{
    exemplar::Store,
    family::{FAMILIES, Kind},
};
pub use self::{
    exemplar::{Histogram, histogram},
    family::{DATABASE_BUCKETS_S, LAG_BUCKETS_S, REQUEST_BUCKETS_S},
};
use crate::names::{label, metric};

/// Failure to set the metrics up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two families of one name, or a name that Prometheus does not allow.
    #[error("failed to register a metric")]
    Register(#[from] prometheus::Error),
    /// Something else in this process records metrics already.
    #[error("metrics are already set up in this process")]
    Installed,
}

/// The metrics of this process, to be read.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    exemplars: Arc<Store>,
}

/// What a scrape is answered with.
#[derive(Debug)]
pub struct Page {
    /// Its media type.
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

    /// Metrics that nothing records into.
    pub(crate) fn none() -> Self {
        Self::new(Registry::new())
    }

    /// Makes the registry and puts it behind the facade for the whole process.
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

    /// All metrics in the format that the `Accept` header of a scrape asks for.
    pub fn page(&self, accept: &str) -> Page {
        if open_metrics::is_asked_for(accept) {
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
            // A family that cannot be written is a mistake of ours; what came before it is still good.
            tracing::warn!(error = %error, "some metrics could not be written");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

pub(crate) fn build() -> Result<(Registry, Recorder), Error> {
    let registry = Registry::new();
    let mut builder = Recorder::builder().with_registry(&registry);
    for family in FAMILIES {
        let opts = Opts::new(family.name, family.help);
        builder = match family.kind {
            Kind::Counter => builder.try_with_metric(IntCounterVec::new(opts, family.labels)?)?,
            Kind::Gauge => builder.try_with_metric(GaugeVec::new(opts, family.labels)?)?,
            Kind::Histogram(buckets) => {
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
    fn histograms_have_the_projects_buckets_and_help() {
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
