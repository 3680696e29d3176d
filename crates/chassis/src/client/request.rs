//! One call: the request and the response.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use shop_api::{header::IDEMPOTENCY_KEY, problem::Document};
use telemetry::{
    names::{label, metric},
    request as current,
};

use super::{Client, Error, attempt::Call, retry};

/// Timeout of a call that sets none.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A call to build; [`send`](Request::send) makes it.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    upstream: String,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    timeout: Option<Duration>,
    is_repeatable: bool,
    invalid: Option<String>,
}

/// A complete response of any status.
#[derive(Debug, Clone)]
pub struct Response {
    /// Upstream that responded.
    pub upstream: String,
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Complete body.
    pub body: Bytes,
}

impl Request {
    pub(super) fn new(client: Client, upstream: &str, method: Method, path: String) -> Self {
        Self {
            client,
            upstream: upstream.to_owned(),
            is_repeatable: method.is_idempotent(),
            method,
            path,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            invalid: None,
        }
    }

    /// Sends `value` as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = Bytes::from(body),
            Err(error) => self.invalid = Some(error.to_string()),
        }
        self.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.invalid = Some(format!("header `{name}` cannot be sent")),
        }
        self
    }

    /// Sends an idempotency key, which makes the call repeatable.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.is_repeatable = true;
        self.header(IDEMPOTENCY_KEY, key)
    }

    /// Marks the call as safe to repeat although its method is not idempotent.
    pub fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Sets the timeout of the call, retries included; the deadline of the current request may be sooner.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Makes the call. A response of any status is a success here; see [`Response::ok`].
    ///
    /// Boxed, as an `async fn` is compiled where it is awaited: every service would compile the HTTP client.
    pub fn send(self) -> BoxFuture<'static, Result<Response, Error>> {
        Box::pin(self.sent())
    }

    async fn sent(self) -> Result<Response, Error> {
        if let Some(reason) = self.invalid {
            return Err(Error::Invalid {
                upstream: self.upstream,
                reason,
            });
        }
        let upstream = self.client.upstream(&self.upstream)?;
        let began = Instant::now();
        let own = began + self.timeout.unwrap_or(TIMEOUT);
        let call = Call {
            client: &self.client,
            upstream,
            method: &self.method,
            path: &self.path,
            headers: &self.headers,
            body: &self.body,
            began,
            deadline: current::current().map_or(own, |request| own.min(request.deadline)),
        };
        let calls = &self.client.inner.calls;
        upstream.budget.earn();
        let mut number = 0;
        loop {
            let outcome = call.attempt(number).await;
            number += 1;
            let is_short = calls.attempt_ms.is_some();
            let Some(reason) = retry::reason(&outcome, self.is_repeatable, is_short) else {
                return outcome;
            };
            let asked = outcome.as_ref().ok().and_then(Response::retry_after_s);
            let asked = Duration::from_secs(asked.unwrap_or_default());
            let wait = asked + self.client.jitter(retry::longest_wait(number));
            let is_late = Instant::now() + wait >= call.deadline;
            let may_repeat = || !calls.budget || upstream.budget.spend();
            if number >= calls.attempts || is_late || !may_repeat() {
                return outcome;
            }
            metrics::counter!(
                metric::HTTP_CLIENT_RETRIES,
                label::TARGET => upstream.name.clone(),
                label::REASON => reason.name(),
            )
            .increment(1);
            tokio::time::sleep(wait).await;
        }
    }
}

impl Response {
    /// The response itself if its status is a success, else an error with the problem from its body.
    pub fn ok(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        // A response without a problem document still has its status.
        let document: Option<Document> = serde_json::from_slice(&self.body).ok();
        Err(Error::Status {
            status: self.status,
            retry_after_s: self.retry_after_s(),
            code: document.as_ref().map(|d| d.code.clone()),
            detail: document.and_then(|d| d.detail),
            upstream: self.upstream,
        })
    }

    /// The body as JSON, regardless of the status.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|source| Error::Decode {
            upstream: self.upstream.clone(),
            source,
        })
    }

    /// Seconds that the upstream asked to wait.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.headers
            .get(header::RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}
