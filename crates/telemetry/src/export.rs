//! The export of finished spans: a bounded queue and a thread that sends it to the backend.
//!
//! ```text
//! request ends span -> queue (bounded) -> thread "spans": batch -> OTLP
//!                        full: counted                       refused, too late: counted
//! ```
//!
//! A request never waits here. The SDK's batch processor is not used for three reasons: it allocates
//! its whole queue at start, it wakes its thread once per span, and it does not report how many
//! spans it dropped.

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use metrics::Counter;
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use parking_lot::{Condvar, Mutex};

use crate::{
    Sending,
    names::{label, metric},
};

/// Limits of the span queue and of one export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    pub(crate) queue_size: usize,
    pub(crate) batch_size: usize,
    pub(crate) delay: Duration,
    pub(crate) timeout: Duration,
    pub(crate) sending: Sending,
}

/// Queues finished spans for export.
pub(crate) struct Processor {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    emptied: Condvar,
    limits: QueueLimits,
    exported: Counter,
    dropped_full: Counter,
    dropped_failed: Counter,
}

#[derive(Default)]
struct Queue {
    spans: Vec<SpanData>,
    /// Spans that the queue had no room for since the last batch left it.
    refused: u64,
    /// A batch has left the queue and is not exported yet.
    is_exporting: bool,
    /// A caller waits until the queue is empty.
    is_urgent: bool,
    is_closing: bool,
    is_closed: bool,
}

impl Processor {
    /// Starts the export thread. `runtime` drives the exporter's connections and moves to that thread.
    pub(crate) fn start<E: SpanExporter + 'static>(
        exporter: E,
        runtime: tokio::runtime::Runtime,
        limits: QueueLimits,
    ) -> std::io::Result<Self> {
        let dropped =
            |reason| metrics::counter!(metric::OTEL_SPANS_DROPPED, label::REASON => reason);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            emptied: Condvar::new(),
            limits,
            exported: metrics::counter!(metric::OTEL_SPANS_EXPORTED),
            dropped_full: dropped("queue_full"),
            dropped_failed: dropped("export_failed"),
        });
        // A counter that was never incremented is absent, and no alert can use an absent series.
        for counter in [
            &shared.exported,
            &shared.dropped_full,
            &shared.dropped_failed,
        ] {
            counter.increment(0);
        }
        let worker = Worker {
            shared: Arc::clone(&shared),
            exporter,
            runtime,
            health: Health::default(),
        };
        thread::Builder::new()
            .name("spans".to_owned())
            .stack_size(512 * 1_024)
            .spawn(move || worker.run())?;
        Ok(Self { shared })
    }

    fn wait_until_empty(&self, timeout: Duration, is_closing: bool) -> OTelSdkResult {
        let until = Instant::now() + timeout;
        let mut queue = self.shared.queue.lock();
        queue.is_urgent = true;
        queue.is_closing |= is_closing;
        self.shared.wake.notify_one();
        let is_busy = |queue: &mut Queue| {
            let is_empty = queue.spans.is_empty() && !queue.is_exporting;
            !queue.is_closed && (is_closing || !is_empty)
        };
        let wait = self
            .shared
            .emptied
            .wait_while_until(&mut queue, is_busy, until);
        if wait.timed_out() {
            return Err(OTelSdkError::Timeout(timeout));
        }
        Ok(())
    }
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processor")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

impl SpanProcessor for Processor {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let shared = &self.shared;
        let mut queue = shared.queue.lock();
        if queue.is_closing || queue.spans.len() >= shared.limits.queue_size {
            queue.refused += 1;
            drop(queue);
            shared.dropped_full.increment(1);
            return;
        }
        queue.spans.push(span);
        let length = queue.spans.len();
        drop(queue);
        // The first span starts the delay and a full batch ends it early; other spans do not wake the thread.
        if length == 1 || length == shared.limits.batch_size {
            shared.wake.notify_one();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.wait_until_empty(Duration::from_secs(5), false)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.wait_until_empty(timeout, true)
    }
}

impl Shared {
    /// Waits for spans and the end of their delay, and takes them, with the number of those that found no room;
    /// `None` once the processor is closed.
    fn next(&self) -> Option<(Vec<SpanData>, u64)> {
        let mut queue = self.queue.lock();
        queue.is_exporting = false;
        self.emptied.notify_all();
        while queue.spans.is_empty() {
            queue.is_urgent = false;
            if queue.is_closing {
                queue.is_closed = true;
                self.emptied.notify_all();
                return None;
            }
            self.wake.wait(&mut queue);
        }
        let QueueLimits {
            batch_size,
            delay,
            sending,
            ..
        } = self.limits;
        self.wake.wait_while_for(
            &mut queue,
            |queue| {
                let is_full = sending == Sending::Full && queue.spans.len() >= batch_size;
                !queue.is_urgent && !is_full
            },
            delay,
        );
        queue.is_exporting = true;
        // The next batch will have about the same size.
        let capacity = queue.spans.len();
        let refused = std::mem::take(&mut queue.refused);
        let spans = std::mem::replace(&mut queue.spans, Vec::with_capacity(capacity));
        Some((spans, refused))
    }
}

struct Worker<E> {
    shared: Arc<Shared>,
    exporter: E,
    runtime: tokio::runtime::Runtime,
    health: Health,
}

impl<E: SpanExporter> Worker<E> {
    fn run(mut self) {
        while let Some((mut spans, refused)) = self.shared.next() {
            if refused > 0 {
                tracing::warn!(
                    spans.lost = refused,
                    "spans not kept because there was no room for them: {refused}"
                );
            }
            while spans.len() > self.shared.limits.batch_size {
                let rest = spans.split_off(self.shared.limits.batch_size);
                self.export(std::mem::replace(&mut spans, rest));
            }
            self.export(spans);
        }
        // The result does not matter: everything that could be sent has been sent.
        let _ = self.exporter.shutdown_with_timeout(Duration::ZERO);
    }

    fn export(&mut self, spans: Vec<SpanData>) {
        let count = spans.len() as u64;
        let timeout = self.shared.limits.timeout;
        let result = self
            .runtime
            .block_on(async { tokio::time::timeout(timeout, self.exporter.export(spans)).await });
        let error = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no response within {timeout:?}")),
        };
        match &error {
            None => self.shared.exported.increment(count),
            Some(_) => self.shared.dropped_failed.increment(count),
        }
        self.health.note(count, error.as_deref());
    }
}

/// Whether exports succeed; logged once per change, not once per batch.
#[derive(Debug, Default)]
struct Health {
    lost: Option<u64>,
}

impl Health {
    fn note(&mut self, count: u64, error: Option<&str>) {
        match (&mut self.lost, error) {
            (None, Some(error)) => {
                self.lost = Some(count);
                tracing::warn!(
                    error,
                    "failed to export spans, dropping them until the trace backend recovers: {error}"
                );
            }
            (Some(lost), Some(_)) => *lost += count,
            (Some(lost), None) => {
                tracing::info!(
                    spans.lost = *lost,
                    "the trace backend accepts spans again, {lost} were dropped"
                );
                self.lost = None;
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
