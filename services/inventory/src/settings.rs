//! Settings of the inventory; the defaults are those of day-to-day operation.

use serde::{Deserialize, Serialize};

/// Settings of the inventory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Level of the database schema; the database is migrated to it at start.
    pub schema: u32,
    /// Level of the reservation interface: 1 supports the hold `standard`, 2 also `until_paid`.
    pub reservation_api: u8,
    /// Number of database connections for reading.
    pub readers: usize,
    /// Maximum wait for a database connection, in milliseconds.
    pub acquire_ms: u64,
    /// Maximum wait for another process's lock on the database, in milliseconds.
    pub busy_ms: u64,
    /// Page cache of each database connection, in KiB.
    pub page_cache_kib: u32,
    /// Time after which a reservation with the hold `standard` is released, in seconds.
    pub reservation_s: u64,
    /// Maximum number of order lines that the warehouse's machines pack; longer orders are rejected and packed by hand. Absent
    /// means unlimited.
    pub packed_lines: Option<usize>,
    /// Time after which a shipped or released reservation is deleted, in seconds.
    pub reservation_memory_s: u64,
    /// The product cache.
    pub cache: CacheSettings,
    /// The price feed from suppliers.
    pub feed: FeedSettings,
    /// The purchase limits file.
    pub rules: RuleSettings,
}

/// The product cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// Maximum number of products; 0 disables the cache.
    pub capacity: usize,
    /// Time after which a product expires, in milliseconds.
    pub ttl_ms: u64,
    /// Number of popular products that are loaded at start.
    pub preload: u32,
    /// Whether concurrent misses of the same product share one load.
    pub single_flight: bool,
    /// Age after which a product is loaded again before it expires, with a warning in the log, in milliseconds; absent disables
    /// this.
    pub refresh_after_ms: Option<u64>,
    /// Time between two polls for prices that another process has changed, in milliseconds.
    pub follow_ms: u64,
}

/// The purchase limits file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// Time between two versions of the file, in milliseconds; 0 means no file and no limits.
    pub interval_ms: u64,
    /// Which product ranges the file lists.
    pub select: RuleSelect,
}

/// Which product ranges have a purchase limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSelect {
    /// All ranges.
    All,
    /// Ranges with products in stock.
    Stocked,
}

/// The price feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedSettings {
    /// Prices per second, for all replicas together; 0 disables the feed.
    pub rows_per_second: u32,
    /// Number of the first product in the feed; the bestsellers before it are priced by hand.
    pub first_product: u32,
    /// Time between two deliveries, in milliseconds.
    pub interval_ms: u64,
    /// Size of the price table at which the feed stops.
    pub max_rows: u64,
}

impl Settings {
    /// Keys that select code, or stand for the world outside: they are no configuration, and responders neither see nor set them.
    pub const SEALED: [&str; 6] = [
        "schema",
        "reservation_api",
        "packed_lines",
        "cache.single_flight",
        "feed.rows_per_second",
        "rules.select",
    ];
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schema: 1,
            reservation_api: 2,
            readers: 2,
            acquire_ms: 5_000,
            busy_ms: 5_000,
            page_cache_kib: 2_048,
            reservation_s: 900,
            packed_lines: None,
            reservation_memory_s: 600,
            cache: CacheSettings::default(),
            feed: FeedSettings::default(),
            rules: RuleSettings::default(),
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            capacity: 5_000,
            // Long, because changed prices are invalidated.
            ttl_ms: 3_600_000,
            preload: 2_000,
            single_flight: true,
            refresh_after_ms: None,
            follow_ms: 250,
        }
    }
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            interval_ms: 0,
            select: RuleSelect::All,
        }
    }
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            rows_per_second: 50,
            first_product: 5_001,
            interval_ms: 250,
            max_rows: 4_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_have_defaults_and_unknown_keys_are_refused() {
        let read = |text| serde_json::from_str::<Settings>(text).ok();
        let mut partial = Settings::default();
        (partial.schema, partial.cache.ttl_ms) = (2, 5);
        for (text, expected) in [
            ("{}", Some(Settings::default())),
            (r#"{"schema":2,"cache":{"ttl_ms":5}}"#, Some(partial)),
            (r#"{"schemas":2}"#, None),
            (r#"{"cache":{"ttl":5}}"#, None),
            (r#"{"feed":{"rows":5}}"#, None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
