//! The addresses of one upstream: load balancing over a list that changes at run time.
//!
//! Each attempt holds a reference to its address, so that a removed address is known to be idle once it has no other
//! reference.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;

use super::{Client, Error};

/// Maximum wait for calls to a removed address; longer calls end when that replica drains.
const IDLE_WITHIN: Duration = Duration::from_secs(8);
/// Time between two checks whether a removed address is idle.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// An address and the texts that every call needs.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) socket: SocketAddr,
    /// The IP alone.
    pub(super) host: String,
    /// `http://ip:port`.
    pub(super) base: String,
}

impl From<SocketAddr> for Address {
    fn from(socket: SocketAddr) -> Self {
        Self {
            socket,
            host: socket.ip().to_string(),
            base: format!("http://{socket}"),
        }
    }
}

/// The list of addresses, and the turn of the next call.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Read for each attempt, written when replicas are added or removed.
    list: RwLock<Vec<Arc<Address>>>,
    next: AtomicUsize,
}

impl Addresses {
    pub(super) fn new(sockets: &[SocketAddr]) -> Self {
        let list = sockets.iter().map(|socket| Arc::new((*socket).into()));
        Self {
            list: RwLock::new(list.collect()),
            next: AtomicUsize::new(0),
        }
    }

    /// The address for the next call; `None` if the list is empty.
    pub(super) fn next(&self) -> Option<Arc<Address>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let list = self.list.read();
        list.get(spread(turn, list.len())).map(Arc::clone)
    }

    /// Replaces the list; returns the removed addresses, or `None` if the list did not change.
    fn replace(&self, sockets: &[SocketAddr]) -> Option<Vec<Arc<Address>>> {
        let mut list = self.list.write();
        if list.iter().map(|address| &address.socket).eq(sockets) {
            return None;
        }
        let mut before = std::mem::take(&mut *list);
        for socket in sockets {
            // An address that stays keeps its references, so that calls to it do not count as calls to a removed one.
            let known = before.iter().position(|address| address.socket == *socket);
            list.push(match known {
                Some(known) => before.swap_remove(known),
                None => Arc::new((*socket).into()),
            });
        }
        Some(before)
    }
}

impl Client {
    /// Replaces the addresses of the named upstreams, also for clients that share them. Returns the number of changed
    /// lists, once no call to a removed address is in flight, or after some seconds.
    ///
    /// Nothing changes if one name is not an upstream of this client or one list is empty.
    pub async fn set_addresses(
        &self,
        wanted: &BTreeMap<String, Vec<SocketAddr>>,
    ) -> Result<usize, Error> {
        let mut changes = Vec::new();
        for (name, sockets) in wanted {
            let upstream = self.upstream(name)?;
            if sockets.is_empty() {
                return Err(Error::UnknownUpstream(name.clone()));
            }
            changes.push((upstream, sockets));
        }
        let (mut changed, mut removed) = (0, Vec::new());
        for (upstream, sockets) in changes {
            if let Some(gone) = upstream.addresses.replace(sockets) {
                changed += 1;
                removed.extend(gone);
                let (name, count) = (&upstream.name, sockets.len());
                tracing::info!(
                    upstream = name,
                    "changed the addresses of `{name}`, which are now {count}"
                );
            }
        }
        let idle = async {
            while removed.iter().any(|address| Arc::strong_count(address) > 1) {
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
        };
        // A call that is still in flight then has had longer than most calls may take.
        let _ = tokio::time::timeout(IDLE_WITHIN, idle).await;
        Ok(changed)
    }
}

/// Which of `count` addresses gets the `turn`-th call: an even share each, also of every second call.
///
/// With plain round robin, a caller that alternates two kinds of calls would send all calls of one kind to one replica.
/// Steps of the golden ratio avoid that (Knuth, The Art of Computer Programming, volume 3, 6.4).
pub(super) fn spread(turn: usize, count: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let place = (turn as u64).wrapping_mul(GOLDEN);
    // The upper half of the product of two 64-bit numbers: a share of `count`.
    ((u128::from(place) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests;
