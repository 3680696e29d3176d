//! The HTTP client of the OTLP/HTTP export.
//!
//! It runs on the export thread's own runtime. The exporter's ready-made clients either start a
//! second runtime or need one where there is none; and they obey `http_proxy` even for loopback.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::HttpError;

/// Answers of a collector are a few bytes; one that sends more is not a collector.
const ANSWER_LIMIT_BYTES: usize = 1 << 20;

/// Sends export requests.
#[derive(Debug)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl opentelemetry_http::HttpClient for HttpClient {
    fn send_bytes<'client, 'answer>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'answer>>
    where
        'client: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let (parts, body) = self.0.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT_BYTES).collect().await?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }
}
