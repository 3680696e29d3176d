//! The public socket: passed by the parent, or bound here.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::config::Listen;

/// Why there is no public listener.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address cannot be bound.
    #[error("failed to listen on {addr}")]
    Bind {
        /// Configured address.
        addr: SocketAddr,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The parent announced a socket but did not pass one.
    #[error("the parent passed no listening socket (LISTEN_FDS)")]
    NotInherited,
    /// The socket from the parent is not usable.
    #[error("the socket from the parent is not usable")]
    Inherited(#[source] io::Error),
}

/// Takes or binds the socket, in non-blocking mode for the async runtime.
pub(crate) fn open(listen: &Listen) -> Result<TcpListener, Error> {
    let listener = match listen {
        Listen::Addr(addr) => TcpListener::bind(addr).map_err(|source| Error::Bind {
            addr: *addr,
            source,
        })?,
        Listen::Inherited => listenfd::ListenFd::from_env()
            .take_tcp_listener(0)
            .map_err(Error::Inherited)?
            .ok_or(Error::NotInherited)?,
    };
    listener.set_nonblocking(true).map_err(Error::Inherited)?;
    Ok(listener)
}
