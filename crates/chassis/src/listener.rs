//! The public socket: handed over by the parent, or bound here.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::config::Listen;

/// No public listener.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address cannot be bound.
    #[error("failed to listen on {addr}")]
    Bind {
        /// Address asked for.
        addr: SocketAddr,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// The parent promised a socket and gave none.
    #[error("no listening socket was handed over (LISTEN_FDS)")]
    NotInherited,
    /// The socket that was handed over cannot be used.
    #[error("the socket handed over cannot be used")]
    Inherited(#[source] io::Error),
}

/// Takes or binds the socket; it is ready for the async runtime.
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
