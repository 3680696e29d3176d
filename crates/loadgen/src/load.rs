//! The load as a scenario's `[load]` table spells it: rate, profile, mix and who the customers are.

mod mix;
mod profile;

use serde::{Deserialize, Serialize};

pub use mix::{Journey, Mix};
pub(crate) use profile::Curve;
pub use profile::{Phase, Profile};

/// What to send and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Requests per second over all routes, before and between the phases of `profile`.
    pub rate: f64,
    /// How the arrivals are spread in time.
    pub arrival: Arrival,
    /// Changes of the rate over time, in order; none means steady.
    pub profile: Profile,
    /// How often each journey is started.
    pub mix: Mix,
    /// How many different clients (header `x-client-id`) there are.
    pub clients: u32,
    /// How many products there are: `sku-000001` up to this number.
    pub products: u32,
    /// Exponent of the Zipf distribution by which products are looked at: 0 is uniform, 1 is a usual shop.
    pub popularity: f64,
    /// Share of cart lines, from 0 to 1, that are drawn uniformly from all products: the long tail.
    pub tail: f64,
    /// Lines of a cart on average; geometric, from 1 to [`Load::MAX_CART_LINES`].
    pub cart_lines: f64,
    /// Milliseconds that a customer takes on average between two steps of a journey.
    pub think_ms: u64,
}

/// How arrivals are spread in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Independent of each other, as customers are: exponential gaps.
    #[default]
    Poisson,
    /// Equal gaps.
    Constant,
}

/// One thing that is wrong with a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key within the load's table, such as `rate` or `profile[1].at_s`.
    pub key: String,
    /// What is wrong, in words for the scenario's author.
    pub message: String,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            rate: 50.0,
            arrival: Arrival::Poisson,
            profile: Profile::default(),
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
    /// Lines of the largest cart; well below what the shop accepts.
    pub const MAX_CART_LINES: usize = 20;
    /// The highest number of a product; above it are those that do not exist.
    pub const MAX_PRODUCTS: u32 = 899_999;
    /// Requests per second that may be asked for: beyond it one machine is measured, not the shop.
    pub const MAX_RATE: f64 = 100_000.0;

    /// Everything that is wrong with this load, not only the first.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut expect = |key: &str, holds: bool, message: String| {
            if !holds {
                problems.push(Problem::new(key, message));
            }
        };
        expect(
            "rate",
            is_rate(self.rate) && self.rate > 0.0,
            rate_message(self.rate, "above 0"),
        );
        expect("clients", self.clients > 0, "must be at least 1".to_owned());
        expect(
            "products",
            (1..=Self::MAX_PRODUCTS).contains(&self.products),
            format!("must be from 1 to {}", Self::MAX_PRODUCTS),
        );
        expect(
            "popularity",
            (0.0..=5.0).contains(&self.popularity),
            "must be from 0 to 5".to_owned(),
        );
        expect(
            "tail",
            (0.0..=1.0).contains(&self.tail),
            "must be from 0 to 1".to_owned(),
        );
        expect(
            "cart_lines",
            (1.0..=Self::MAX_CART_LINES as f64 / 2.0).contains(&self.cart_lines),
            format!("must be from 1 to {}", Self::MAX_CART_LINES / 2),
        );
        expect(
            "think_ms",
            self.think_ms <= 60_000,
            "must be at most 60000".to_owned(),
        );
        problems.extend(self.profile.problems());
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

pub(crate) fn rate_message(rate: f64, least: &str) -> String {
    format!("must be {least} and at most {}, not {rate}", Load::MAX_RATE)
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
            profile: Profile::from(vec![Phase::Step {
                at_s: -1.0,
                rate: 10.0,
            }]),
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
        assert_eq!(
            keys,
            ["rate", "clients", "tail", "profile[0].at_s", "mix.browse"]
        );
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        for text in [
            r#"{"rates": 5}"#,
            r#"{"mix": {"brows": 5}}"#,
            r#"{"profile": [{"kind": "step", "at_s": 1, "rate": 2, "x": 1}]}"#,
        ] {
            let parsed: Result<Load, _> = serde_json::from_str(text);
            assert!(
                parsed.is_err_and(|error| error.to_string().contains("unknown field")),
                "{text}"
            );
        }
    }
}
