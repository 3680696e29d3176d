//! A scenario's `[load]` table: rate, mix, customers.

mod mix;

use serde::{Deserialize, Serialize};

pub use mix::{Journey, Mix};

/// What to send and at what rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Base rate: requests per second over all routes, until another one is set.
    pub rate: f64,
    /// Distribution of the arrivals over time.
    pub arrival: Arrival,
    /// Weights of the journeys.
    pub mix: Mix,
    /// Number of clients (header `x-client-id`).
    pub clients: u32,
    /// Number of products, from `sku-000001` up.
    pub products: u32,
    /// Exponent of the Zipf distribution of products: 0 is uniform, 1 is typical of a shop.
    pub popularity: f64,
    /// Share of cart lines, from 0 to 1, that are drawn uniformly from all products, the long tail.
    pub tail: f64,
    /// Average number of lines in a cart; geometric, from 1 to [`Load::MAX_CART_LINES`].
    pub cart_lines: f64,
    /// Average time between two steps of a journey, in milliseconds.
    pub think_ms: u64,
}

/// Distribution of arrivals over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Independent arrivals with exponential intervals, as from real customers.
    #[default]
    Poisson,
    /// Equal intervals.
    Constant,
}

/// A mistake in a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key within the load's table, such as `rate` or `mix.browse`.
    pub key: String,
    /// What is wrong, for the author of the scenario.
    pub message: String,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            rate: 50.0,
            arrival: Arrival::Poisson,
            mix: Mix::default(),
            clients: 200,
            products: shop_api::catalogue::PRODUCTS,
            popularity: 1.0,
            tail: 0.2,
            cart_lines: 3.0,
            think_ms: 400,
        }
    }
}

impl Load {
    /// Maximum number of lines in a cart, well below the shop's limit.
    pub const MAX_CART_LINES: usize = 20;
    /// The highest product number; higher ones never exist.
    pub const MAX_PRODUCTS: u32 = 899_999;
    /// Maximum rate in requests per second; beyond it the machine is the limit, not the shop.
    pub const MAX_RATE: f64 = 100_000.0;

    /// All mistakes in this load, not only the first.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut check = |key: &str, is_valid: bool, message: String| {
            if !is_valid {
                problems.push(Problem::new(key, message));
            }
        };
        check(
            "rate",
            is_rate(self.rate) && self.rate > 0.0,
            format!(
                "must be above 0 and at most {}, not {}",
                Self::MAX_RATE,
                self.rate
            ),
        );
        check("clients", self.clients > 0, "must be at least 1".to_owned());
        check(
            "products",
            (1..=Self::MAX_PRODUCTS).contains(&self.products),
            format!("must be from 1 to {}", Self::MAX_PRODUCTS),
        );
        check(
            "popularity",
            (0.0..=5.0).contains(&self.popularity),
            "must be from 0 to 5".to_owned(),
        );
        check(
            "tail",
            (0.0..=1.0).contains(&self.tail),
            "must be from 0 to 1".to_owned(),
        );
        check(
            "cart_lines",
            (1.0..=Self::MAX_CART_LINES as f64 / 2.0).contains(&self.cart_lines),
            format!("must be from 1 to {}", Self::MAX_CART_LINES / 2),
        );
        check(
            "think_ms",
            self.think_ms <= 60_000,
            "must be at most 60000".to_owned(),
        );
        problems.extend(self.mix.problems());
        problems
    }
}

impl Problem {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` {}", self.key, self.message)
    }
}

pub(crate) fn is_rate(rate: f64) -> bool {
    (0.0..=Load::MAX_RATE).contains(&rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_load_has_no_problems() {
        assert_eq!(Load::default().problems(), []);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let load = Load {
            rate: f64::NAN,
            clients: 0,
            tail: 1.5,
            mix: Mix {
                browse: -1.0,
                ..Mix::default()
            },
            ..Load::default()
        };
        let keys: Vec<String> = load
            .problems()
            .into_iter()
            .map(|problem| problem.key)
            .collect();
        assert_eq!(keys, ["rate", "clients", "tail", "mix.browse"]);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        for text in [r#"{"rates": 5}"#, r#"{"mix": {"brows": 5}}"#] {
            let parsed: Result<Load, _> = serde_json::from_str(text);
            assert!(
                parsed.is_err_and(|error| error.to_string().contains("unknown field")),
                "{text}"
            );
        }
    }
}
