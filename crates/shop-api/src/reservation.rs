//! Reservations between checkout and inventory: stock is reserved, then shipped or released.

use serde::{Deserialize, Serialize};

use crate::{Money, cart::Line, order::PricedLine};

/// How long reserved stock is held, at the current level of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Until the inventory's own timeout.
    Standard,
    /// Until the payment is settled, however long that takes.
    UntilPaid,
}

/// The first level of the interface.
pub mod level1 {
    use serde::{Deserialize, Serialize};

    /// How long reserved stock is held, at level 1 of the interface.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Hold {
        /// Until the inventory's own timeout.
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

/// Body of `POST /internal/reservations`; generic over the interface level's [`Hold`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservationRequest<H = Hold> {
    /// The reservation's id, chosen by the caller; the same id gets the same response.
    pub reservation: String,
    /// What to price and reserve.
    pub lines: Vec<Line>,
    /// Absent means [`Hold::Standard`].
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub hold: Option<H>,
}

/// Response of `POST /internal/reservations`: stock is reserved at these prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The reservation's id.
    pub reservation: String,
    /// Each line with its confirmed price.
    pub lines: Vec<PricedLine>,
    /// The sum of all lines.
    pub total: Money,
}

/// Body of `POST /internal/orders/placed`: the order is paid for, its stock can ship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipment {
    /// The reservation whose stock ships.
    pub reservation: String,
    /// What was bought.
    pub lines: Vec<Line>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_1_rejects_a_hold_of_level_2_as_an_unknown_variant() {
        let body = r#"{"reservation":"o-1","lines":[],"hold":"until_paid"}"#;
        let current: Result<ReservationRequest, _> = serde_json::from_str(body);
        assert_eq!(
            current.ok().and_then(|request| request.hold),
            Some(Hold::UntilPaid)
        );
        let earlier: Result<ReservationRequest<level1::Hold>, _> = serde_json::from_str(body);
        let text = earlier
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(text.starts_with("unknown variant `until_paid`"), "{text}");
    }

    #[test]
    fn an_absent_hold_is_omitted_from_the_body() {
        let request: ReservationRequest = ReservationRequest {
            reservation: "o-1".into(),
            lines: vec![],
            hold: None,
        };
        let json = serde_json::to_string(&request).unwrap_or_default();
        assert_eq!(json, r#"{"reservation":"o-1","lines":[]}"#);
        assert!(serde_json::from_str::<ReservationRequest<level1::Hold>>(&json).is_ok());
    }
}
