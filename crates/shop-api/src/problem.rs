//! Error bodies (RFC 9457) and the stable codes in them.

use serde::{Deserialize, Serialize};

/// The body of every answer from 400 up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// `about:blank` or a reference that names the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short, the same for every occurrence.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What this occurrence was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable, for programs; one of [`code`].
    pub code: String,
    /// Finds the log lines of this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Stable codes.
pub mod code {
    /// 400: the request could not be read.
    pub const INVALID_REQUEST: &str = "invalid-request";
    /// 400: `POST /orders` without its key.
    pub const IDEMPOTENCY_KEY_MISSING: &str = "idempotency-key-missing";
    /// 402: the provider refused the money.
    pub const PAYMENT_DECLINED: &str = "payment-declined";
    /// 403: the client may not use the shop.
    pub const CLIENT_BLOCKED: &str = "client-blocked";
    /// 404: no such route.
    pub const NOT_FOUND: &str = "not-found";
    /// 404: no such product.
    pub const PRODUCT_NOT_FOUND: &str = "product-not-found";
    /// 404: no such cart.
    pub const CART_NOT_FOUND: &str = "cart-not-found";
    /// 404: no such order.
    pub const ORDER_NOT_FOUND: &str = "order-not-found";
    /// 405: the route does not take this method.
    pub const METHOD_NOT_ALLOWED: &str = "method-not-allowed";
    /// 409: not enough pieces.
    pub const OUT_OF_STOCK: &str = "out-of-stock";
    /// 409: the same key is being worked on.
    pub const ORDER_IN_PROGRESS: &str = "order-in-progress";
    /// 409: the reservation is final and cannot be given back.
    pub const RESERVATION_FINAL: &str = "reservation-final";
    /// 422: the cart holds nothing.
    pub const CART_EMPTY: &str = "cart-empty";
    /// 422: the key was used for another body.
    pub const IDEMPOTENCY_KEY_REUSED: &str = "idempotency-key-reused";
    /// 422: the warehouse does not pack orders of so many lines.
    pub const ORDER_TOO_LONG: &str = "order-too-long";
    /// 422: the body is JSON but not what the route takes.
    pub const INVALID_BODY: &str = "invalid-body";
    /// 429: over the client's rate.
    pub const RATE_LIMITED: &str = "rate-limited";
    /// 500: our side.
    pub const INTERNAL: &str = "internal";
    /// 502: a service behind this one answered in a way that makes no sense.
    pub const UPSTREAM_FAILED: &str = "upstream-failed";
    /// 503: try again.
    pub const UNAVAILABLE: &str = "unavailable";
    /// 504: the deadline passed.
    pub const DEADLINE_EXCEEDED: &str = "deadline-exceeded";
}
