//! Pricing and reserving the lines of an order, one call of checkout to inventory.

use serde::{Deserialize, Serialize};

use crate::{Money, cart::Line, order::PricedLine};

/// How firmly the stock is put aside, at the current level of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Until the reservation's own time is up.
    Standard,
    /// Until the payment has been answered, however long that takes.
    Held,
}

/// The interface as its first level knew it.
pub mod level1 {
    use serde::{Deserialize, Serialize};

    /// How firmly the stock is put aside, at level 1 of the interface.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Hold {
        /// Until the reservation's own time is up.
        Standard,
    }

    impl From<Hold> for super::Hold {
        fn from(hold: Hold) -> Self {
            match hold {
                Hold::Standard => Self::Standard,
            }
        }
    }
}

/// `POST /internal/reservations`; generic over the level's kind of hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserve<H = Hold> {
    /// The order's id, with a number behind it from the second attempt on; the same id gets the same answer.
    pub order: String,
    /// What to price and to put aside.
    pub lines: Vec<Line>,
    /// Absent means [`Hold::Standard`].
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub hold: Option<H>,
}

/// The answer: stock is put aside at these prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The order's id.
    pub order: String,
    /// Each line with its confirmed price.
    pub lines: Vec<PricedLine>,
    /// The sum of all lines.
    pub total: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_of_a_later_level_is_an_unknown_variant_at_level_1() {
        let body = r#"{"order":"o-1","lines":[],"hold":"held"}"#;
        let current: Result<Reserve, _> = serde_json::from_str(body);
        assert_eq!(
            current.ok().and_then(|reserve| reserve.hold),
            Some(Hold::Held)
        );
        let earlier: Result<Reserve<level1::Hold>, _> = serde_json::from_str(body);
        let text = earlier
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(text.starts_with("unknown variant `held`"), "{text}");
    }

    #[test]
    fn no_hold_is_left_out_of_the_body() {
        let reserve: Reserve = Reserve {
            order: "o-1".into(),
            lines: vec![],
            hold: None,
        };
        let json = serde_json::to_string(&reserve).unwrap_or_default();
        assert_eq!(json, r#"{"order":"o-1","lines":[]}"#);
        assert!(serde_json::from_str::<Reserve<level1::Hold>>(&json).is_ok());
    }
}
