//! Settings of checkout; the defaults are those of day-to-day operation.

use serde::{Deserialize, Serialize};
use shop_api::path;
use shop_api::reservation::Hold;

/// Settings of checkout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long stock is held while an order is being paid.
    pub hold_policy: HoldPolicy,
    /// How long an order keeps its view of the cart.
    pub cart_view: CartView,
    /// Whether a payment is confirmed with a second call before its order is stored.
    pub confirm_payment: bool,
    /// Timeout of one call to the inventory, retries included, in milliseconds.
    pub inventory_timeout_ms: u64,
    /// Which route of the network calls to the inventory take.
    pub inventory_route: InventoryRoute,
    /// Timeout of one call to the payment provider, retries included, in milliseconds.
    pub payment_timeout_ms: u64,
    /// Which of the payment provider's sites is called.
    pub payment_site: PaymentSite,
    /// Time after which an unfinished attempt to place an order can be repeated, in seconds.
    pub attempt_timeout_s: u64,
    /// Time after which an unchanged cart is deleted, in seconds.
    pub cart_s: u64,
    /// Which carts are kept for longer than that.
    pub cart_lifetime: CartLifetime,
    /// Time between two counts of the carts by age, in milliseconds; 0 means that they are not counted.
    pub cart_tally_ms: u64,
    /// Number of database connections for reading.
    pub readers: usize,
    /// Maximum wait for a database connection, in milliseconds.
    pub acquire_ms: u64,
    /// Maximum wait for another process's lock on the database, in milliseconds.
    pub busy_ms: u64,
    /// Maximum size of the database in pages of 4 KiB; absent means limited by the disk only.
    pub max_pages: Option<u32>,
    /// Delivery of messages.
    pub outbox: OutboxSettings,
}

/// The hold that checkout asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldPolicy {
    /// No hold: the inventory's default applies.
    None,
    /// Stock is held until the payment is settled.
    UntilPaid,
}

/// The routes of the network between checkout and inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryRoute {
    /// The one for day-to-day operation.
    Primary,
    /// The one for when the primary does not do.
    Standby,
}

impl InventoryRoute {
    /// The upstream that is reached by it.
    pub fn upstream(self) -> &'static str {
        match self {
            Self::Primary => path::upstream::INVENTORY,
            Self::Standby => path::upstream::INVENTORY_STANDBY,
        }
    }
}

/// The payment provider's sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSite {
    /// The one for day-to-day operation.
    Primary,
    /// The one for when the primary does not do.
    Standby,
}

impl PaymentSite {
    /// The path of its payments.
    pub fn path(self) -> &'static str {
        match self {
            Self::Primary => path::PAYMENTS,
            Self::Standby => path::STANDBY_PAYMENTS,
        }
    }
}

/// How long an order keeps its view of the cart, by a read transaction that stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartView {
    /// Not at all: the lines are read once, and the connection is free again.
    Once,
    /// Until the order is paid or rejected.
    UntilPaid,
    /// Until the order is paid; after a declined payment, until the cart is ordered again.
    UntilBought,
}

/// Which carts are kept for longer than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartLifetime {
    /// None.
    Same,
    /// Those of several products.
    BySize,
}

/// Delivery of messages from the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxSettings {
    /// Time between two polls for due messages, in milliseconds.
    pub poll_ms: u64,
    /// How long deliveries wait for further messages, so that the warehouse gets them together, in milliseconds.
    pub linger_ms: u64,
    /// Maximum number of messages in one poll.
    pub batch: u32,
    /// Messages delivered concurrently.
    pub concurrency: usize,
    /// Timeout of one delivery, in milliseconds.
    pub timeout_ms: u64,
    /// Order of delivery.
    pub order: DeliveryOrder,
    /// How many the warehouse takes per second, as agreed with it; absent means as many as there are.
    pub per_second: Option<f64>,
    /// What is counted against that limit.
    pub counted: Counted,
    /// Attempts to deliver a message before it moves to the dead letters; 0 means unlimited.
    pub attempts: u32,
    /// Wait after the first failed attempt, in milliseconds; doubles with each further one.
    pub backoff_ms: u64,
    /// Maximum wait, in milliseconds.
    pub backoff_max_ms: u64,
}

/// Order in which messages are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrder {
    /// As they come due, concurrently.
    Due,
    /// As they were stored, one at a time: each message waits for the ones before it.
    Stored,
}

/// What counts against the limit of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Each delivery as one.
    Messages,
    /// Each delivery as the lines of its order.
    Lines,
}

impl Settings {
    /// Keys that select code, or stand for the world outside: they are no configuration, and responders neither see nor set them.
    pub const SEALED: [&str; 6] = [
        "hold_policy",
        "cart_view",
        "cart_lifetime",
        "confirm_payment",
        "outbox.order",
        "outbox.counted",
    ];
}

impl HoldPolicy {
    /// The hold to ask for.
    pub fn hold(self) -> Option<Hold> {
        match self {
            Self::None => None,
            Self::UntilPaid => Some(Hold::UntilPaid),
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
            inventory_route: InventoryRoute::Primary,
            payment_timeout_ms: 3_000,
            payment_site: PaymentSite::Primary,
            attempt_timeout_s: 30,
            cart_s: 1_800,
            cart_lifetime: CartLifetime::Same,
            cart_tally_ms: 0,
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
            linger_ms: 0,
            batch: 32,
            concurrency: 4,
            timeout_ms: 5_000,
            order: DeliveryOrder::Due,
            per_second: None,
            counted: Counted::Messages,
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
    fn absent_keys_have_defaults_and_unknown_keys_are_refused() {
        let hold = |text| {
            let settings: Option<Settings> = serde_json::from_str(text).ok();
            settings.map(|settings| settings.hold_policy.hold())
        };
        for (text, expected) in [
            ("{}", Some(None)),
            (r#"{"hold_policy":"none"}"#, Some(None)),
            (
                r#"{"hold_policy":"until_paid"}"#,
                Some(Some(Hold::UntilPaid)),
            ),
            (r#"{"hold_policy":"firm"}"#, None),
            (r#"{"hold":"until_paid"}"#, None),
            (r#"{"outbox":{"retries":5}}"#, None),
        ] {
            assert_eq!(hold(text), expected, "{text}");
        }
        let read: Option<Settings> = serde_json::from_str("{}").ok();
        assert_eq!(read, Some(Settings::default()));
    }
}
