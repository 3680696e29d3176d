//! The embedded Jaeger: OTLP receivers, a bounded span store, Jaeger's query APIs, its UI, and the journal.
//!
//! ```text
//! OTLP/gRPC, OTLP/HTTP -> otlp -> store <- jaeger (/api, /api/v3) <- ui
//!                              \-> journal -> traces.otlp.lz4 -> replay
//! ```

use std::path::Path;
use std::sync::Arc;

use axum::Router;

mod decode;
pub mod jaeger;
pub mod journal;
pub mod otlp;
#[cfg(test)]
#[path = "../benches/traces/shop.rs"]
mod shop;
pub mod span;
pub mod store;
pub mod ui;

use journal::Journal;
use store::{Limits, Stats, Store};

/// Receivers, store and query APIs of one backend. Cheap to clone; all clones share one store.
///
/// Its routers check no Host header: the process that binds the listeners knows which hosts it serves.
#[derive(Debug, Clone)]
pub struct Traces {
    receiver: Arc<otlp::Receiver>,
    ui: Arc<ui::Config>,
}

impl Traces {
    /// An empty store with these limits; accepted requests are written to `journal`.
    pub fn new(limits: Limits, ui: ui::Config, journal: Option<Journal>) -> Self {
        let store = Arc::new(Store::new(limits));
        Self {
            receiver: Arc::new(otlp::Receiver::new(store, journal)),
            ui: Arc::new(ui),
        }
    }

    /// The span store.
    pub fn store(&self) -> &Arc<Store> {
        self.receiver.store()
    }

    /// What is stored and what was received.
    pub fn stats(&self) -> Stats {
        self.store().stats()
    }

    /// Loads the journal of an earlier run; it is not written again. Blocks while it reads.
    pub fn replay(&self, folder: &Path) -> Result<journal::Replay, journal::Error> {
        journal::replay(folder, |batch| {
            _ = self.store().ingest(&batch.resource_spans)
        })
    }

    /// Jaeger's query APIs and UI.
    pub fn jaeger_router(&self) -> Router {
        let api = jaeger::router(self.store().clone());
        ui::router(api, &self.ui)
    }

    /// OTLP over HTTP.
    pub fn otlp_http_router(&self) -> Router {
        otlp::http::router(self.receiver.clone())
    }

    /// OTLP over gRPC, for a server of HTTP/2. `serves` says of an authority (`host:port`) whether it may be asked for.
    pub fn otlp_grpc_service(&self, serves: fn(&str) -> bool) -> otlp::grpc::Service {
        otlp::grpc::Service::new(self.receiver.clone(), serves)
    }

    /// Flushes the journal and closes it. Blocks for the disk; later batches are not journalled.
    pub fn close_journal(&self) {
        self.receiver.close_journal();
    }

    /// Its own figures in Prometheus's text format.
    pub fn prometheus_text(&self) -> String {
        let Stats {
            spans,
            traces,
            bytes,
            received,
            rejected,
            evicted,
        } = self.stats();
        let lost = self.receiver.journal_lost();
        format!(
            "\
# HELP traces_stored_spans Spans in memory.
# TYPE traces_stored_spans gauge
traces_stored_spans {spans}
# HELP traces_stored_traces Traces in memory.
# TYPE traces_stored_traces gauge
traces_stored_traces {traces}
# HELP traces_stored_bytes Memory for spans and indexes.
# TYPE traces_stored_bytes gauge
traces_stored_bytes {bytes}
# HELP traces_received_spans_total Spans accepted.
# TYPE traces_received_spans_total counter
traces_received_spans_total {received}
# HELP traces_rejected_spans_total Invalid spans refused.
# TYPE traces_rejected_spans_total counter
traces_rejected_spans_total {rejected}
# HELP traces_evicted_spans_total Spans evicted to make room.
# TYPE traces_evicted_spans_total counter
traces_evicted_spans_total {evicted}
# HELP traces_journal_lost_batches_total Batches accepted but not written to the journal.
# TYPE traces_journal_lost_batches_total counter
traces_journal_lost_batches_total {lost}
"
        )
    }
}
