//! The journal of a run's traces: every accepted OTLP request, in `traces.otlp.lz4`.
//!
//! ```text
//! file  = frame*      independent lz4 frames with checksums, so that `lz4 -d` reads it
//! frame = request*    each a varint length and an ExportTraceServiceRequest in protobuf
//! ```
//! A thread of its own writes at least twice a second. The queue to it is bounded: what does not fit is counted and
//! not journalled, and a service that exports never waits.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lz4_flex::frame::{FrameEncoder, FrameInfo};

mod replay;
#[cfg(test)]
mod tests;

pub use replay::{Replay, replay};

/// Name of the file in the run's folder.
pub const FILE_NAME: &str = "traces.otlp.lz4";

/// Longest time that an accepted request is in memory only.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// A frame is written as soon as it has this many bytes.
const FRAME_BYTES: usize = 256 << 10;
/// Requests and bytes that may wait for the writer.
const QUEUE_REQUESTS: usize = 1024;
const QUEUE_BYTES: usize = 8 << 20;

/// Bytes at which the journal of a run stops growing.
pub const MAX_BYTES: u64 = 256 << 20;

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened, read or written.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An open journal. Dropping it writes out what is queued.
#[derive(Debug)]
pub struct Journal {
    queue: Option<SyncSender<Bytes>>,
    shared: Arc<Counters>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counters {
    queued_bytes: AtomicUsize,
    lost: AtomicU64,
    stopped: AtomicBool,
}

impl Journal {
    /// Opens the journal in `folder`, to append; it stops growing at `limit_bytes`.
    pub fn open(folder: &Path, limit_bytes: u64) -> Result<Self, Error> {
        let path = folder.join(FILE_NAME);
        let failed = |source| Error::File {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        let written = file.metadata().map_err(failed)?.len();
        let (queue, requests) = mpsc::sync_channel(QUEUE_REQUESTS);
        let shared = Arc::<Counters>::default();
        let writer = Writer {
            file,
            path: path.clone(),
            written,
            limit_bytes,
            shared: shared.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("traces-journal".to_owned())
            .spawn(move || writer.run(&requests))
            .map_err(failed)?;
        Ok(Self {
            queue: Some(queue),
            shared,
            writer: Some(thread),
        })
    }

    /// Queues a request. Never waits.
    pub fn append(&self, request: Bytes) {
        let size = request.len();
        let queued = self.shared.queued_bytes.fetch_add(size, Ordering::Relaxed) + size;
        let is_open = !self.shared.stopped.load(Ordering::Relaxed);
        let sent = is_open
            && (queued <= QUEUE_BYTES || queued == size)
            && self
                .queue
                .as_ref()
                .is_some_and(|queue| queue.try_send(request).is_ok());
        if !sent {
            self.shared.queued_bytes.fetch_sub(size, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests that were not written because the journal had stopped or the queue was full.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A panicked writer has nothing left to write.
            _ = writer.join();
        }
    }
}

struct Writer {
    file: File,
    path: PathBuf,
    written: u64,
    limit_bytes: u64,
    shared: Arc<Counters>,
}

impl Writer {
    fn run(mut self, requests: &Receiver<Bytes>) {
        let mut frame = Vec::new();
        let mut count = 0;
        let mut due = Instant::now() + FLUSH_EVERY;
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            let received = requests.recv_timeout(wait);
            if let Ok(request) = &received {
                self.shared
                    .queued_bytes
                    .fetch_sub(request.len(), Ordering::Relaxed);
                prost::encoding::encode_varint(request.len() as u64, &mut frame);
                frame.extend_from_slice(request);
                count += 1;
            }
            let is_closed = matches!(received, Err(RecvTimeoutError::Disconnected));
            if is_closed || frame.len() >= FRAME_BYTES || Instant::now() >= due {
                due = Instant::now() + FLUSH_EVERY;
                self.flush(&mut frame, &mut count);
            }
            if is_closed {
                return;
            }
        }
    }

    fn flush(&mut self, frame: &mut Vec<u8>, count: &mut u64) {
        if frame.is_empty() {
            return;
        }
        if self.shared.stopped.load(Ordering::Relaxed) {
            self.shared.lost.fetch_add(*count, Ordering::Relaxed);
        } else if let Err(reason) = self.write(frame) {
            self.shared.stopped.store(true, Ordering::Relaxed);
            self.shared.lost.fetch_add(*count, Ordering::Relaxed);
            let path = self.path.display();
            tracing::warn!(
                "the journal of traces `{path}` stops here, traces stay in memory only: {reason}"
            );
        }
        *count = 0;
        frame.clear();
        frame.shrink_to(FRAME_BYTES * 2);
    }

    fn write(&mut self, frame: &[u8]) -> Result<(), String> {
        let info = FrameInfo::new()
            .content_checksum(true)
            .block_checksums(true);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder
            .write_all(frame)
            .map_err(|error| error.to_string())?;
        let packed = encoder.finish().map_err(|error| error.to_string())?;
        if self.written + packed.len() as u64 > self.limit_bytes {
            return Err(format!(
                "it has reached its limit of {} bytes",
                self.limit_bytes
            ));
        }
        self.file
            .write_all(&packed)
            .map_err(|error| error.to_string())?;
        self.written += packed.len() as u64;
        Ok(())
    }
}
