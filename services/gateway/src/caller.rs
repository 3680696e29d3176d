//! The name of the calling client.

use http::HeaderMap;
use shop_api::header::CLIENT_ID;

/// The name shared by all callers that give none.
const ANONYMOUS: &str = "anonymous";
/// Maximum length of a client's name in bytes; a longer name counts as none.
pub(crate) const MAX_NAME: usize = 64;

/// The client's name from its headers.
pub(crate) fn name(headers: &HeaderMap) -> &str {
    let name = headers.get(CLIENT_ID).and_then(|name| name.to_str().ok());
    name.filter(|name| !name.is_empty() && name.len() <= MAX_NAME)
        .unwrap_or(ANONYMOUS)
}
