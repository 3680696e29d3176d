//! Errors as HTTP answers (RFC 9457, `application/problem+json`).
//!
//! A problem has an outside, which the client reads, and an inside, which is logged once when the
//! answer is made.

use std::{borrow::Cow, fmt};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// An error to be answered over HTTP. Build it from a constructor and add to it.
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

/// The body of a problem answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    /// Kind of problem as a path: `/problems/out-of-stock`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line for people, the same for every problem of this kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is particular to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Path of the request; filled by the chassis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable code for programs: `out-of-stock`.
    pub code: String,
    /// Request id, as in the log lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Media type of problem answers.
pub const CONTENT_TYPE: &str = "application/problem+json";

impl Problem {
    /// A problem with a stable `code` (kebab case) and a title that says the same to people.
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

    /// 400: the request cannot be understood.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid-request",
            "The request is not valid",
        )
        .detail(detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing").detail(detail)
    }

    /// 409: the request contradicts the present state.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            code,
            "The request contradicts the present state",
        )
        .detail(detail)
    }

    /// 500: something unexpected; the cause is logged and not shown.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The service failed to answer",
        )
        .cause(cause)
    }

    /// 503: come back later.
    pub fn unavailable(code: impl Into<Cow<'static, str>>, retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "The service is not available at the moment",
        )
        .retry_after_s(retry_after_s)
    }

    /// 504: the deadline passed.
    pub fn deadline() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "deadline-exceeded",
            "The deadline passed before there was an answer",
        )
    }

    /// Adds what is particular to this problem; the client reads it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Asks the client to wait this many seconds.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Adds the inside: logged with the answer, never shown.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says that the inside is in the log already.
    #[must_use]
    pub(crate) fn logged(mut self) -> Self {
        self.is_logged = true;
        self
    }

    /// HTTP status of the answer.
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

    /// One line for the log: an error where we are to blame, a detail where the client is.
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
        // The layer around the routes knows path and request id; it completes and writes the body.
        response.extensions_mut().insert(Pending(document));
        response
    }
}

/// A problem whose body is not written yet.
#[derive(Debug, Clone)]
struct Pending(Document);

/// The longest text that a framework's own refusal has.
const REFUSAL_BYTES: usize = 4_096;

/// Writes the body of a problem answer, now that path and request id are known. Refusals of the
/// framework (no such route, body too large, malformed JSON) become problems here, too.
pub(crate) async fn complete(mut response: Response, path: &str, request_id: &str) -> Response {
    let document = match response.extensions_mut().remove::<Pending>() {
        Some(Pending(document)) => Some(document),
        None => adopt(&mut response).await,
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

/// Makes a problem of a refusal in plain text; other answers are left alone.
async fn adopt(response: &mut Response) -> Option<Document> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_plain {
        return None;
    }
    let body = std::mem::take(response.body_mut());
    // A text that is longer, or breaks off, has nothing that a client needs.
    let text = axum::body::to_bytes(body, REFUSAL_BYTES).await.ok();
    let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
    let (code, title) = match status {
        StatusCode::NOT_FOUND => ("not-found", "There is no such thing"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "This method is not offered here"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "The request body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported-media-type", "Send JSON"),
        _ => ("invalid-request", "The request is not valid"),
    };
    let mut problem = Problem::new(status, code, title);
    problem.detail = text.filter(|text| !text.is_empty());
    Some(problem.document())
}

/// An error and its sources on one line.
struct Chain<'a>(&'a anyhow::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
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
    async fn the_outside_has_all_members_and_not_the_cause() {
        let problem = Problem::unavailable("busy", 3).cause(anyhow::anyhow!("inside"));
        let response = complete(problem.into_response(), "/v1/orders", "r-1").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "3");
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
        let expected = serde_json::json!({
            "type": "/problems/busy",
            "title": "The service is not available at the moment",
            "status": 503,
            "instance": "/v1/orders",
            "code": "busy",
            "request_id": "r-1",
        });
        assert_eq!(body(response).await, expected);
    }

    #[tokio::test]
    async fn refusals_of_the_framework_become_problems() {
        let refusal = (StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded").into_response();
        let document = body(complete(refusal, "/v1/carts/c", "r").await).await;
        assert_eq!(document["code"], "body-too-large");
        assert_eq!(document["detail"], "length limit exceeded");
    }

    #[tokio::test]
    async fn other_answers_are_left_alone() {
        let answer = (StatusCode::NOT_FOUND, axum::Json("mine")).into_response();
        assert_eq!(body(complete(answer, "/", "r").await).await, "mine");
    }
}
