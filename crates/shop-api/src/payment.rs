//! The payment provider's interface, as its customers see it.

use serde::{Deserialize, Serialize};

use crate::Money;

/// `POST /payments`; the header [`crate::header::IDEMPOTENCY_KEY`] makes it safe to repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The merchant's reference for the sale.
    pub reference: String,
    /// What to charge.
    pub amount: Money,
}

/// What the provider decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The money was taken.
    Captured,
    /// The payment was refused.
    Declined,
}

/// The provider's response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's payment id.
    pub payment: String,
    /// What it decided.
    pub decision: Decision,
}
