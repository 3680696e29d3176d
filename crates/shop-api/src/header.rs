//! Header names of the shop, in lower case as HTTP libraries expect them.

/// One id per request, assigned at the edge if the caller sent none; echoed in every response and log line.
pub const REQUEST_ID: &str = "x-request-id";
/// Milliseconds that the caller will still wait; decreases from hop to hop.
pub const REQUEST_DEADLINE_MS: &str = "x-request-deadline-ms";
/// Names the client for the rate limit; callers without one share the anonymous budget.
pub const CLIENT_ID: &str = "x-client-id";
/// What the client would rather have (RFC 7240); `wait=SECONDS` asks for the answer to an order once the warehouse has it.
pub const PREFER: &str = "prefer";
/// What was done of it.
pub const PREFERENCE_APPLIED: &str = "preference-applied";
/// Makes `POST /orders` safe to repeat: the same key with the same body gets the same response.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// `true` on a response that repeats the one to an earlier request with the same key.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
