//! Every setting of the gateway; the defaults are the shop as it is run day to day.

use serde::{Deserialize, Serialize};

use crate::blocked::Clients;

/// How a release of the gateway behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Time to answer a request that names no sooner deadline itself, in milliseconds.
    pub deadline_ms: u64,
    /// Clients that are turned away.
    pub blocked: Clients,
    /// How many requests a client may make.
    pub limiter: LimiterSettings,
    /// Whose requests share connections to the services behind.
    pub connections: Connections,
    /// The cache of rendered listing pages.
    pub pages: PageSettings,
}

/// Whose requests share connections to the services behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// Everybody's.
    Shared,
    /// Those of one client.
    Client,
}

/// How many requests a client may make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimiterSettings {
    /// Requests a second that a client may make for ever; 0 turns the limiter off.
    pub rate_per_second: f64,
    /// Requests that a client may make at once after a rest.
    pub burst: f64,
    /// Clients told apart; further ones share one allowance.
    pub clients: usize,
}

/// The cache of rendered listing pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageSettings {
    /// Whether pages are kept at all.
    pub enabled: bool,
    /// What tells two pages apart.
    pub key: PageKey,
    /// Pages kept at most, the oldest goes first; absent for no limit but `max_bytes`.
    pub capacity: Option<usize>,
    /// Bytes of bodies kept at most; a page that does not fit is not kept.
    pub max_bytes: usize,
    /// Age at which a page is no longer used, in milliseconds.
    pub ttl_ms: u64,
}

/// What tells two pages apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKey {
    /// The path and the query keys that change the answer, in one spelling.
    Canonical,
    /// The address as it was asked for.
    Uri,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline_ms: 5_000,
            blocked: Clients::default(),
            limiter: LimiterSettings::default(),
            connections: Connections::Shared,
            pages: PageSettings::default(),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_default_and_an_unknown_key_is_refused() {
        assert_eq!(
            serde_json::from_str::<Settings>("{}").ok(),
            Some(Settings::default())
        );
        let text = r#"{"pages":{"key":"uri","capacity":null}}"#;
        let unlimited: Settings = serde_json::from_str(text).expect("both keys exist");
        assert_eq!(
            (unlimited.pages.key, unlimited.pages.capacity),
            (PageKey::Uri, None)
        );
        for text in [
            r#"{"page":{}}"#,
            r#"{"pages":{"size":5}}"#,
            r#"{"pages":{"key":"path"}}"#,
            r#"{"blocked":[""]}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
