//! The charges made so far, so that a repeated charge is not a second payment.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use shop_api::{
    Money,
    payment::{Decision, Receipt},
};

/// Settings of the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Maximum amount of a charge, in minor units; higher ones are declined.
    pub limit_minor: i64,
    /// Number of charges remembered for idempotency.
    pub memory: usize,
    /// Sustained rate of a customer in requests per second; 0 means unlimited.
    pub quota_per_second: f64,
    /// Requests that a customer may make at once after a pause.
    pub quota_burst: f64,
    /// Time to handle a charge, in milliseconds.
    pub answer_ms: u64,
    /// Time to handle a charge at the standby address, in milliseconds.
    pub standby_ms: u64,
    /// Charges handled at the same time; 0 means unlimited.
    pub workers: usize,
    /// Maximum number of charges waiting for a worker; more are refused.
    pub waiting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        // The default limit is above the price of any cart.
        Self {
            limit_minor: 10_000_000_000,
            memory: 10_000,
            quota_per_second: 0.0,
            quota_burst: 20.0,
            answer_ms: 0,
            standby_ms: 0,
            workers: 0,
            waiting: 64,
        }
    }
}

/// The remembered charges.
#[derive(Debug)]
pub struct Ledger {
    settings: Settings,
    charges: Mutex<Charges>,
}

#[derive(Debug, Default)]
struct Charges {
    by_key: HashMap<String, (Money, Receipt)>,
    order: VecDeque<String>,
    made: u64,
}

impl Ledger {
    /// A ledger without charges.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            charges: Mutex::default(),
        }
    }

    /// Charges an amount once per key; `None` if the key was used for a different amount.
    pub fn charge(&self, key: &str, amount: Money) -> Option<Receipt> {
        let mut charges = self.charges.lock();
        if let Some((charged, receipt)) = charges.by_key.get(key) {
            return (*charged == amount).then(|| receipt.clone());
        }
        charges.made += 1;
        let is_accepted = (1..=self.settings.limit_minor).contains(&amount.amount_minor);
        let decision = if is_accepted {
            Decision::Captured
        } else {
            Decision::Declined
        };
        let receipt = Receipt {
            payment: format!("p-{:08}", charges.made),
            decision,
        };
        charges
            .by_key
            .insert(key.to_owned(), (amount, receipt.clone()));
        charges.order.push_back(key.to_owned());
        if charges.order.len() > self.settings.memory
            && let Some(oldest) = charges.order.pop_front()
        {
            charges.by_key.remove(&oldest);
        }
        Some(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_charge_is_the_same_payment() {
        let ledger = Ledger::new(Settings::default());
        let first = ledger.charge("a", Money::euro(5));
        assert_eq!(ledger.charge("a", Money::euro(5)), first);
        assert_ne!(ledger.charge("b", Money::euro(5)), first);
        assert_eq!(ledger.charge("a", Money::euro(6)), None);
    }

    #[test]
    fn amounts_outside_the_limit_are_declined() {
        let ledger = Ledger::new(Settings {
            limit_minor: 100,
            ..Settings::default()
        });
        for (amount, expected) in [
            (1, Decision::Captured),
            (100, Decision::Captured),
            (101, Decision::Declined),
            (0, Decision::Declined),
        ] {
            let receipt = ledger.charge(&amount.to_string(), Money::euro(amount));
            assert_eq!(
                receipt.map(|receipt| receipt.decision),
                Some(expected),
                "{amount}"
            );
        }
    }

    #[test]
    fn the_number_of_remembered_charges_is_limited() {
        let ledger = Ledger::new(Settings {
            memory: 2,
            ..Settings::default()
        });
        let first = ledger.charge("a", Money::euro(5));
        for key in ["b", "c"] {
            assert!(ledger.charge(key, Money::euro(5)).is_some());
        }
        assert_ne!(ledger.charge("a", Money::euro(5)), first);
    }
}
