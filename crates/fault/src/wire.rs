//! The wire between two processes: a TCP proxy that carries bytes late, thinly, or not at all.
//!
//! ```text
//! caller -> 127.0.0.1:port --[latency, jitter, bandwidth, drop]--> target
//!        <-----------------[the same, other direction]-----------
//! ```
//!
//! It acts on bytes, not on calls: latency delays each chunk and keeps the order, bandwidth spaces
//! chunks out, drop closes a connection without a response. Settings also apply to open connections;
//! the default settings pass bytes through unchanged. The proxy listens from `start` until its handle
//! is dropped, and then leaves no port, task or connection behind.
//!
//! Tolerance: the time added to a round trip is the latency of both directions; the median is within
//! 0.3 ms of it even on cores that are busy with traffic.

mod carry;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use self::carry::Direction;
use crate::decide::Decider;

/// Properties of a wire. The default passes bytes through unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wire {
    /// Latency of each chunk from the caller to the target.
    pub latency_there: Duration,
    /// Latency of each chunk from the target to the caller.
    pub latency_back: Duration,
    /// Maximum additional latency in each direction, uniformly distributed by seed.
    pub jitter: Duration,
    /// Bytes per second in each direction of a connection; absent means unlimited.
    pub bytes_per_second: Option<u64>,
    /// Share of the connections (0 to 1) that are closed when the caller sends its first bytes.
    pub drop_share: f64,
}

/// A running proxy. Dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    settings: watch::Sender<Wire>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free loopback port and carries every connection to `target`.
    pub async fn start(target: SocketAddr, wire: Wire, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Self::over(listener, target, wire, seed)
    }

    /// Like [`start`](Proxy::start), on a given listener.
    pub fn over(
        listener: TcpListener,
        target: SocketAddr,
        wire: Wire,
        seed: u64,
    ) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let (settings, watched) = watch::channel(wire);
        let task = tokio::spawn(accept(listener, target, watched, seed));
        Ok(Self {
            addr,
            settings,
            task,
        })
    }

    /// The address for callers.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the wire, also for open connections.
    pub fn set(&self, wire: Wire) {
        self.settings.send_replace(wire);
    }

    /// The current properties of the wire.
    pub fn get(&self) -> Wire {
        *self.settings.borrow()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The task owns the listener and, through its set, every connection.
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    settings: watch::Receiver<Wire>,
    seed: u64,
) {
    let mut connections = JoinSet::new();
    let number = AtomicU64::new(0);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((caller, _)) => {
                    let key = number.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connect(caller, target, settings.clone(), seed, key));
                }
                // Most likely too many open files: retrying at once would fail again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(
    caller: TcpStream,
    target: SocketAddr,
    settings: watch::Receiver<Wire>,
    seed: u64,
    key: u64,
) {
    // If the target cannot be reached, the caller sees a connection that closes at once.
    let Ok(target) = TcpStream::connect(target).await else {
        return;
    };
    // Chunks must leave when they are due, not when the peer acknowledges the previous one.
    let _ = caller.set_nodelay(true);
    let _ = target.set_nodelay(true);
    let (caller_read, caller_write) = caller.into_split();
    let (target_read, target_write) = target.into_split();
    let drop = Decider::new(seed, "wire-drop");
    let there = Direction {
        settings: settings.clone(),
        is_there: true,
        jitter: Decider::new(seed ^ key, "wire-there"),
        drop: Some((drop, key)),
    };
    let back = Direction {
        settings,
        is_there: false,
        jitter: Decider::new(seed ^ key, "wire-back"),
        drop: None,
    };
    let there = Arc::new(there);
    let back = Arc::new(back);
    // Each direction ends with its own end of stream, so that a half-closed connection continues;
    // an error in one direction ends both.
    let _ = tokio::try_join!(
        there.carry(caller_read, target_write),
        back.carry(target_read, caller_write)
    );
}

#[cfg(test)]
mod tests;
