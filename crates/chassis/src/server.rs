//! The public listener: accepts, serves, and drains.
//!
//! It does not use the framework's loop, which has no timeout for idle connections and no deadline for
//! a drain.

use std::{convert::Infallible, io, time::Duration};

use axum::Router;
use http::{HeaderValue, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

/// Pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// During a drain, a connection closes after its next response. An idle connection closes after this
/// time: closing it at once could hit a request that is on the way.
const LINGER: Duration = Duration::from_millis(500);

/// Serves `router` until `stop`, then finishes requests in flight. `true` if all finished within `drain`.
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    keep_alive: Duration,
    stop: CancellationToken,
    drain: Duration,
) -> bool {
    let connections = TaskTracker::new();
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                is_failing = false;
                connections.spawn(connection(stream, router.clone(), keep_alive, stop.clone()));
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // Logged once per change: this repeats until files are closed.
                if !is_failing {
                    tracing::error!(%error, "failed to accept connections: {error}");
                }
                is_failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // From here on new connections go to other processes that listen on this socket.
    drop(listener);
    connections.close();
    tokio::time::timeout(drain, connections.wait())
        .await
        .is_ok()
}

async fn connection(
    stream: TcpStream,
    router: Router,
    keep_alive: Duration,
    stop: CancellationToken,
) {
    // Otherwise small responses wait for the peer's acknowledgement; a failure only makes them later.
    let _ = stream.set_nodelay(true);
    let closing = stop.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut router = router.clone();
        // A router is always ready.
        let response = router.call(request);
        let closing = closing.clone();
        async move {
            let mut response = response.await?;
            if closing.is_cancelled() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(keep_alive)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => match tokio::time::timeout(LINGER, connection.as_mut()).await {
            Ok(ended) => ended,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = ended {
        // The peer disconnected or sent something that is not HTTP: not an error of this service.
        tracing::debug!(%error, "a connection closed early: {error}");
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
