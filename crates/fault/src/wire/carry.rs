//! One direction of one connection.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, watch},
    time::Instant,
};

use super::Wire;
use crate::{decide::Decider, timer};

/// Maximum size of a chunk.
const CHUNK_BYTES: usize = 16 * 1_024;
/// Maximum number of chunks on the wire; then the sender has to wait, as with a full TCP window.
/// With chunks of 16 KiB a wire of 100 ms still carries 40 MB/s.
const CHUNKS: usize = 256;

/// The settings and decisions of one direction.
pub(super) struct Direction {
    pub(super) settings: watch::Receiver<Wire>,
    /// From the caller to the target.
    pub(super) is_there: bool,
    pub(super) jitter: Decider,
    /// Decides by the connection's number whether it is closed.
    pub(super) drop: Option<(Decider, u64)>,
}

/// Bytes, and when they arrive.
struct Chunk {
    bytes: Vec<u8>,
    due: Instant,
}

impl Direction {
    /// Carries bytes until the end of the stream. An error closes the connection.
    pub(super) async fn carry(
        self: Arc<Self>,
        from: OwnedReadHalf,
        to: OwnedWriteHalf,
    ) -> io::Result<()> {
        let (tx, rx) = mpsc::channel(CHUNKS);
        tokio::try_join!(self.take(from, tx), deliver(to, rx))?;
        Ok(())
    }

    /// Reads chunks and schedules their arrival.
    async fn take(&self, mut from: OwnedReadHalf, wire: mpsc::Sender<Chunk>) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut last = Instant::now();
        let mut number = 0;
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let settings = *self.settings.borrow();
            if number == 0 && self.is_dropped(&settings) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let sent = Instant::now();
            // A chunk never overtakes an earlier one.
            let due = (sent + self.latency(&settings, number)).max(last);
            let due = due + time_on_wire(&settings, length);
            last = due;
            number += 1;
            let chunk = Chunk {
                bytes: buffer[..length].to_vec(),
                due,
            };
            if wire.send(chunk).await.is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }

    fn latency(&self, settings: &Wire, number: u64) -> Duration {
        let fixed = if self.is_there {
            settings.latency_there
        } else {
            settings.latency_back
        };
        fixed + settings.jitter.mul_f64(self.jitter.unit(number))
    }

    fn is_dropped(&self, settings: &Wire) -> bool {
        self.drop
            .is_some_and(|(decider, key)| decider.happens(key, settings.drop_share))
    }
}

/// The time that `length` bytes take at the wire's bandwidth.
fn time_on_wire(settings: &Wire, length: usize) -> Duration {
    match settings.bytes_per_second {
        None => Duration::ZERO,
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rounding error of nanoseconds"
        )]
        Some(rate) => Duration::from_secs_f64(length as f64 / rate.max(1) as f64),
    }
}

async fn deliver(mut to: OwnedWriteHalf, mut wire: mpsc::Receiver<Chunk>) -> io::Result<()> {
    while let Some(chunk) = wire.recv().await {
        timer::sleep_until(chunk.due).await;
        to.write_all(&chunk.bytes).await?;
    }
    to.shutdown().await
}
