//! Who asks.

use http::HeaderMap;
use shop_api::header::CLIENT_ID;

/// Shared by all callers that do not say who they are.
const ANONYMOUS: &str = "anonymous";
/// Bytes of a client's name at most; a longer one is treated as none.
pub(crate) const MAX_NAME: usize = 64;

/// The name that a client gives itself.
pub(crate) fn name(headers: &HeaderMap) -> &str {
    let name = headers.get(CLIENT_ID).and_then(|name| name.to_str().ok());
    name.filter(|name| !name.is_empty() && name.len() <= MAX_NAME)
        .unwrap_or(ANONYMOUS)
}
