//! The public listener: accepts, serves, and drains.
//!
//! Own loop instead of the framework's, for two things it does not offer: idle connections end
//! after a time, and a drain has a deadline.

use std::{convert::Infallible, io, time::Duration};

use axum::Router;
use http::{HeaderValue, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

/// After a failure to accept, such as too many open files, the next try waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// At a drain, a connection is told with its next answer that it ends. One that is idle for this
/// long is closed without: at once would be while a request of its client may be on the way.
const LINGER: Duration = Duration::from_millis(500);

/// Serves `router` until `stop`, then finishes what is in flight. `true` if all of it was finished
/// within `drain`.
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
                // Once per change of state: this repeats until somebody closes files.
                if !is_failing {
                    tracing::error!(error = %error, "connections cannot be accepted");
                }
                is_failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // From here on new connections are for whoever else listens on this socket.
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
    // Without it small answers wait for the peer's acknowledgement; if it fails they are late, no more.
    let _ = stream.set_nodelay(true);
    let closing = stop.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut router = router.clone();
        // A router is always ready.
        let answer = router.call(request);
        let closing = closing.clone();
        async move {
            let mut answer = answer.await?;
            if closing.is_cancelled() {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(answer)
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
        // The peer went away or sent something that is not HTTP; nothing of ours is wrong.
        tracing::debug!(error = %error, "a connection ended early");
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
