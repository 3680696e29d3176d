//! Header names of the shop, lower case as HTTP libraries want them.

/// One id per request, made at the edge when the caller sent none; echoed in every answer and log line.
pub const REQUEST_ID: &str = "x-request-id";
/// Milliseconds that the caller is still willing to wait; shrinks from hop to hop.
pub const REQUEST_DEADLINE_MS: &str = "x-request-deadline-ms";
/// Names the client for the rate limit; a caller without one shares the anonymous budget.
pub const CLIENT_ID: &str = "x-client-id";
/// Makes `POST /orders` safe to repeat: the same key with the same body gets the same answer.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// `true` on an answer that was given before, to an earlier request with the same key.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
/// Seconds to wait before trying again, on 429 and 503.
pub const RETRY_AFTER: &str = "retry-after";
/// The media type of an error body (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
