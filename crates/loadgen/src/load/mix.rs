//! Weights of the journeys.

use serde::{Deserialize, Serialize};

use super::Problem;

/// What a customer does; [`Journey::steps`] has the number of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Journey {
    /// A page of the catalogue, then a product.
    Browse,
    /// A search, then a product.
    Search,
    /// A product.
    Product,
    /// Fill a cart, then read it.
    Cart,
    /// Fill a cart, order it, then read the order.
    Checkout,
    /// Read an order that was placed earlier.
    OrderStatus,
    /// A product that does not exist: 404.
    UnknownSku,
    /// A cart whose body is not JSON: 400.
    MalformedBody,
}

/// Weights of the journeys; only their proportions matter.
///
/// Journeys differ in their number of steps, so the share of a journey's step in all requests is
/// weight / sum(weight x steps). By default, 10 of 100 requests place an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Weight of [`Journey::Browse`], 2 requests.
    pub browse: f64,
    /// Weight of [`Journey::Search`], 2 requests.
    pub search: f64,
    /// Weight of [`Journey::Product`], 1 request.
    pub product: f64,
    /// Weight of [`Journey::Cart`], 2 requests.
    pub cart: f64,
    /// Weight of [`Journey::Checkout`], 3 requests.
    pub checkout: f64,
    /// Weight of [`Journey::OrderStatus`], 1 request.
    pub order_status: f64,
    /// Weight of [`Journey::UnknownSku`], 1 request.
    pub unknown_sku: f64,
    /// Weight of [`Journey::MalformedBody`], 1 request.
    pub malformed_body: f64,
}

impl Default for Mix {
    /// Adds up to 100 requests, so that a weight is the percentage of the requests that are a given step of the journey.
    fn default() -> Self {
        Self {
            browse: 12.0,
            search: 10.0,
            product: 16.0,
            cart: 3.0,
            checkout: 10.0,
            order_status: 3.0,
            unknown_sku: 0.5,
            malformed_body: 0.5,
        }
    }
}

impl Journey {
    /// Every journey, in the order of the fields of [`Mix`].
    pub const ALL: [Self; 8] = [
        Self::Browse,
        Self::Search,
        Self::Product,
        Self::Cart,
        Self::Checkout,
        Self::OrderStatus,
        Self::UnknownSku,
        Self::MalformedBody,
    ];

    /// The journey's key in [`Mix`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Search => "search",
            Self::Product => "product",
            Self::Cart => "cart",
            Self::Checkout => "checkout",
            Self::OrderStatus => "order_status",
            Self::UnknownSku => "unknown_sku",
            Self::MalformedBody => "malformed_body",
        }
    }

    /// Number of requests in the journey.
    pub const fn steps(self) -> usize {
        match self {
            Self::Product | Self::OrderStatus | Self::UnknownSku | Self::MalformedBody => 1,
            Self::Browse | Self::Search | Self::Cart => 2,
            Self::Checkout => 3,
        }
    }
}

impl Mix {
    /// A mix of a single journey.
    pub fn only(journey: Journey) -> Self {
        let mut mix = Self {
            browse: 0.0,
            search: 0.0,
            product: 0.0,
            cart: 0.0,
            checkout: 0.0,
            order_status: 0.0,
            unknown_sku: 0.0,
            malformed_body: 0.0,
        };
        *mix.weight_mut(journey) = 1.0;
        mix
    }

    /// The weight of a journey.
    pub fn weight(&self, journey: Journey) -> f64 {
        match journey {
            Journey::Browse => self.browse,
            Journey::Search => self.search,
            Journey::Product => self.product,
            Journey::Cart => self.cart,
            Journey::Checkout => self.checkout,
            Journey::OrderStatus => self.order_status,
            Journey::UnknownSku => self.unknown_sku,
            Journey::MalformedBody => self.malformed_body,
        }
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Journey::ALL
            .into_iter()
            .filter(|&journey| !(0.0..=1e9).contains(&self.weight(journey)))
            .map(|journey| Problem::new(format!("mix.{}", journey.name()), "must be from 0 to 1e9"))
            .collect();
        if problems.is_empty()
            && Journey::ALL
                .into_iter()
                .all(|journey| self.weight(journey) == 0.0)
        {
            problems.push(Problem::new("mix", "must have at least one weight above 0"));
        }
        problems
    }

    fn weight_mut(&mut self, journey: Journey) -> &mut f64 {
        match journey {
            Journey::Browse => &mut self.browse,
            Journey::Search => &mut self.search,
            Journey::Product => &mut self.product,
            Journey::Cart => &mut self.cart,
            Journey::Checkout => &mut self.checkout,
            Journey::OrderStatus => &mut self.order_status,
            Journey::UnknownSku => &mut self.unknown_sku,
            Journey::MalformedBody => &mut self.malformed_body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_without_weights_is_rejected() {
        let none = Mix {
            browse: 0.0,
            ..Mix::only(Journey::Browse)
        };
        assert_eq!(
            none.problems(),
            [Problem::new("mix", "must have at least one weight above 0")]
        );
    }
}
