//! Every setting of checkout; the defaults are the shop as it is run day to day.

use serde::{Deserialize, Serialize};
use shop_api::reservation::Hold;

/// How a release of checkout behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How firmly stock is put aside while an order is being paid.
    pub hold_policy: HoldPolicy,
    /// How long an order keeps the cart as it has read it.
    pub cart_view: CartView,
    /// Whether a payment is looked up again before its order is stored.
    pub confirm_payment: bool,
    /// Time for one call to the inventory, retries included, in milliseconds.
    pub inventory_timeout_ms: u64,
    /// Time for one call to the payment provider, retries included, in milliseconds.
    pub payment_timeout_ms: u64,
    /// Time after which an order that was begun and never ended may be begun again, in seconds.
    pub claim_s: u64,
    /// Time for which an untouched cart is kept, in seconds.
    pub cart_s: u64,
    /// Connections that read.
    pub readers: usize,
    /// Time to wait for a database connection, in milliseconds.
    pub acquire_ms: u64,
    /// Time to wait for another process's lock on the database, in milliseconds.
    pub busy_ms: u64,
    /// Pages of 4 KiB that the database may have; absent for no limit but the disk.
    pub max_pages: Option<u32>,
    /// The delivery of messages.
    pub outbox: OutboxSettings,
}

/// Whether checkout asks for a particular hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldPolicy {
    /// Says nothing; the inventory uses its own rule.
    None,
    /// Asks for stock to be held until the payment is answered.
    Held,
}

/// How long an order keeps the cart as it has read it, by a read transaction that stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartView {
    /// Not at all: the lines are read once and the connection is free again.
    Once,
    /// Until the order is paid for or refused.
    UntilPaid,
    /// Until the order is paid for; after a declined payment until the cart is ordered again.
    UntilBought,
}

/// The delivery of messages from the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxSettings {
    /// Time between two looks for messages that are due, in milliseconds.
    pub poll_ms: u64,
    /// Messages taken in one look.
    pub batch: u32,
    /// Messages delivered at the same time.
    pub concurrency: usize,
    /// Time for one delivery, in milliseconds.
    pub timeout_ms: u64,
    /// In which order messages are delivered.
    pub order: Order,
    /// Deliveries tried before a message is put with the dead letters; 0 for no limit.
    pub attempts: u32,
    /// Wait after the first failure, in milliseconds; doubles with every further one.
    pub backoff_ms: u64,
    /// Longest wait, in milliseconds.
    pub backoff_max_ms: u64,
}

/// In which order messages are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they come due, several at a time.
    Due,
    /// As they were stored, one after the other: each waits for those before it.
    Stored,
}

impl HoldPolicy {
    /// The hold to ask for.
    pub fn hold(self) -> Option<Hold> {
        match self {
            Self::None => None,
            Self::Held => Some(Hold::Held),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold_policy: HoldPolicy::None,
            cart_view: CartView::Once,
            confirm_payment: false,
            inventory_timeout_ms: 4_000,
            payment_timeout_ms: 3_000,
            claim_s: 30,
            cart_s: 1_800,
            readers: 2,
            acquire_ms: 5_000,
            busy_ms: 5_000,
            max_pages: None,
            outbox: OutboxSettings::default(),
        }
    }
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            poll_ms: 200,
            batch: 32,
            concurrency: 4,
            timeout_ms: 5_000,
            order: Order::Due,
            attempts: 8,
            backoff_ms: 250,
            backoff_max_ms: 30_000,
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
        let held: Settings =
            serde_json::from_str(r#"{"hold_policy":"held"}"#).expect("it is a policy");
        assert_eq!(held.hold_policy.hold(), Some(Hold::Held));
        for text in [
            r#"{"hold":"held"}"#,
            r#"{"hold_policy":"firm"}"#,
            r#"{"outbox":{"retries":5}}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
