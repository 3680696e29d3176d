//! The thread that writes finished lines, behind a bounded queue.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use metrics::Counter;

use crate::names::metric;

/// Maximum number of queued lines; at 300 bytes a line, a third of a megabyte.
pub(super) const QUEUE: usize = 1_024;

/// Lines are written together up to this size.
pub(super) const CHUNK_BYTES: usize = 32 * 1_024;

/// Accepts finished lines. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    dropped: Counter,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Writer {
    /// Writes to `sink` on a separate thread, until the last clone of the writer is dropped.
    pub(crate) fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("log".to_owned())
            .stack_size(128 * 1_024)
            .spawn(move || write_all(&lines, sink))?;
        let dropped = metrics::counter!(metric::LOG_LINES_DROPPED);
        dropped.increment(0);
        Ok(Self { queue, dropped })
    }

    /// Queues a line, or counts it as dropped.
    pub(crate) fn write(&self, line: Vec<u8>) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(Message::Line(line))
        {
            self.dropped.increment(1);
        }
    }

    /// Waits until all lines queued so far are written; `false` if that takes longer than `timeout`.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let (done, wait) = sync_channel(1);
        // A full queue means that the writer is stuck, and waiting for it would not help.
        self.queue.try_send(Message::Flush(done)).is_ok() && wait.recv_timeout(timeout).is_ok()
    }
}

fn write_all(lines: &Receiver<Message>, mut sink: impl Write) {
    let mut text = Vec::new();
    while let Ok(first) = lines.recv() {
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Line(line) => text.extend_from_slice(&line),
                Message::Flush(done) => waiting.push(done),
            }
            if text.len() < CHUNK_BYTES {
                next = lines.try_recv().ok();
            }
        }
        // A failure would be reported on standard error, which is what failed.
        let _ = sink.write_all(&text).and_then(|()| sink.flush());
        text.clear();
        for done in waiting {
            // The caller may have stopped waiting.
            let _ = done.send(());
        }
    }
}
