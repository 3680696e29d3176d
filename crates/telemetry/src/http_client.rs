//! The HTTP client of the OTLP/HTTP export.
//!
//! It runs on the export thread's runtime. The clients that come with the exporter either start a
//! second runtime or need one that does not exist there, and they use `http_proxy` even for loopback.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::HttpError;

/// A collector's response has a few bytes; a larger one is not from a collector.
const RESPONSE_LIMIT_BYTES: usize = 1 << 20;

/// Sends export requests.
#[derive(Debug)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl opentelemetry_http::HttpClient for HttpClient {
    fn send_bytes<'client, 'response>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'response>>
    where
        'client: 'response,
        Self: 'response,
    {
        Box::pin(async move {
            let (parts, body) = self.0.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, RESPONSE_LIMIT_BYTES).collect().await?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }
}
