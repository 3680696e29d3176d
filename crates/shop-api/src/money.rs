//! Money in minor units: integers only, so that sums are exact.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A currency that the shop trades in; a fixed set, because it is also a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro, two decimals.
    #[default]
    Eur,
    /// Pound sterling, two decimals.
    Gbp,
    /// United States dollar, two decimals.
    Usd,
}

impl Currency {
    /// The ISO 4217 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
        }
    }

    /// The currency of an ISO 4217 code, if the shop trades in it.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Eur, Self::Gbp, Self::Usd]
            .into_iter()
            .find(|currency| currency.code() == code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// In minor units: 1299 is 12.99.
    pub amount_minor: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// An amount in the shop's default currency.
    pub const fn euro(amount_minor: i64) -> Self {
        Self {
            amount_minor,
            currency: Currency::Eur,
        }
    }

    /// The price of `quantity` pieces; `None` if it overflows an `i64`.
    pub fn times(self, quantity: u32) -> Option<Self> {
        let amount_minor = self.amount_minor.checked_mul(i64::from(quantity))?;
        Some(Self {
            amount_minor,
            ..self
        })
    }

    /// The sum of two amounts of the same currency; `None` if they cannot be added.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self {
            amount_minor: self.amount_minor.checked_add(other.amount_minor)?,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_different_currencies_cannot_be_added() {
        let pound = Money {
            amount_minor: 1,
            currency: Currency::Gbp,
        };
        assert_eq!(Money::euro(1).plus(pound), None);
        assert_eq!(Money::euro(1).plus(Money::euro(2)), Some(Money::euro(3)));
        assert_eq!(Money::euro(i64::MAX).times(2), None);
    }

    #[test]
    fn every_currency_round_trips_through_its_code() {
        for currency in [Currency::Eur, Currency::Gbp, Currency::Usd] {
            assert_eq!(Currency::from_code(currency.code()), Some(currency));
            let json = serde_json::to_string(&currency).unwrap_or_default();
            assert_eq!(json, format!("\"{}\"", currency.code()));
        }
    }
}
