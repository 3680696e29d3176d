//! Errors as HTTP responses (RFC 9457, `application/problem+json`).
//!
//! A problem has a public part for the client, and a cause that is logged once, when the response is
//! made.

use std::{borrow::Cow, fmt};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use shop_api::problem::{CONTENT_TYPE, Document, code};

/// An error that becomes an HTTP response. Start with a constructor and add details.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: Option<String>,
    retry_after_s: Option<u64>,
    cause: Option<anyhow::Error>,
    is_logged: bool,
}

impl Problem {
    /// A problem with a stable [`code`] for programs and a title for people.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            title: title.into(),
            detail: None,
            retry_after_s: None,
            cause: None,
            is_logged: false,
        }
    }

    /// 400: the request cannot be parsed or has a value out of range.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            code::INVALID_REQUEST,
            "Invalid request",
        )
        .detail(detail)
    }

    /// 409: the request conflicts with the current state.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            code,
            "Conflict with the current state",
        )
        .detail(detail)
    }

    /// 500: an unexpected error; the cause is logged but not sent.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code::INTERNAL,
            "Internal error",
        )
        .cause(cause)
    }

    /// 503: the client should retry later.
    pub fn unavailable(code: impl Into<Cow<'static, str>>, retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "Service temporarily unavailable",
        )
        .retry_after_s(retry_after_s)
    }

    /// 504: the deadline passed.
    pub fn deadline() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            code::DEADLINE_EXCEEDED,
            "Deadline exceeded",
        )
    }

    /// Adds what is particular to this occurrence, for the client.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Asks the client to wait this many seconds before a retry.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Adds the cause: logged with the response, never sent.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Marks the cause as logged already.
    #[must_use]
    pub(crate) fn logged(mut self) -> Self {
        self.is_logged = true;
        self
    }

    /// HTTP status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Stable code of the problem.
    pub fn code(&self) -> &str {
        &self.code
    }

    fn document(&self) -> Document {
        Document {
            kind: format!("/problems/{}", self.code),
            title: self.title.clone().into_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: None,
            code: self.code.clone().into_owned(),
            request_id: None,
        }
    }

    /// Logs one line: at level error or warn if the fault is on this side, at debug if it is the client's.
    fn log(&self) {
        let status = self.status.as_u16();
        let code: &str = &self.code;
        let detail = self.detail.as_deref().unwrap_or(&self.title);
        match &self.cause {
            Some(cause) if self.status.is_server_error() => {
                tracing::error!(status, code, error = %Chain(cause), "{detail}");
            }
            None if self.status.is_server_error() => tracing::warn!(status, code, "{detail}"),
            Some(cause) => tracing::debug!(status, code, error = %Chain(cause), "{detail}"),
            None => tracing::debug!(status, code, "{detail}"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if !self.is_logged {
            self.log();
        }
        let document = self.document();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The layer around the routes adds path and request id and writes the body.
        response.extensions_mut().insert(PendingDocument(document));
        response
    }
}

/// The document of a problem whose body is not written yet.
#[derive(Debug, Clone)]
struct PendingDocument(Document);

/// Maximum length of the text in one of the framework's own error responses.
const PLAIN_ERROR_BYTES: usize = 4_096;

/// Writes the body of a problem response with path and request id. The framework's own errors (no route,
/// body too large, malformed JSON) become problems here, too.
pub(crate) async fn complete(mut response: Response, path: &str, request_id: &str) -> Response {
    let document = match response.extensions_mut().remove::<PendingDocument>() {
        Some(PendingDocument(document)) => Some(document),
        None => from_plain_text(&mut response).await,
    };
    if let Some(mut document) = document {
        document.instance = Some(path.to_owned());
        document.request_id = Some(request_id.to_owned());
        let body = serde_json::to_vec(&document).expect("strings and numbers always serialise");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    response
}

/// Turns a client error in plain text into a problem; other responses are not changed.
async fn from_plain_text(response: &mut Response) -> Option<Document> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_plain {
        return None;
    }
    let body = std::mem::take(response.body_mut());
    // A longer or incomplete text is not useful to the client.
    let text = axum::body::to_bytes(body, PLAIN_ERROR_BYTES).await.ok();
    let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
    let (code, title) = match status {
        StatusCode::NOT_FOUND => (code::NOT_FOUND, "Not found"),
        StatusCode::METHOD_NOT_ALLOWED => (code::METHOD_NOT_ALLOWED, "Method not allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => (code::BODY_TOO_LARGE, "Request body too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (code::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
        }
        _ => (code::INVALID_REQUEST, "Invalid request"),
    };
    let mut problem = Problem::new(status, code, title);
    problem.detail = text.filter(|text| !text.is_empty());
    Some(problem.document())
}

/// An error and its sources on one line, but for a source that the error itself has quoted.
struct Chain<'a>(&'a anyhow::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        for source in self.0.chain().skip(1).map(ToString::to_string) {
            if !told.contains(&source) {
                write!(f, ": {source}")?;
            }
            told = source;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(response: Response) -> serde_json::Value {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .expect("a problem is small");
        serde_json::from_slice(&bytes).expect("a problem is JSON")
    }

    #[tokio::test]
    async fn the_response_has_every_member_but_not_the_cause() {
        let problem = Problem::unavailable("busy", 3).cause(anyhow::anyhow!("inside"));
        let response = complete(problem.into_response(), "/v1/orders", "r-1").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "3");
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
        let expected = serde_json::json!({
            "type": "/problems/busy",
            "title": "Service temporarily unavailable",
            "status": 503,
            "instance": "/v1/orders",
            "code": "busy",
            "request_id": "r-1",
        });
        assert_eq!(body(response).await, expected);
    }

    #[test]
    fn a_source_that_is_quoted_already_is_not_told_twice() {
        for (outer, expected) in [
            ("cannot read: no such row", "cannot read: no such row"),
            ("cannot read", "cannot read: no such row"),
        ] {
            let error = anyhow::anyhow!("no such row").context(outer);
            assert_eq!(Chain(&error).to_string(), expected);
        }
    }

    #[tokio::test]
    async fn errors_of_the_framework_become_problems() {
        let refusal = (StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded").into_response();
        let document = body(complete(refusal, "/v1/carts/c", "r").await).await;
        assert_eq!(document["code"], "body-too-large");
        assert_eq!(document["detail"], "length limit exceeded");
    }

    #[tokio::test]
    async fn other_responses_are_not_changed() {
        let response = (StatusCode::NOT_FOUND, axum::Json("mine")).into_response();
        assert_eq!(body(complete(response, "/", "r").await).await, "mine");
    }
}
