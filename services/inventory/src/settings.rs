//! Every setting of the inventory; the defaults are the shop as it is run day to day.

use serde::{Deserialize, Serialize};

/// How a release of the inventory behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Level of the database schema that this release works with; the database is migrated to it at boot.
    pub schema: u32,
    /// Level of the reservation interface: 1 knows the hold `standard`, 2 also `held`.
    pub reservation_api: u8,
    /// Connections that read.
    pub readers: usize,
    /// Time to wait for a database connection, in milliseconds.
    pub acquire_ms: u64,
    /// Time to wait for another process's lock on the database, in milliseconds.
    pub busy_ms: u64,
    /// Page cache of one database connection, in KiB.
    pub page_cache_kib: u32,
    /// Time for which a reservation is kept open, in seconds.
    pub reservation_s: u64,
    /// Lines of an order that the warehouse's machines pack; longer orders are refused and packed by hand. Absent for any.
    pub packed_lines: Option<usize>,
    /// Time for which an ended reservation is remembered, in seconds.
    pub reservation_memory_s: u64,
    /// The cache of product views.
    pub cache: CacheSettings,
    /// The feed of new prices from the suppliers.
    pub feed: FeedSettings,
    /// The file of purchase limits.
    pub rules: RuleSettings,
}

/// The cache of product views.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// Views held at most; 0 turns the cache off.
    pub capacity: usize,
    /// Age at which a view is loaded again, in milliseconds.
    pub ttl_ms: u64,
    /// Views of the most popular products that are loaded at boot.
    pub preload: u32,
    /// Whether requests that miss the same product share one load.
    pub single_flight: bool,
    /// Age from which a view is loaded again ahead of its time, with a notice in the log, in milliseconds; absent turns this off.
    pub refresh_after_ms: Option<u64>,
    /// Time between two looks for prices that another process has changed, in milliseconds.
    pub follow_ms: u64,
}

/// The file of purchase limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// Time between two versions of the file, in milliseconds; 0 for no file and no limits.
    pub interval_ms: u64,
    /// Which ranges of products it lists.
    pub select: RuleSelect,
}

/// Which ranges of products have a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSelect {
    /// Every one.
    All,
    /// Those of which there is something in stock.
    Stocked,
}

/// The feed of new prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedSettings {
    /// Prices that arrive in a second, whatever the number of replicas; 0 turns the feed off.
    pub rows_per_second: u32,
    /// Number of the first product that suppliers price; those before it are the bestsellers, priced by hand.
    pub first_product: u32,
    /// Time between two deliveries, in milliseconds.
    pub interval_ms: u64,
    /// Prices in the table at which the feed stops.
    pub max_rows: u64,
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
            // Long, because every change of a price is followed.
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
    fn nothing_said_is_the_default_and_an_unknown_key_is_refused() {
        assert_eq!(
            serde_json::from_str::<Settings>("{}").ok(),
            Some(Settings::default())
        );
        let partial: Settings =
            serde_json::from_str(r#"{"schema":2,"cache":{"ttl_ms":5}}"#).expect("both keys exist");
        assert_eq!(
            (partial.schema, partial.cache.ttl_ms, partial.cache.capacity),
            (2, 5, 5_000)
        );
        for text in [
            r#"{"schemas":2}"#,
            r#"{"cache":{"ttl":5}}"#,
            r#"{"feed":{"rows":5}}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
