//! Receives OTLP traces. Both transports hand the request's protobuf bytes to one [`Receiver`].

use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use parking_lot::Mutex;
use prost::Message as _;

pub mod grpc;
pub mod http;
#[cfg(test)]
mod tests;

use super::journal::Journal;
use super::store::{Receipt, Store};

/// Largest request in bytes, unpacked. A batch of the SDK's default size is far below one.
pub const MAX_REQUEST_BYTES: usize = 16 << 20;

/// Puts valid requests into the store and the journal.
#[derive(Debug)]
pub struct Receiver {
    store: Arc<Store>,
    journal: Mutex<Option<Journal>>,
}

impl Receiver {
    /// A receiver for `store`.
    pub fn new(store: Arc<Store>, journal: Option<Journal>) -> Self {
        Self {
            store,
            journal: Mutex::new(journal),
        }
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Takes a request in protobuf.
    pub fn accept(&self, raw: Bytes) -> Result<Receipt, prost::DecodeError> {
        let request = Request::decode(raw.clone())?;
        Ok(self.take(&request, raw))
    }

    /// Takes a request that came in another encoding.
    pub fn accept_decoded(&self, request: &Request) -> Receipt {
        let raw = request.encode_to_vec().into();
        self.take(request, raw)
    }

    fn take(&self, request: &Request, raw: Bytes) -> Receipt {
        let accepted = self.store.ingest(&request.resource_spans);
        if accepted.spans > 0
            && let Some(journal) = &*self.journal.lock()
        {
            journal.append(raw);
        }
        accepted
    }

    /// Batches that are not in the journal although they should be.
    pub fn journal_lost(&self) -> u64 {
        self.journal.lock().as_ref().map_or(0, Journal::lost)
    }

    /// Writes out and closes the journal.
    pub fn close_journal(&self) {
        let journal = self.journal.lock().take();
        // Dropping waits for the writer, so it happens outside the lock.
        drop(journal);
    }
}
