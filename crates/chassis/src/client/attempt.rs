//! One attempt of a call: span, headers, exchange, metrics.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use shop_api::header;
use telemetry::{names::attribute, propagation, request as current};
use tracing::Span;

use super::{Client, Error, Response, Step, Upstream, addresses::Address};

/// Responses are read into memory; those of the shop are far smaller.
const RESPONSE_LIMIT_BYTES: usize = 4 << 20;

/// What all attempts of a call have in common.
pub(super) struct Call<'a> {
    pub(super) client: &'a Client,
    pub(super) upstream: &'a Upstream,
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    pub(super) began: Instant,
    pub(super) deadline: Instant,
}

impl Call<'_> {
    /// Makes attempt `number` (0 is the first) and measures it.
    pub(super) async fn attempt(&self, number: u32) -> Result<Response, Error> {
        let unknown = || Error::UnknownUpstream(self.upstream.name.clone());
        let address = self.upstream.addresses.next().ok_or_else(unknown)?;
        let span = self.span(&address, number);
        let began = Instant::now();
        let own = self.client.inner.calls.attempt().map(|time| began + time);
        let deadline = own.map_or(self.deadline, |own| own.min(self.deadline));
        let deadline = tokio::time::Instant::from_std(deadline);
        // Not entered: it has no children in this process, and entering costs time.
        let work = self.exchange(&address, &span);
        let outcome = tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| Err(self.late()));
        let status = outcome
            .as_ref()
            .ok()
            .map(|response| response.status.as_u16());
        let took = began.elapsed();
        note(&span, &outcome);
        self.upstream.record(self.method, status, took, &span);
        outcome
    }

    /// The error for a call or attempt that ran out of time.
    pub(super) fn late(&self) -> Error {
        Error::Deadline {
            upstream: self.upstream.name.clone(),
            waited_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn span(&self, address: &Address, number: u32) -> Span {
        let path = self.path.split('?').next().unwrap_or_default();
        let method = self.method.as_str();
        // Absent for the first attempt. Signed, because the tracing layer exports unsigned numbers as text.
        let resend_count = (number > 0).then_some(i64::from(number));
        tracing::info_span!(
            "call",
            { attribute::SPAN_NAME } = method,
            { attribute::SPAN_KIND } = "client",
            { attribute::HTTP_REQUEST_METHOD } = method,
            { attribute::PEER_SERVICE } = self.upstream.name,
            { attribute::SERVER_ADDRESS } = address.host,
            { attribute::SERVER_PORT } = i64::from(address.socket.port()),
            { attribute::URL_FULL } = %format_args!("{}{path}", address.base),
            { attribute::HTTP_REQUEST_RESEND_COUNT } = resend_count,
            { attribute::HTTP_RESPONSE_STATUS_CODE } = tracing::field::Empty,
            { attribute::SPAN_STATUS } = tracing::field::Empty,
            { attribute::ERROR_TYPE } = tracing::field::Empty,
        )
    }

    fn request(&self, address: &Address, span: &Span) -> Result<http::Request<Full<Bytes>>, Error> {
        let invalid = |error: http::Error| Error::Invalid {
            upstream: self.upstream.name.clone(),
            reason: error.to_string(),
        };
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(format!("{}{}", address.base, self.path))
            .body(Full::new(self.body.clone()))
            .map_err(invalid)?;
        for step in &self.client.inner.calls.head {
            self.step(*step, span, request.headers_mut());
        }
        Ok(request)
    }

    fn step(&self, step: Step, span: &Span, headers: &mut HeaderMap) {
        match step {
            Step::Given => *headers = self.headers.clone(),
            Step::Trace if span.is_disabled() => {}
            Step::Trace => propagation::inject(span, headers),
            Step::Request => self.name_request(headers),
        }
    }

    fn name_request(&self, headers: &mut HeaderMap) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        headers.insert(header::REQUEST_DEADLINE_MS, HeaderValue::from(left_ms));
        let id = current::with_id(|id| id.and_then(|id| HeaderValue::try_from(id).ok()));
        if let Some(id) = id {
            headers.insert(header::REQUEST_ID, id);
        }
    }

    async fn exchange(&self, address: &Address, span: &Span) -> Result<Response, Error> {
        let upstream = || self.upstream.name.clone();
        let request = self.request(address, span)?;
        let response = self.client.inner.http.request(request).await;
        let (parts, body) = response
            .map_err(|error| {
                if error.is_connect() {
                    Error::Connect {
                        upstream: upstream(),
                        address: address.socket.to_string(),
                        source: error.into(),
                    }
                } else {
                    Error::Interrupted {
                        upstream: upstream(),
                        source: error.into(),
                    }
                }
            })?
            .into_parts();
        let body = Limited::new(body, RESPONSE_LIMIT_BYTES).collect().await;
        let body = body.map_err(|source| {
            if source.is::<LengthLimitError>() {
                Error::TooLarge {
                    upstream: upstream(),
                    limit_bytes: RESPONSE_LIMIT_BYTES,
                }
            } else {
                Error::Interrupted {
                    upstream: upstream(),
                    source,
                }
            }
        })?;
        Ok(Response {
            upstream: upstream(),
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }
}

/// Completes the span with the outcome; to the caller, every status from 400 up is an error.
fn note(span: &Span, outcome: &Result<Response, Error>) {
    if span.is_disabled() {
        return;
    }
    match outcome {
        Ok(response) => {
            let status = i64::from(response.status.as_u16());
            if status < 400 {
                span.record(attribute::HTTP_RESPONSE_STATUS_CODE, status);
            } else {
                tracing::record_all!(
                    span,
                    { attribute::HTTP_RESPONSE_STATUS_CODE } = status,
                    { attribute::SPAN_STATUS } = "error",
                    { attribute::ERROR_TYPE } = response.status.as_str()
                );
            }
        }
        Err(error) => {
            tracing::record_all!(
                span,
                { attribute::SPAN_STATUS } = "error",
                { attribute::ERROR_TYPE } = error.kind()
            );
        }
    }
}
