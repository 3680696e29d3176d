//! One scrape over HTTP: kept connections, a deadline, a bound on bytes.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as HyperClient, Error as ClientError};
use hyper_util::rt::TokioExecutor;

use crate::exposition::Format;

/// Both formats; OpenMetrics comes first because it has exemplars.
const ACCEPT: &str =
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// An idle connection is kept over a few scrapes.
const IDLE: Duration = Duration::from_secs(15);

/// What a scrape brought.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) format: Format,
    pub(super) body: Bytes,
}

/// Shared by all targets.
#[derive(Debug, Clone)]
pub(super) struct Client {
    inner: HyperClient<HttpConnector, Empty<Bytes>>,
    timeout: Duration,
    max_bytes: usize,
}

impl Client {
    pub(super) fn new(timeout: Duration, max_bytes: usize) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout));
        connector.set_nodelay(true);
        let inner = HyperClient::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .build(connector);
        Client {
            inner,
            timeout,
            max_bytes,
        }
    }

    /// Fetches a page; the error says why there is none.
    pub(super) async fn get(&self, url: &str) -> Result<Page, String> {
        let page = tokio::time::timeout(self.timeout, self.try_get(url));
        let late = |_| {
            Err(format!(
                "no response within {} ms",
                self.timeout.as_millis()
            ))
        };
        page.await.unwrap_or_else(late)
    }

    async fn try_get(&self, url: &str) -> Result<Page, String> {
        let request = Request::get(url)
            .header(header::ACCEPT, ACCEPT)
            .header(
                "x-prometheus-scrape-timeout-seconds",
                self.timeout.as_secs_f64().to_string(),
            )
            .body(Empty::new());
        let request = request.map_err(|error| format!("invalid address: {error}"))?;
        let response = self.inner.request(request).await;
        let response =
            response.map_err(|error| format!("failed to connect: {}", innermost(&error)))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(format!("server returned HTTP status {status}"));
        }
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let format = Format::of_content_type(content_type.unwrap_or_default());
        let body = Limited::new(response.into_body(), self.max_bytes)
            .collect()
            .await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => format!("the response is larger than {} bytes", self.max_bytes),
            None => format!("the response was cut off: {error}"),
        })?;
        Ok(Page {
            format,
            body: body.to_bytes(),
        })
    }
}

/// The outer errors only say that a request failed.
fn innermost(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = error.to_string();
        source = error.source();
    }
    text
}
