//! Orders, money as objects (the shape of version 2 and between the services).

use serde::{Deserialize, Serialize};

use crate::{Money, Sku};

/// Body of `POST /v1/orders`; the header [`crate::header::IDEMPOTENCY_KEY`] is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// The cart to order; the order empties it.
    pub cart: String,
    /// Where the receipt goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Paid and stored; the warehouse does not know of it yet.
    Placed,
    /// The warehouse has accepted it.
    Confirmed,
}

/// One line of an order with the price paid per piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// Which product.
    pub sku: Sku,
    /// Pieces.
    pub quantity: u32,
    /// Price of one piece.
    pub price: Money,
}

/// Response of `POST /v2/orders` (201, also when repeated) and `GET /v2/orders/{order}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order's id.
    pub order: String,
    /// The cart it came from.
    pub cart: String,
    /// How far it has come.
    pub status: Status,
    /// What was bought.
    pub lines: Vec<PricedLine>,
    /// What was paid.
    pub total: Money,
    /// RFC 3339, UTC.
    pub placed_at: String,
}
