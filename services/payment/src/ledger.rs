//! The payments that were made, so that a repeated charge is not a second one.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use shop_api::{
    Money,
    payment::{Decision, Receipt},
};

/// How the provider decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The highest amount that it takes, in minor units.
    pub limit_minor: i64,
    /// Charges that it remembers.
    pub memory: usize,
    /// Requests a second that one customer of the provider may make for ever; 0 for any number.
    pub quota_per_second: f64,
    /// Requests that it may make at once after a rest.
    pub quota_burst: f64,
    /// Time that an answer takes, in milliseconds.
    pub answer_ms: u64,
    /// Charges that it works on at the same time; 0 for any number.
    pub workers: usize,
    /// Charges that may wait for a worker; more are refused.
    pub waiting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        // Above anything that a cart of the shop can cost.
        Self {
            limit_minor: 10_000_000_000,
            memory: 10_000,
            quota_per_second: 0.0,
            quota_burst: 20.0,
            answer_ms: 0,
            workers: 0,
            waiting: 64,
        }
    }
}

/// All charges that are remembered.
#[derive(Debug)]
pub struct Ledger {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    charges: HashMap<String, (Money, Receipt)>,
    order: VecDeque<String>,
    made: u64,
}

impl Ledger {
    /// A ledger without charges.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    /// Charges an amount once for each key; nothing if the key was used for another amount.
    pub fn charge(&self, key: &str, amount: Money) -> Option<Receipt> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((charged, receipt)) = state.charges.get(key) {
            return (*charged == amount).then(|| receipt.clone());
        }
        state.made += 1;
        let is_taken = (1..=self.settings.limit_minor).contains(&amount.amount_minor);
        let decision = if is_taken {
            Decision::Captured
        } else {
            Decision::Declined
        };
        let receipt = Receipt {
            payment: format!("p-{:08}", state.made),
            decision,
        };
        state
            .charges
            .insert(key.to_owned(), (amount, receipt.clone()));
        state.order.push_back(key.to_owned());
        if state.order.len() > self.settings.memory
            && let Some(oldest) = state.order.pop_front()
        {
            state.charges.remove(&oldest);
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
    fn only_so_many_charges_are_remembered() {
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
