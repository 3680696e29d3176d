//! Log lines: one JSON object per line on standard error, with request, trace and span ids.
//!
//! The thread that logs formats the line and another thread writes it. If the reader of standard error
//! falls behind, lines are dropped and counted; requests do not wait.

mod line;
mod writer;

use std::{
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use metrics::Counter;
use opentelemetry::trace::TraceContextExt;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber, dispatcher::WeakDispatch,
    level_filters::LevelFilter, subscriber::Interest,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use self::line::Line;
pub(crate) use self::writer::Writer;
use crate::{
    names::{label, metric},
    request,
};

/// The current level; one per process, like the subscriber.
static LEVEL: AtomicU8 = AtomicU8::new(INFO);
const INFO: u8 = 3;

/// A log level that does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a log level (levels: error, warn, info, debug, trace)")]
pub struct UnknownLevel(String);

/// Changes the lowest level that is written, for the whole process.
pub fn set_level(level: &str) -> Result<(), UnknownLevel> {
    let parsed = Level::from_str(level).map_err(|_| UnknownLevel(level.to_owned()))?;
    LEVEL.store(number(parsed), Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

/// The lowest level that is written.
pub fn level() -> &'static str {
    NAMES[usize::from(LEVEL.load(Ordering::Relaxed)) - 1]
}

const NAMES: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => INFO,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// Decides for all layers what is recorded: spans if tracing is enabled, events by level.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) has_spans: bool,
}

/// Libraries whose spans and events are not recorded. What they log about exporting spans would itself
/// have to be exported.
const FOREIGN: [&str; 14] = [
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "axum",
    "axum_core",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_otlp",
    "opentelemetry_http",
    "jemalloc_pprof",
    "mappings",
    "want",
];

impl Gate {
    fn lets_pass(&self, metadata: &Metadata<'_>) -> bool {
        let krate = metadata.target().split("::").next().unwrap_or_default();
        // The SDK's events have targets with dashes.
        if FOREIGN.contains(&krate) || krate.starts_with("opentelemetry") {
            return false;
        }
        if metadata.is_span() {
            self.has_spans && *metadata.level() <= Level::INFO
        } else {
            number(*metadata.level()) <= LEVEL.load(Ordering::Relaxed)
        }
    }
}

impl<S: Subscriber> Layer<S> for Gate {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // A change of the level also rebuilds the cache of these results.
        if self.lets_pass(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.lets_pass(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Relaxed) {
            4 => LevelFilter::DEBUG,
            5 => LevelFilter::TRACE,
            _ => LevelFilter::INFO,
        })
    }
}

/// Writes events as JSON lines.
#[derive(Debug)]
pub(crate) struct Json {
    /// `,"service":…,"instance":…,"version":…`, the same in every line.
    origin: String,
    writer: Writer,
    dispatch: OnceLock<WeakDispatch>,
    counters: [Counter; 5],
}

impl Json {
    pub(crate) fn new(service: &str, instance: &str, release: &str, writer: Writer) -> Self {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        Self {
            origin: format!(
                ",\"service\":{},\"instance\":{},\"version\":{}",
                text(service),
                text(instance),
                text(release)
            ),
            writer,
            dispatch: OnceLock::new(),
            counters: NAMES.map(|name| metrics::counter!(metric::LOG_EVENTS, label::LEVEL => name)),
        }
    }
}

impl<S> Layer<S> for Json
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // A process has one subscriber, so this is set once.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let number = number(*event.metadata().level());
        let name = NAMES[usize::from(number) - 1];
        self.counters[usize::from(number) - 1].increment(1);
        let mut line = Line::begin(name, &self.origin, event);
        request::with_id(|id| line.text("request_id", id));
        if let Some(span) = context.event_span(event)
            && let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade)
            && let Some(context) = tracing_opentelemetry::get_otel_context(&span.id(), &dispatch)
        {
            let span_context = context.span().span_context().clone();
            if span_context.is_valid() {
                line.text("trace_id", Some(&span_context.trace_id().to_string()));
                line.text("span_id", Some(&span_context.span_id().to_string()));
            }
        }
        self.writer.write(line.end());
    }
}

#[cfg(test)]
mod tests;
