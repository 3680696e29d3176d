//! A minimal HTTP/1.1 client for one address, with keep-alive.
//!
//! A server may close an idle connection at any time, as in a deploy. A request on such a connection is sent once more on
//! a new connection if no response has arrived. That is safe, because all requests of the load can be repeated (orders have
//! an idempotency key).

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use crate::record::ErrorKind;

type Sender = SendRequest<Full<Bytes>>;

/// Maximum number of idle connections; further ones are closed.
const MAX_IDLE: usize = 512;
/// Maximum size of a response. The shop's have some kilobytes; a larger one is an error.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A pool of connections to one address.
#[derive(Debug)]
pub(crate) struct Client {
    target: SocketAddr,
    host: HeaderValue,
    idle: Mutex<Vec<Sender>>,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// The result of a call, and whether it was sent again.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) response: Result<Response, ErrorKind>,
    pub(crate) is_resent: bool,
}

/// Why an attempt on one connection failed.
enum Failure {
    /// The connection closed before the head of a response.
    NoResponse(ErrorKind),
    /// The response was incomplete or invalid.
    Invalid(ErrorKind),
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

    /// Value of the `Host` header.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Sends a request and reads the complete response; keeps the body only if `keep_body`. The caller sets the deadline.
    pub(crate) async fn call(
        &self,
        request: impl Fn() -> Request<Full<Bytes>>,
        keep_body: bool,
    ) -> Call {
        if let Some(sender) = self.idle_connection().await {
            match self.attempt(sender, request(), keep_body).await {
                Ok(response) => {
                    return Call {
                        response: Ok(response),
                        is_resent: false,
                    };
                }
                Err(Failure::Invalid(kind)) => {
                    return Call {
                        response: Err(kind),
                        is_resent: false,
                    };
                }
                Err(Failure::NoResponse(_)) => {}
            }
            return Call {
                response: self.call_fresh(request(), keep_body).await,
                is_resent: true,
            };
        }
        Call {
            response: self.call_fresh(request(), keep_body).await,
            is_resent: false,
        }
    }

    async fn call_fresh(
        &self,
        request: Request<Full<Bytes>>,
        keep_body: bool,
    ) -> Result<Response, ErrorKind> {
        let sender = self.connect().await?;
        self.attempt(sender, request, keep_body)
            .await
            .map_err(|failure| match failure {
                Failure::NoResponse(kind) | Failure::Invalid(kind) => kind,
            })
    }

    async fn attempt(
        &self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
        keep_body: bool,
    ) -> Result<Response, Failure> {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| match kind(&error) {
                ErrorKind::Protocol => Failure::Invalid(ErrorKind::Protocol),
                kind => Failure::NoResponse(kind),
            })?;
        let status = response.status().as_u16();
        let body = read(response.into_body(), keep_body)
            .await
            .map_err(Failure::Invalid)?;
        if !sender.is_closed() {
            let mut idle = self.idle.lock();
            if idle.len() < MAX_IDLE {
                idle.push(sender);
            }
        }
        Ok(Response { status, body })
    }

    async fn idle_connection(&self) -> Option<Sender> {
        loop {
            // The most recent first, so that unused connections stay idle.
            let mut sender = self.idle.lock().pop()?;
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
        // Ends when its sender is dropped or the server closes it; the worker's runtime owns it. Errors are
        // reported to the request in flight.
        tokio::spawn(async move {
            let _reported_elsewhere = connection.await;
        });
        Ok(sender)
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
        // Closed or reset before the end of the response.
        ErrorKind::Closed
    }
}
