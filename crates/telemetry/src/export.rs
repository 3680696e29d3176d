//! The way of a finished span to the backend: a bounded queue and a thread that empties it.
//!
//! ```text
//! request ends span -> queue (bounded) -> thread "spans": batch -> OTLP
//!                        full: counted                       refused, too late: counted
//! ```
//!
//! A request never waits here. The SDK's own batch processor is not used for three reasons: it
//! reserves memory for its whole queue at start, it wakes its thread once per span, and it does
//! not say what it lost.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use metrics::Counter;
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};

use crate::names::{label, metric};

/// Limits of the queue and of one export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) queue_size: usize,
    pub(crate) batch_size: usize,
    pub(crate) delay: Duration,
    pub(crate) timeout: Duration,
}

/// Collects finished spans and has them exported.
pub(crate) struct Processor {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    emptied: Condvar,
    limits: Limits,
    exported: Counter,
    dropped_full: Counter,
    dropped_failed: Counter,
}

#[derive(Default)]
struct State {
    queue: Vec<SpanData>,
    /// Spans are on their way out of the queue at this moment.
    is_exporting: bool,
    /// Somebody waits for the queue to be empty.
    is_urgent: bool,
    is_closing: bool,
    is_closed: bool,
}

impl Processor {
    /// Starts the export thread. `runtime` drives the exporter's connections; it lives on that thread.
    pub(crate) fn start<E: SpanExporter + 'static>(
        exporter: E,
        runtime: tokio::runtime::Runtime,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let dropped =
            |reason| metrics::counter!(metric::OTEL_SPANS_DROPPED, label::REASON => reason);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            emptied: Condvar::new(),
            limits,
            exported: metrics::counter!(metric::OTEL_SPANS_EXPORTED),
            dropped_full: dropped("queue_full"),
            dropped_failed: dropped("export_failed"),
        });
        // A counter that was never touched is absent, and an absent series cannot be alerted on.
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
        let mut state = self.shared.lock();
        state.is_urgent = true;
        state.is_closing |= is_closing;
        self.shared.wake.notify_one();
        loop {
            let is_empty = state.queue.is_empty() && !state.is_exporting;
            if state.is_closed || (is_empty && !is_closing) {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(OTelSdkError::Timeout(timeout));
            }
            state = self
                .shared
                .emptied
                .wait_timeout(state, left)
                .map_or_else(|error| error.into_inner().0, |(state, _)| state);
        }
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
        let mut state = shared.lock();
        if state.is_closing || state.queue.len() >= shared.limits.queue_size {
            drop(state);
            shared.dropped_full.increment(1);
            return;
        }
        state.queue.push(span);
        let length = state.queue.len();
        drop(state);
        // The first one starts the delay, a full batch ends it early; the others wake nobody.
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
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock left a queue that is still a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for spans and the end of their delay, and takes them; `None` at the end.
    fn next(&self) -> Option<Vec<SpanData>> {
        let mut state = self.lock();
        state.is_exporting = false;
        self.emptied.notify_all();
        while state.queue.is_empty() {
            state.is_urgent = false;
            if state.is_closing {
                state.is_closed = true;
                self.emptied.notify_all();
                return None;
            }
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, self.limits.delay, |state| {
                !state.is_urgent && state.queue.len() < self.limits.batch_size
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.is_exporting = true;
        // About as many will come again.
        let capacity = state.queue.len();
        Some(std::mem::replace(
            &mut state.queue,
            Vec::with_capacity(capacity),
        ))
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
        while let Some(mut spans) = self.shared.next() {
            while spans.len() > self.shared.limits.batch_size {
                let rest = spans.split_off(self.shared.limits.batch_size);
                self.export(std::mem::replace(&mut spans, rest));
            }
            self.export(spans);
        }
        // Nothing waits for the answer: what could be sent has been sent.
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
            Err(_) => Some(format!("no answer within {timeout:?}")),
        };
        match &error {
            None => self.shared.exported.increment(count),
            Some(_) => self.shared.dropped_failed.increment(count),
        }
        self.health.note(count, error.as_deref());
    }
}

/// Whether the backend takes spans; says so once per change, not once per batch.
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
                    "the trace backend does not take spans; requests go on, spans are lost until it does"
                );
            }
            (Some(lost), Some(_)) => *lost += count,
            (Some(lost), None) => {
                tracing::info!(spans.lost = *lost, "the trace backend takes spans again");
                self.lost = None;
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
