//! Receives OTLP traces. Both transports hand the request's protobuf bytes to one [`Receiver`].

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

pub mod grpc;
pub mod http;
#[cfg(test)]
mod tests;

use super::decode::{self, Decoded};
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
    pub(crate) fn accept(&self, raw: Bytes) -> Result<Receipt, decode::Error> {
        decode::protobuf(raw).map(|decoded| self.take(decoded))
    }

    /// Takes a request in JSON.
    pub(crate) fn accept_json(&self, bytes: &[u8]) -> Result<Receipt, decode::Error> {
        decode::json(bytes).map(|decoded| self.take(decoded))
    }

    fn take(&self, decoded: Decoded) -> Receipt {
        let Decoded { request, raw, lost } = decoded;
        let mut accepted = self.store.ingest(&request.resource_spans);
        if accepted.spans > 0
            && let Some(journal) = &*self.journal.lock()
        {
            journal.append(raw);
        }
        self.store.count_rejected(lost.spans);
        accepted.rejected += lost.spans;
        if !lost.reason.is_empty() {
            accepted.reason = lost.reason;
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
