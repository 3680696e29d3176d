//! The wire between two processes: a TCP proxy that carries bytes late, thinly, or not at all.
//!
//! ```text
//! caller -> 127.0.0.1:port --[latency, jitter, bandwidth, drop]--> target
//!        <-----------------[the same, other direction]-----------
//! ```
//!
//! It acts on what it carries and not on whole calls: latency delays every chunk by its own time
//! and keeps their order, bandwidth spaces them out, drop cuts a connection off without an answer.
//! Settings change while connections are open; without any it carries bytes as they come. It
//! listens from `start` to the drop of its handle, and then no port, task or connection is left.
//!
//! Tolerance: the time added to a request and its answer is the latency of both directions, at the
//! median within 0.3 ms of it on cores that are busy with traffic.

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

/// What the wire is like. The default is a wire that is not noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wire {
    /// Time that a chunk takes from the caller to the target.
    pub latency_there: Duration,
    /// Time that a chunk takes from the target to the caller.
    pub latency_back: Duration,
    /// Up to this much more, evenly spread and decided by seed, in each direction.
    pub jitter: Duration,
    /// Bytes per second in each direction of a connection; absent is as fast as it goes.
    pub bytes_per_second: Option<u64>,
    /// Share of the connections (0 to 1) that are cut off when they first carry something.
    pub drop_share: f64,
}

/// A running proxy. Dropping it ends everything.
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

    /// As [`start`](Proxy::start), on a listener of the caller's.
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

    /// Where callers connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Makes the wire like this from now on, for open connections, too.
    pub fn set(&self, wire: Wire) {
        self.settings.send_replace(wire);
    }

    /// What the wire is like.
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
                // Too many open files, most likely: it is no use trying at once.
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
    // A target that is not there looks to the caller like a connection that ends at once.
    let Ok(target) = TcpStream::connect(target).await else {
        return;
    };
    // Chunks must leave when they are due and not when the peer acknowledges the last one.
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
    // Each direction ends with its own end of stream, so that a half-closed connection goes on;
    // an error in either ends both.
    let _ = tokio::try_join!(
        there.carry(caller_read, target_write),
        back.carry(target_read, caller_write)
    );
}

#[cfg(test)]
mod tests;
