//! Problem documents (RFC 9457): the body of every error response, and the stable codes in it.

use serde::{Deserialize, Serialize};

/// Media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The body of every response with a status of 400 or above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Kind of problem as a path: `/problems/out-of-stock`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line for people, the same for every problem of this kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is particular to this occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable code for programs; one of [`code`].
    pub code: String,
    /// Request id, as in the log lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Stable codes.
pub mod code {
    /// 400: the request cannot be parsed or has a value out of range.
    pub const INVALID_REQUEST: &str = "invalid-request";
    /// 400: `POST /orders` without an idempotency key.
    pub const IDEMPOTENCY_KEY_MISSING: &str = "idempotency-key-missing";
    /// 401: the admin port requires the run's token.
    pub const TOKEN_REQUIRED: &str = "token-required";
    /// 402: the payment provider declined the payment.
    pub const PAYMENT_DECLINED: &str = "payment-declined";
    /// 403: the client is blocked.
    pub const CLIENT_BLOCKED: &str = "client-blocked";
    /// 403: the Host header names another process.
    pub const UNKNOWN_HOST: &str = "unknown-host";
    /// 404: no route matches.
    pub const NOT_FOUND: &str = "not-found";
    /// 404: the product does not exist.
    pub const PRODUCT_NOT_FOUND: &str = "product-not-found";
    /// 404: the cart does not exist.
    pub const CART_NOT_FOUND: &str = "cart-not-found";
    /// 404: the order does not exist.
    pub const ORDER_NOT_FOUND: &str = "order-not-found";
    /// 404: the service has no control of this name.
    pub const UNKNOWN_CONTROL: &str = "unknown-control";
    /// 405: the route does not support this method.
    pub const METHOD_NOT_ALLOWED: &str = "method-not-allowed";
    /// 409: not enough stock.
    pub const OUT_OF_STOCK: &str = "out-of-stock";
    /// 409: another request with the same key is in progress.
    pub const ORDER_IN_PROGRESS: &str = "order-in-progress";
    /// 409: the reserved stock has shipped and cannot be released.
    pub const RESERVATION_SHIPPED: &str = "reservation-shipped";
    /// 413: the request body is too large.
    pub const BODY_TOO_LARGE: &str = "body-too-large";
    /// 415: the request body is not JSON.
    pub const UNSUPPORTED_MEDIA_TYPE: &str = "unsupported-media-type";
    /// 422: the cart is empty.
    pub const CART_EMPTY: &str = "cart-empty";
    /// 422: the idempotency key was used for a different request.
    pub const IDEMPOTENCY_KEY_REUSED: &str = "idempotency-key-reused";
    /// 422: the order has more lines than the warehouse packs.
    pub const ORDER_TOO_LONG: &str = "order-too-long";
    /// 422: the body is JSON but not what the route expects.
    pub const INVALID_BODY: &str = "invalid-body";
    /// 429: the client exceeds its rate limit.
    pub const RATE_LIMITED: &str = "rate-limited";
    /// 500: an unexpected error in the service.
    pub const INTERNAL: &str = "internal";
    /// 501: this build or process cannot make the profile.
    pub const PROFILE_UNAVAILABLE: &str = "profile-unavailable";
    /// 502: an upstream gave no usable response.
    pub const UPSTREAM_FAILED: &str = "upstream-failed";
    /// 503: an upstream is overloaded.
    pub const UPSTREAM_OVERLOADED: &str = "upstream-overloaded";
    /// 503: an upstream cannot be reached.
    pub const UPSTREAM_UNREACHABLE: &str = "upstream-unreachable";
    /// 503: no database connection was available in time.
    pub const DATABASE_OVERLOADED: &str = "database-overloaded";
    /// 503: the service has not finished starting.
    pub const NOT_READY: &str = "not-ready";
    /// 504: the deadline passed.
    pub const DEADLINE_EXCEEDED: &str = "deadline-exceeded";
}
