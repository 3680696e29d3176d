//! The tracer: sampler, resource and exporter.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider, SpanExporter as _},
};

use crate::{
    Config,
    environment::{Environment, Protocol},
    export::{Processor, QueueLimits},
    http_client::HttpClient,
    names::attribute,
};

/// Tracing could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The exporter rejects the endpoint, headers or compression.
    #[error("failed to set up the span exporter for `{endpoint}`")]
    Exporter {
        /// Address from the environment.
        endpoint: String,
        /// What the exporter reported.
        #[source]
        source: ExporterBuildError,
    },
    /// The export thread did not start.
    #[error("failed to start the span exporter")]
    Thread(#[from] std::io::Error),
}

/// Starts the export and returns the provider that owns it.
pub(crate) fn start(
    config: &Config,
    environment: &Environment,
) -> Result<SdkTracerProvider, Error> {
    let resource = resource(config, environment);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut exporter = {
        // The gRPC channel belongs to the runtime in which it is created.
        let _entered = runtime.enter();
        exporter(environment).map_err(|source| Error::Exporter {
            endpoint: environment.endpoint.clone(),
            source,
        })?
    };
    exporter.set_resource(&resource);
    let limits = QueueLimits {
        queue_size: environment.queue_size,
        batch_size: environment.batch_size,
        delay: environment.schedule_delay,
        timeout: environment.timeout,
        sending: config.sending,
    };
    let processor = Processor::start(exporter, runtime, limits)?;
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler(environment))
        .with_span_processor(processor)
        .build())
}

/// The tracer of the `tracing` layer.
pub(crate) fn tracer(provider: &SdkTracerProvider) -> SdkTracer {
    provider.tracer("shop")
}

/// Stops the export; queued spans are sent within `deadline`.
pub(crate) fn stop(provider: &SdkTracerProvider, deadline: Duration) {
    if let Err(error) = provider.shutdown_with_timeout(deadline) {
        tracing::warn!(error = %error, "failed to export the last spans before the shutdown deadline: {error}");
    }
}

fn exporter(environment: &Environment) -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder();
    match environment.protocol {
        Protocol::Grpc => builder
            .with_tonic()
            .with_endpoint(&environment.endpoint)
            .with_timeout(environment.timeout)
            .build(),
        Protocol::HttpProtobuf => builder
            .with_http()
            .with_http_client(HttpClient::new())
            .with_endpoint(&environment.endpoint)
            .with_timeout(environment.timeout)
            .build(),
    }
}

fn sampler(environment: &Environment) -> Sampler {
    let setting = environment.sampler;
    let root = if setting.ratio >= 1.0 {
        Sampler::AlwaysOn
    } else if setting.ratio <= 0.0 {
        Sampler::AlwaysOff
    } else {
        Sampler::TraceIdRatioBased(setting.ratio)
    };
    if setting.is_parent_based {
        Sampler::ParentBased(Box::new(root))
    } else {
        root
    }
}

/// Attributes from the environment come last, because the specification gives them precedence.
fn resource(config: &Config, environment: &Environment) -> Resource {
    let ours = [
        (attribute::SERVICE_NAME, config.service.as_str()),
        (attribute::SERVICE_VERSION, &config.release),
        (attribute::SERVICE_INSTANCE_ID, &config.instance),
        (attribute::SERVICE_NAMESPACE, "shop"),
    ]
    .map(|(key, value)| KeyValue::new(key, value.to_owned()));
    let pid = KeyValue::new(attribute::PROCESS_PID, i64::from(std::process::id()));
    let theirs = environment
        .resource
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let name = environment.service_name.clone();
    let name = name.map(|name| KeyValue::new(attribute::SERVICE_NAME, name));
    Resource::builder()
        .with_attributes(ours)
        .with_attribute(pid)
        .with_attributes(theirs)
        .with_attributes(name)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_from_the_environment_override_the_resource() {
        let config = Config {
            service: "checkout".to_owned(),
            instance: "checkout-1".to_owned(),
            release: "2026.11.3".to_owned(),
            run: "r".to_owned(),
            is_enabled: true,
            log_level: "info".to_owned(),
            sending: crate::Sending::Full,
        };
        let environment = Environment::from_lookup(|name| {
            let value = match name {
                "OTEL_SERVICE_NAME" => "till",
                "OTEL_RESOURCE_ATTRIBUTES" => "service.name=no,team=blue",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let resource = resource(&config, &environment);
        let get = |key: &'static str| resource.get(&key.into()).map(|value| value.to_string());
        assert_eq!(get("service.name").as_deref(), Some("till"));
        assert_eq!(get("team").as_deref(), Some("blue"));
        assert_eq!(get("service.instance.id").as_deref(), Some("checkout-1"));
        assert_eq!(get("service.version").as_deref(), Some("2026.11.3"));
    }
}
