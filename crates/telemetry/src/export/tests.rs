//! The processor with a backend that accepts, refuses, or never responds.

use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::*;

#[derive(Debug, Clone, Default)]
struct Backend {
    batches: Arc<Mutex<Vec<usize>>>,
    calls: Arc<AtomicUsize>,
    behaviour: Behaviour,
}

#[derive(Debug, Clone, Copy, Default)]
enum Behaviour {
    #[default]
    Accepts,
    Refuses,
    Never,
}

impl SpanExporter for Backend {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.behaviour {
            Behaviour::Accepts => {
                self.batches.lock().push(batch.len());
                Ok(())
            }
            Behaviour::Refuses => Err(OTelSdkError::InternalFailure("refused".to_owned())),
            Behaviour::Never => std::future::pending().await,
        }
    }
}

/// Ends `spans` spans with `backend` and shuts down.
fn drive(backend: &Backend, spans: usize, limits: QueueLimits) -> OTelSdkResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let processor = Processor::start(backend.clone(), runtime, limits).expect("a thread starts");
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .build();
    let tracer = provider.tracer("test");
    for _ in 0..spans {
        drop(tracer.start("work"));
    }
    provider.shutdown_with_timeout(Duration::from_secs(5))
}

fn limits() -> QueueLimits {
    QueueLimits {
        queue_size: 100,
        batch_size: 40,
        delay: Duration::from_secs(3_600),
        timeout: Duration::from_millis(200),
        sending: Sending::Full,
    }
}

fn counter(text: &str, series: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn shutdown_exports_the_queued_spans() {
    let backend = Backend::default();
    let result = drive(&backend, 30, limits());
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(*backend.batches.lock(), [30]);
}

#[test]
fn every_span_is_counted_once_whatever_the_backend_does() {
    for behaviour in [Behaviour::Accepts, Behaviour::Refuses, Behaviour::Never] {
        let (registry, recorder) = crate::metric::build().expect("well formed");
        let backend = Backend {
            behaviour,
            ..Backend::default()
        };
        let result = metrics::with_local_recorder(&recorder, || drive(&backend, 1_000, limits()));
        assert!(result.is_ok(), "{behaviour:?}: {result:?}");
        let text = crate::metric::Metrics::new(registry).text();
        let exported = counter(&text, "otel_spans_exported_total").expect("present");
        let full = counter(&text, "otel_spans_dropped_total{reason=\"queue_full\"}");
        let failed = counter(&text, "otel_spans_dropped_total{reason=\"export_failed\"}");
        let (full, failed) = (full.expect("present"), failed.expect("present"));
        assert_eq!(exported + full + failed, 1_000, "{behaviour:?}");
        match behaviour {
            Behaviour::Accepts => assert_eq!(failed, 0),
            Behaviour::Refuses => assert_eq!(exported, 0),
            // If ending a span waited for the backend, the queue would never be full.
            Behaviour::Never => assert!(exported == 0 && full > 0),
        }
        assert!(backend.calls.load(Ordering::SeqCst) > 0);
    }
}

/// One delay in which twice as many spans end as the queue holds.
#[test]
fn sent_by_time_alone_no_more_spans_are_kept_than_the_queue_holds() {
    for (sending, expected) in [(Sending::Full, 0), (Sending::Timed, 100)] {
        let (registry, recorder) = crate::metric::build().expect("well formed");
        let backend = Backend::default();
        let limits = QueueLimits {
            sending,
            ..limits()
        };
        metrics::with_local_recorder(&recorder, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.expect("a runtime can be built");
            let processor = Processor::start(backend.clone(), runtime, limits);
            let provider = SdkTracerProvider::builder()
                .with_span_processor(processor.expect("a thread starts"))
                .build();
            let tracer = provider.tracer("test");
            for ended in (1..=5).map(|batch| batch * limits.batch_size) {
                (0..limits.batch_size).for_each(|_| drop(tracer.start("work")));
                let sent = || backend.batches.lock().iter().sum::<usize>();
                let until = Instant::now() + Duration::from_secs(5);
                while sending == Sending::Full && sent() < ended && Instant::now() < until {
                    thread::yield_now();
                }
            }
            let result = provider.shutdown_with_timeout(Duration::from_secs(5));
            assert!(result.is_ok(), "{sending:?}: {result:?}");
        });
        let text = crate::metric::Metrics::new(registry).text();
        let full = counter(&text, "otel_spans_dropped_total{reason=\"queue_full\"}");
        assert_eq!(full, Some(expected), "{sending:?}");
    }
}
