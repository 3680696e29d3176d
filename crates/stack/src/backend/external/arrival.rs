//! Whether spans get from the receiver to Jaeger: one is sent, and looked for.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace;
use rand::RngExt as _;
use time::OffsetDateTime;

use super::Addresses;
use super::check::{Problem, problem};
use crate::backend::probe::Probe;

/// Time for a span to get from the receiver to Jaeger, from the first question on: what is wrong is said within ten
/// seconds of the start of the program.
pub(super) const FOUND_WITHIN: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const ONE_LOOK: Duration = Duration::from_secs(1);

/// Waits until Jaeger has the span that the receiver took.
pub(super) async fn arrival(
    probe: &Probe,
    addresses: &Addresses,
    span: &Span,
    deadline: Instant,
) -> Result<(), Problem> {
    let Addresses { otlp, jaeger, .. } = addresses;
    let url = format!("{jaeger}/api/v3/traces/{}", span.trace_id);
    // What answers anything with a page does not name the trace.
    let is_there = async || {
        let answer = probe.get(&url).await;
        answer.is_ok_and(|answer| answer.status == 200 && answer.says(&span.trace_id))
    };
    let search = async {
        while !is_there().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // One look, however long the other answers took.
    let deadline = deadline.max(Instant::now() + ONE_LOOK);
    if tokio::time::timeout_at(deadline.into(), search)
        .await
        .is_ok()
    {
        return Ok(());
    }
    let message = format!(
        "a span sent to the OTLP receiver at {otlp} did not reach Jaeger at {jaeger} within {} s",
        FOUND_WITHIN.as_secs()
    );
    let hint = "`--otlp` and `--jaeger` must belong together: the receiver must forward every span, unsampled and without delay, to the storage of this Jaeger";
    Err(problem(message, hint))
}

/// A span of our own, to be found again.
pub(super) struct Span {
    /// As the query API names it.
    trace_id: String,
    pub(super) request: ExportTraceServiceRequest,
}

impl Span {
    pub(super) fn new() -> Self {
        let mut random = rand::rng();
        let trace_id: [u8; 16] = random.random();
        let span_id: [u8; 8] = random.random();
        let at_ns = OffsetDateTime::now_utc().unix_timestamp_nanos();
        let at_ns = u64::try_from(at_ns).unwrap_or_default();
        let name = KeyValue {
            key: "service.name".to_owned(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue("firedrill".to_owned())),
            }),
            ..KeyValue::default()
        };
        let span = trace::v1::Span {
            trace_id: trace_id.to_vec(),
            span_id: span_id.to_vec(),
            name: "probe".to_owned(),
            kind: trace::v1::span::SpanKind::Internal.into(),
            start_time_unix_nano: at_ns,
            end_time_unix_nano: at_ns + 1,
            ..trace::v1::Span::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![trace::v1::ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![name],
                    ..Resource::default()
                }),
                scope_spans: vec![trace::v1::ScopeSpans {
                    spans: vec![span],
                    ..trace::v1::ScopeSpans::default()
                }],
                ..trace::v1::ResourceSpans::default()
            }],
        };
        Self {
            trace_id: hex::encode(trace_id),
            request,
        }
    }
}
