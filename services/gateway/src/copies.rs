//! Copies of listings for the support desk: what a customer was shown, written to a file beside the service.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chassis::CancellationToken;
use http::Uri;
use tokio::{
    fs,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{MissedTickBehavior, interval},
};
use tracing::warn;

/// Name of the file in the service's folder.
const FILE: &str = "answers.log";
/// Time between two writes, so that the disk stays free for others.
const PAUSE: Duration = Duration::from_millis(100);
/// Size at which the file is begun anew.
const MOST_WRITTEN: usize = 4 << 20;
/// Size of all copies that wait; more are dropped, to keep the host safe.
const MOST_WAITING: usize = 192 << 20;

/// Where copies are handed over; without a desk nothing is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copies(Option<Desk>);

#[derive(Debug, Clone)]
struct Desk {
    copies: UnboundedSender<String>,
    /// Size of the copies that wait, in bytes.
    waiting: Arc<AtomicUsize>,
}

/// Writes the copies one after the other.
#[derive(Debug)]
pub(crate) struct Writer {
    copies: UnboundedReceiver<String>,
    waiting: Arc<AtomicUsize>,
}

impl Copies {
    /// A desk, and the writer behind it.
    pub(crate) fn new() -> (Self, Writer) {
        let (sender, copies) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let desk = Desk {
            copies: sender,
            waiting: Arc::clone(&waiting),
        };
        (Self(Some(desk)), Writer { copies, waiting })
    }

    /// Keeps a copy of an answer.
    // Never inlined, so that a heap profile shows these bytes apart from those of the request.
    #[inline(never)]
    pub(crate) fn keep(&self, uri: &Uri, body: &[u8]) {
        let Some(desk) = &self.0 else {
            return;
        };
        let copy = format!("{uri} {}\n", String::from_utf8_lossy(body));
        let size = copy.len();
        if desk.waiting.fetch_add(size, Ordering::Relaxed) > MOST_WAITING
            || desk.copies.send(copy).is_err()
        {
            desk.waiting.fetch_sub(size, Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Writes until the drain.
    pub(crate) async fn run(mut self, folder: PathBuf, shutdown: CancellationToken) {
        let path = folder.join(FILE);
        let mut ticks = interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut text = String::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let Ok(copy) = self.copies.try_recv() else {
                continue;
            };
            self.waiting.fetch_sub(copy.len(), Ordering::Relaxed);
            if text.len() + copy.len() > MOST_WRITTEN {
                text.clear();
            }
            text += &copy;
            if let Err(error) = fs::write(&path, &text).await {
                warn!(%error, "failed to write a copy of an answer: {error}");
            }
        }
    }
}
