//! The public socket, passed by the parent.

use std::net::TcpListener;

use anyhow::Context as _;

/// Takes the socket (`LISTEN_FDS=1`, file descriptor 3), in non-blocking mode for the async runtime.
pub(crate) fn inherited() -> anyhow::Result<TcpListener> {
    let listener = listenfd::ListenFd::from_env().take_tcp_listener(0);
    let listener = listener
        .context("the socket from the parent is not usable")?
        .context("the parent passed no listening socket (LISTEN_FDS)")?;
    listener
        .set_nonblocking(true)
        .context("the socket from the parent is not usable")?;
    Ok(listener)
}
