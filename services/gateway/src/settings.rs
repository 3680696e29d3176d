//! Settings of the gateway; the defaults are those of day-to-day operation.

use serde::{Deserialize, Serialize};

use crate::blocked::Clients;

/// Settings of the gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Maximum time to handle a request, in milliseconds; the caller's deadline may be sooner.
    pub deadline_ms: u64,
    /// Blocked clients, by name.
    pub blocked: Clients,
    /// The rate limit per client.
    pub limiter: LimiterSettings,
    /// Which requests share connections to the upstream services.
    pub connections: Connections,
    /// The cache of rendered listing pages.
    pub pages: PageSettings,
    /// Whether a copy of every listing is kept for the support desk.
    pub copies: bool,
    /// Whether requests that are still open at the drain are reported.
    pub drain_report: bool,
}

/// Which requests share connections to the upstream services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// All requests.
    Shared,
    /// Only requests of the same client.
    Client,
}

/// The rate limit per client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimiterSettings {
    /// Sustained rate of one client in requests per second; 0 disables the limit.
    pub rate_per_second: f64,
    /// Requests that a client may make at once after a pause.
    pub burst: f64,
    /// Number of clients with a separate limit; further clients share one.
    pub clients: usize,
}

/// The cache of rendered listing pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageSettings {
    /// Whether the cache is enabled.
    pub enabled: bool,
    /// What identifies a page.
    pub key: PageKey,
    /// Maximum number of pages, the oldest is evicted first; absent means limited by `max_bytes` only.
    pub capacity: Option<usize>,
    /// Maximum size of all bodies in bytes; a page that does not fit is not cached.
    pub max_bytes: usize,
    /// Time after which a page expires, in milliseconds.
    pub ttl_ms: u64,
    /// What its requests are counted by.
    pub counted_by: CountedBy,
}

/// What requests to the cache are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// The cache: all of them together.
    Cache,
    /// The page, by its address.
    Page,
}

/// What identifies a page in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKey {
    /// The path and the query keys that affect the response, in canonical form.
    Canonical,
    /// The complete URI of the request.
    Uri,
}

impl Settings {
    /// Keys that select code, or stand for the world outside: they are no configuration, and responders neither see nor set them.
    pub const SEALED: [&str; 5] = [
        "connections",
        "pages.key",
        "pages.counted_by",
        "copies",
        "drain_report",
    ];
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline_ms: 5_000,
            blocked: Clients::default(),
            limiter: LimiterSettings::default(),
            connections: Connections::Shared,
            pages: PageSettings::default(),
            copies: false,
            drain_report: false,
        }
    }
}

impl Default for LimiterSettings {
    fn default() -> Self {
        Self {
            rate_per_second: 2_000.0,
            burst: 4_000.0,
            clients: 10_000,
        }
    }
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            key: PageKey::Canonical,
            capacity: Some(64),
            max_bytes: 16 << 20,
            ttl_ms: 30_000,
            counted_by: CountedBy::Cache,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_have_defaults_and_unknown_keys_are_refused() {
        let read = |text| serde_json::from_str::<Settings>(text).ok();
        let unlimited = PageSettings {
            key: PageKey::Uri,
            capacity: None,
            ..PageSettings::default()
        };
        for (text, pages) in [
            ("{}", Some(PageSettings::default())),
            (
                r#"{"pages":{"key":"uri","capacity":null}}"#,
                Some(unlimited),
            ),
            (r#"{"page":{}}"#, None),
            (r#"{"pages":{"size":5}}"#, None),
            (r#"{"pages":{"key":"path"}}"#, None),
            (r#"{"blocked":[""]}"#, None),
        ] {
            let expected = pages.map(|pages| Settings {
                pages,
                ..Settings::default()
            });
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
