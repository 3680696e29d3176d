//! The network between checkout and inventory: every connection goes through a relay, which carries bytes late and resends
//! what is lost, as the network would.
//!
//! ```text
//! checkout ──> the relay's socket ──[delay, loss]──> inventory's socket
//!          <──────────────────────[the same]─────────
//! ```
//! It acts on bytes and not on calls, so a service sees what it would see on such a network: calls that take longer than the
//! service that answers them says. Without delay and loss bytes pass as they come.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use settings::Wire as Properties;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The most that is read at once.
const CHUNK_BYTES: usize = 16 << 10;
/// The most chunks on their way; then the sender waits, as with a full TCP window.
const CHUNKS: usize = 64;
/// Files that the runner keeps for everything else: the terminals that control it, children, records.
const OTHER_FILES: usize = 160;
/// The most files that a connection takes, of either relay of inventory's replicas: a socket at each end.
const FILES_OF_ONE: usize = 4;
/// Connections that a relay carries however few files there are, and however many.
const CONNECTIONS: std::ops::RangeInclusive<usize> = 8..=1_024;

/// What a lost segment costs: Linux waits at least this long before it sends one again (`TCP_RTO_MIN`).
const RESENT_AFTER: Duration = Duration::from_millis(200);

/// The relays; dropping it closes them with their connections.
#[derive(Debug)]
pub(crate) struct Wire {
    properties: watch::Sender<Properties>,
    seed: u64,
    /// The relay's socket for each socket of inventory.
    relays: Mutex<BTreeMap<SocketAddr, SocketAddr>>,
    end: CancellationToken,
    _ended_by_drop: DropGuard,
}

impl Wire {
    /// One without delay and loss; `seed` decides which bytes will be lost.
    pub(crate) fn new(seed: u64) -> Self {
        let end = CancellationToken::new();
        Self {
            properties: watch::Sender::default(),
            seed,
            relays: Mutex::default(),
            _ended_by_drop: end.clone().drop_guard(),
            end,
        }
    }

    /// Changes it, for open connections as well.
    pub(crate) fn configure(&self, properties: &Value) -> anyhow::Result<()> {
        let properties = serde_json::from_value(properties.clone());
        self.properties
            .send_replace(properties.context("settings of the network")?);
        Ok(())
    }

    /// Where callers reach `target` over it.
    pub(crate) fn toward(&self, target: SocketAddr) -> anyhow::Result<SocketAddr> {
        let mut relays = self.relays.lock();
        if let Some(known) = relays.get(&target) {
            return Ok(*known);
        }
        let listen = || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = listen().context("socket of the network between checkout and inventory")?;
        let addr = listener.local_addr()?;
        let relay = accept(listener, target, self.properties.subscribe(), self.seed);
        tokio::spawn(self.end.clone().run_until_cancelled_owned(relay));
        relays.insert(target, addr);
        Ok(addr)
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    properties: watch::Receiver<Properties>,
    seed: u64,
) {
    // Their connections end with the relay.
    let mut connections = tokio::task::JoinSet::new();
    for number in 0_u64.. {
        // Those over the limit wait in the queue of the socket, so that the drill can always be controlled.
        while connections.len() >= most() && connections.join_next().await.is_some() {}
        let caller = loop {
            match listener.accept().await {
                Ok((caller, _)) => break caller,
                // Most likely too many open files: to try again at once would fail again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(relay(
            caller,
            target,
            properties.clone(),
            seed.wrapping_add(number),
        ));
    }
}

/// How many connections a relay carries at a time; the limit of files may change while it runs.
fn most() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    (files.saturating_sub(OTHER_FILES) / FILES_OF_ONE)
        .clamp(*CONNECTIONS.start(), *CONNECTIONS.end())
}

/// Carries one connection until it ends or fails in one direction; its ends then see what they would see without us.
async fn relay(
    caller: TcpStream,
    target: SocketAddr,
    properties: watch::Receiver<Properties>,
    seed: u64,
) -> io::Result<()> {
    let target = TcpStream::connect(target).await?;
    // Chunks leave when they are due, not when the peer acknowledges the one before.
    caller.set_nodelay(true)?;
    target.set_nodelay(true)?;
    let (caller_reads, caller_writes) = caller.into_split();
    let (target_reads, target_writes) = target.into_split();
    let there = Direction {
        properties: properties.clone(),
        chance: StdRng::seed_from_u64(seed),
    };
    let back = Direction {
        properties,
        chance: StdRng::seed_from_u64(!seed),
    };
    tokio::try_join!(
        there.carry(caller_reads, target_writes),
        back.carry(target_reads, caller_writes)
    )?;
    Ok(())
}

struct Direction {
    properties: watch::Receiver<Properties>,
    chance: StdRng,
}

impl Direction {
    async fn carry(mut self, mut from: OwnedReadHalf, to: OwnedWriteHalf) -> io::Result<()> {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let take = async move {
            let mut buffer = vec![0; CHUNK_BYTES];
            let mut last = Instant::now();
            loop {
                let length = from.read(&mut buffer).await?;
                if length == 0 {
                    return Ok(());
                }
                // Bytes arrive in order: what is behind a lost segment waits for it.
                last = last.max(Instant::now() + self.delay());
                let chunk = (last, buffer[..length].to_vec());
                if sender.send(chunk).await.is_err() {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe));
                }
            }
        };
        tokio::try_join!(take, deliver(to, chunks))?;
        Ok(())
    }

    fn delay(&mut self) -> Duration {
        let Properties { delay_ms, loss } = *self.properties.borrow();
        let mut delay = Duration::from_millis(delay_ms.into());
        let mut wait = RESENT_AFTER;
        // What is sent again can be lost again, and the wait doubles; at a loss of 1 it would never arrive.
        while loss > 0.0 && wait < 8 * RESENT_AFTER && self.chance.random_bool(loss.min(1.0)) {
            delay += wait;
            wait *= 2;
        }
        delay
    }
}

async fn deliver(
    mut to: OwnedWriteHalf,
    mut chunks: mpsc::Receiver<(Instant, Vec<u8>)>,
) -> io::Result<()> {
    while let Some((due, bytes)) = chunks.recv().await {
        sleep_until(due).await;
        to.write_all(&bytes).await?;
    }
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Sends back what it gets, on every connection.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a socket");
        let addr = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reads, mut writes) = stream.into_split();
                    tokio::io::copy(&mut reads, &mut writes).await
                });
            }
        });
        addr
    }

    /// How long one byte takes there and back, at least, of so many tries on one connection.
    async fn round_trips(addr: SocketAddr, tries: usize) -> Vec<Duration> {
        let mut stream = TcpStream::connect(addr).await.expect("it listens");
        let mut took = Vec::new();
        for _ in 0..tries {
            let began = Instant::now();
            stream.write_all(b"x").await.expect("it carries");
            stream.read_exact(&mut [0]).await.expect("it carries back");
            took.push(began.elapsed());
        }
        took.sort();
        took
    }

    #[tokio::test]
    async fn bytes_arrive_whole_in_order_and_no_earlier_than_the_network_allows() {
        let wire = Wire::new(7);
        let addr = wire.toward(echo().await).expect("a relay");
        for (properties, least) in [
            (json!({"delay_ms": 0}), 0),
            (json!({"delay_ms": 30}), 60),
            (
                json!({"delay_ms": 5, "loss": 1.0}),
                2 * (5 + 200 + 400 + 800),
            ),
        ] {
            wire.configure(&properties).expect("its settings");
            let took = round_trips(addr, 2).await;
            assert!(
                took[0] >= Duration::from_millis(least),
                "{properties}: {took:?}"
            );
        }
        wire.configure(&json!({"delay_ms": 1, "loss": 0.02}))
            .expect("its settings");
        let stream = TcpStream::connect(addr).await.expect("it listens");
        let (mut reads, mut writes) = stream.into_split();
        let sent: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            writes.write_all(&sent).await.expect("it carries");
            writes.shutdown().await
        });
        let mut arrived = Vec::new();
        reads.read_to_end(&mut arrived).await.expect("all of it");
        assert!(arrived == expected, "{} bytes", arrived.len());
        writing.await.expect("it ends").expect("it is closed");
    }

    #[tokio::test]
    async fn some_bytes_are_lost_and_most_are_not() {
        let wire = Wire::new(7);
        let addr = wire.toward(echo().await).expect("a relay");
        wire.configure(&json!({"loss": 0.2})).expect("its settings");
        let took = round_trips(addr, 40).await;
        let lost = took.iter().filter(|one| **one >= RESENT_AFTER).count();
        assert!((3..=30).contains(&lost), "{lost} of 40: {took:?}");
    }

    #[tokio::test]
    async fn a_target_has_one_relay_and_none_stays_behind() {
        let target = echo().await;
        let wire = Wire::new(7);
        let addr = wire.toward(target).expect("a relay");
        assert_eq!(wire.toward(target).expect("the same"), addr);
        assert!(wire.configure(&json!({"lose": 1})).is_err());
        drop(wire);
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(addr).await.is_ok() {
            assert!(Instant::now() < deadline, "it still listens");
            tokio::task::yield_now().await;
        }
    }
}
