//! HTTP/1.1 to one address over kept connections; no more than the load needs, so that it costs little.
//!
//! A server may close a kept connection at any time (a deploy does). A request that meets such a connection is sent
//! once more on a fresh one: always when nothing had been sent, and also when the old connection ended without the head
//! of an answer, since every request of the load may be repeated (the orders carry an idempotency key).

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::record::ErrorKind;

type Sender = SendRequest<Full<Bytes>>;

/// Idle connections that are kept; beyond it the ones that come back are closed.
const MAX_IDLE: usize = 512;
/// An answer of the shop has some kilobytes; a larger one is an error before it fills the memory.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A pool of connections to one address.
#[derive(Debug)]
pub(crate) struct Client {
    target: SocketAddr,
    host: HeaderValue,
    idle: Mutex<Vec<Sender>>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// How a call ended, and whether it had to be sent again.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) answer: Result<Answer, ErrorKind>,
    pub(crate) is_resent: bool,
}

/// Why an attempt on one connection failed.
enum Failure {
    /// The connection ended before the head of an answer.
    NoAnswer(ErrorKind),
    /// The answer broke off or was not acceptable.
    Broken(ErrorKind),
}

impl Client {
    pub(crate) fn new(target: SocketAddr) -> Self {
        let host =
            HeaderValue::from_str(&target.to_string()).expect("an address is a valid header");
        Self {
            target,
            host,
            idle: Mutex::default(),
        }
    }

    /// What belongs into the `Host` header.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Sends a request and reads the whole answer; the body is kept only if `keep_body`. The caller sets the deadline.
    pub(crate) async fn call(
        &self,
        request: impl Fn() -> Request<Full<Bytes>>,
        keep_body: bool,
    ) -> Call {
        if let Some(sender) = self.idle_connection().await {
            match self.attempt(sender, request(), keep_body).await {
                Ok(answer) => {
                    return Call {
                        answer: Ok(answer),
                        is_resent: false,
                    };
                }
                Err(Failure::Broken(kind)) => {
                    return Call {
                        answer: Err(kind),
                        is_resent: false,
                    };
                }
                Err(Failure::NoAnswer(_)) => {}
            }
            return Call {
                answer: self.call_fresh(request(), keep_body).await,
                is_resent: true,
            };
        }
        Call {
            answer: self.call_fresh(request(), keep_body).await,
            is_resent: false,
        }
    }

    async fn call_fresh(
        &self,
        request: Request<Full<Bytes>>,
        keep_body: bool,
    ) -> Result<Answer, ErrorKind> {
        let sender = self.connect().await?;
        self.attempt(sender, request, keep_body)
            .await
            .map_err(|failure| match failure {
                Failure::NoAnswer(kind) | Failure::Broken(kind) => kind,
            })
    }

    async fn attempt(
        &self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
        keep_body: bool,
    ) -> Result<Answer, Failure> {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| match kind(&error) {
                ErrorKind::Protocol => Failure::Broken(ErrorKind::Protocol),
                kind => Failure::NoAnswer(kind),
            })?;
        let status = response.status().as_u16();
        let body = read(response.into_body(), keep_body)
            .await
            .map_err(Failure::Broken)?;
        if !sender.is_closed() {
            let mut idle = self.idle();
            if idle.len() < MAX_IDLE {
                idle.push(sender);
            }
        }
        Ok(Answer { status, body })
    }

    async fn idle_connection(&self) -> Option<Sender> {
        loop {
            // The newest first, so that the number of connections follows the need.
            let mut sender = self.idle().pop()?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    async fn connect(&self) -> Result<Sender, ErrorKind> {
        let stream = TcpStream::connect(self.target)
            .await
            .map_err(|_| ErrorKind::Connect)?;
        stream.set_nodelay(true).map_err(|_| ErrorKind::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| kind(&error))?;
        // Ends when its sender is dropped or the server closes; the worker's runtime owns it. What goes wrong on it
        // is reported to the request that is under way.
        tokio::spawn(async move {
            let _reported_elsewhere = connection.await;
        });
        Ok(sender)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(mut body: Incoming, keep: bool) -> Result<Bytes, ErrorKind> {
    let mut size = 0;
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| kind(&error))?;
        if let Some(chunk) = frame.data_ref() {
            size += chunk.len();
            if size > MAX_BODY_BYTES {
                return Err(ErrorKind::Protocol);
            }
            if keep {
                kept.extend_from_slice(chunk);
            }
        }
    }
    Ok(kept.freeze())
}

fn kind(error: &hyper::Error) -> ErrorKind {
    if error.is_parse() || error.is_parse_too_large() || error.is_user() {
        ErrorKind::Protocol
    } else {
        // Cut off, reset, or shut down under way.
        ErrorKind::Closed
    }
}
