//! The accept loop of all listeners: accepts, serves, and drains.
//!
//! It does not use the framework's loop, which never ends a connection and has no deadline for a drain.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::body::{Answer, Request};
use crate::course::{Course, Phase, Turn};
use crate::stream::Stream;

/// Pause after a failure to accept, such as too many open files, and while no connection can be given up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(300);
/// Connections of a listener that serves few clients. Four such listeners leave room below the usual 256 or 1,024 files.
const MOST: usize = 52;
/// How often a client of HTTP/2 is asked whether it is there, and how long it has to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long requests in flight may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    Http1,
    /// HTTP/2 from the first byte on, as gRPC does.
    Http2,
}

/// How a listener is served.
#[derive(Clone, Debug)]
pub struct Server {
    /// The routes.
    pub router: Router,
    /// What it speaks.
    pub protocol: Protocol,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// How many connections there may be. One more takes the place of the one that has waited longest.
    pub most: usize,
    /// During a drain, how long an idle connection stays: closing it at once could hit a request that is on the way.
    pub linger: Duration,
    /// How long requests in flight may take once it is told to stop.
    pub drain: Duration,
}

/// The connections of a listener, by number.
#[derive(Clone, Debug, Default)]
struct Connections(Arc<Mutex<BTreeMap<u64, Connection>>>);

#[derive(Debug)]
struct Connection {
    course: Arc<Course>,
    cut: CancellationToken,
}

/// Takes a connection out of the list when its task ends, however it ends.
struct Listed(Connections, u64);

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

impl Connections {
    /// Makes room for one more: gives up the one that has waited longest if there are `most` already, and waits while all
    /// of those are being answered.
    async fn room(&self, most: usize) {
        loop {
            {
                let mut all = self.0.lock();
                if all.len() < most {
                    return;
                }
                let first = all
                    .iter()
                    .map(|(number, one)| (one.course.rank(), *number))
                    .min();
                if let Some(((phase, _), number)) = first
                    && phase != Phase::Working
                    && let Some(given_up) = all.remove(&number)
                {
                    given_up.cut.cancel();
                    return;
                }
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

impl Server {
    /// For few clients, over HTTP/1.
    pub fn new(router: Router) -> Self {
        Self {
            router,
            protocol: Protocol::Http1,
            idle: IDLE,
            most: MOST,
            linger: Duration::ZERO,
            drain: DRAIN,
        }
    }

    /// Serves until `stop`, then finishes requests in flight. `true` if all finished in time.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) -> bool {
        self.run_over(listener, stop, |stream| stream).await
    }

    /// The same, with `wrap` between the socket and HTTP.
    pub async fn run_over<S>(
        self,
        listener: TcpListener,
        stop: CancellationToken,
        wrap: impl Fn(Stream<TcpStream>) -> S,
    ) -> bool
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (tasks, connections) = (TaskTracker::new(), Connections::default());
        let mut failures = 0_u64;
        for number in 0.. {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept(&listener, &connections) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    if failures > 0 {
                        tracing::info!(
                            failures,
                            "accepting connections again after {failures} failures"
                        );
                    }
                    failures = 0;
                    // Otherwise small answers wait for the peer's acknowledgement; a failure only makes them later.
                    let _ = stream.set_nodelay(true);
                    let course = Arc::new(Course::new(self.protocol, self.idle));
                    let cut = CancellationToken::new();
                    let connection = Connection {
                        course: Arc::clone(&course),
                        cut: cut.clone(),
                    };
                    connections.0.lock().insert(number, connection);
                    let listed = Listed(connections.clone(), number);
                    let stream = wrap(Stream::new(stream, Arc::clone(&course)));
                    let serving = self.clone().connection(stream, course, stop.clone());
                    tasks.spawn(async move {
                        let _listed = listed;
                        tokio::select! {
                            () = serving => {}
                            () = cut.cancelled() => {}
                        }
                    });
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    // Logged once per change: this repeats until files are closed.
                    if failures == 0 {
                        tracing::error!(%error, "failed to accept connections: {error}");
                    }
                    failures += 1;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // From here on new connections go to other processes that listen on this socket.
        drop(listener);
        tasks.close();
        tokio::time::timeout(self.drain, tasks.wait()).await.is_ok()
    }

    async fn accept(
        &self,
        listener: &TcpListener,
        connections: &Connections,
    ) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        connections.room(self.most).await;
        Ok(stream)
    }

    async fn connection<S>(self, stream: S, course: Arc<Course>, stop: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (router, closing) = (self.router, stop.clone());
        let is_http1 = self.protocol == Protocol::Http1;
        let service = service_fn(move |request: http::Request<Incoming>| {
            let turn = Turn::begin(&course);
            let request = request.map(|body| Body::new(Request::new(body, &course)));
            // A router is always ready.
            let response = router.clone().call(request);
            let closing = closing.clone();
            async move {
                let mut response = response.await?;
                if is_http1 && closing.is_cancelled() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                let answer = |inner| Answer { inner, _turn: turn };
                Ok::<_, Infallible>(response.map(answer))
            }
        });
        let io = TokioIo::new(stream);
        macro_rules! serve {
            ($builder:expr) => {{
                let mut connection = std::pin::pin!($builder.serve_connection(io, service));
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = stop.cancelled() => {
                        match tokio::time::timeout(self.linger, connection.as_mut()).await {
                            Ok(ended) => ended,
                            Err(_) => {
                                connection.as_mut().graceful_shutdown();
                                connection.await
                            }
                        }
                    }
                }
            }};
        }
        let ended = match self.protocol {
            Protocol::Http1 => serve!(http1::Builder::new()),
            Protocol::Http2 => serve!(
                http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .keep_alive_interval(KEEP_ALIVE)
                    .keep_alive_timeout(KEEP_ALIVE)
            ),
        };
        if let Err(error) = ended {
            // The peer disconnected, was too slow or sent something that is not HTTP: not an error of this process.
            tracing::debug!(%error, "a connection closed early: {error}");
        }
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
