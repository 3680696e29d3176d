//! The addresses of one upstream: whose turn it is, and a list that changes while calls are made.
//!
//! An attempt holds the address that it goes to, so that an address which was taken off the list is known to be
//! without calls once nobody else holds it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{Client, Error};

/// How long the calls to an address that was taken off the list are waited for; what lasts longer ends with the drain
/// of whoever listens there.
const QUIET_WITHIN: Duration = Duration::from_secs(8);
/// How often it is looked whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// An address and the texts made of it, which every call would make again.
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

/// The list, and whose turn it is.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Read once for each attempt and written when replicas come and go.
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

    /// The address whose turn it is; none where there are none.
    pub(super) fn next(&self) -> Option<Arc<Address>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.get(spread(turn, list.len())).map(Arc::clone)
    }

    /// Takes another list; gives the addresses that are on it no more, or nothing where it is the same list.
    fn replace(&self, sockets: &[SocketAddr]) -> Option<Vec<Arc<Address>>> {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        if list.iter().map(|address| &address.socket).eq(sockets) {
            return None;
        }
        let mut before = std::mem::take(&mut *list);
        for socket in sockets {
            // What stays is the same address as before: calls that go there now are no reason to wait.
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
    /// Calls the named upstreams at these addresses from now on, and so do the clients that share them. Returns when
    /// no call is under way to an address that was taken away, or after some seconds; gives how many lists changed.
    ///
    /// Nothing is changed if one of them is no upstream of this client or is left without an address.
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
                    "calls `{name}` at {count} addresses from now on"
                );
            }
        }
        let quiet = async {
            while removed.iter().any(|address| Arc::strong_count(address) > 1) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // What is still under way then has had the time that most calls have in all.
        let _ = tokio::time::timeout(QUIET_WITHIN, quiet).await;
        Ok(changed)
    }
}

/// Which of `count` addresses has the `turn`-th call: an even share each, for every second call as well.
///
/// Plain round robin would send all of one kind of call to one replica where callers make two kinds in turn.
/// The steps are those of the golden ratio (Knuth, The Art of Computer Programming, volume 3, 6.4), which keep apart.
pub(super) fn spread(turn: usize, count: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let place = (turn as u64).wrapping_mul(GOLDEN);
    // The upper half of the product of two 64-bit numbers: a share of `count`.
    ((u128::from(place) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests;
