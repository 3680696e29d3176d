//! What a service takes over from another system: an event of the timeline that is neither a release nor a setting.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shop_api::{Service, Sku, catalogue};

/// What stands for the number of an order in its id and in its message.
const NUMBER: &str = "{n}";
/// What stands for a product in a message, another one each time.
const PRODUCT: &str = "{sku}";
/// Of how many products those are, the most popular ones first.
const KNOWN: u32 = 2_000;
/// Amounts of a price list, in minor units.
const AMOUNTS: std::ops::RangeInclusive<u32> = 199..=20_000;

/// What is taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Orders, by checkout, in the order in which they are stored.
    Orders(Vec<Orders>),
    /// A price list, by inventory.
    Prices(Prices),
}

/// Orders of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// The id.
    pub order: String,
    /// The message to the warehouse, as it is stored; nothing checks it. `{sku}` is a product, drawn by the seed.
    pub message: String,
    /// How many; `{n}` in id and message is the number of each, from 1 on.
    #[serde(default = "once")]
    pub times: u32,
}

/// Prices of products that the seed draws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// How many products.
    pub products: u32,
    /// The most popular of those that it is drawn from; 1 is the most popular product.
    pub from: u32,
    /// The least popular of them.
    pub to: u32,
    /// The currency, as it is stored; nothing checks it.
    pub currency: String,
}

const fn once() -> u32 {
    1
}

impl Imported {
    /// At most so many orders or prices at one event: each order is a log line, and the service's queue for those is bounded.
    pub const MOST: u32 = 900;

    /// The service and its control that takes this over.
    pub const fn control(&self) -> (Service, &'static str) {
        match self {
            Self::Orders(_) => (Service::Checkout, "outbox-import"),
            Self::Prices(_) => (Service::Inventory, "price-import"),
        }
    }

    /// The key of the event, how many there are, and from how many they are drawn.
    pub(crate) fn size(&self) -> (&'static str, u32, u32) {
        match self {
            Self::Orders(orders) => {
                let count = orders.iter().map(|kind| kind.times).sum();
                ("orders", count, count)
            }
            Self::Prices(prices) => {
                let among = u32::try_from(prices.among().count()).unwrap_or(u32::MAX);
                ("prices", prices.products, among)
            }
        }
    }

    /// The arguments of that control for what one source hands over, with the products of a seed.
    pub fn arguments(&self, source: &str, seed: u64) -> Value {
        let mut draw = StdRng::seed_from_u64(seed);
        match self {
            Self::Orders(orders) => {
                let rows = orders.iter().flat_map(|kind| kind.rows(&mut draw));
                json!({"source": source, "orders": rows.collect::<Vec<Value>>()})
            }
            Self::Prices(prices) => json!({"source": source, "prices": prices.rows(&mut draw)}),
        }
    }
}

impl Orders {
    fn rows(&self, draw: &mut StdRng) -> Vec<Value> {
        let rows = (1..=self.times).map(|number| {
            let fill = |text: &str| text.replace(NUMBER, &format!("{number:03}"));
            let mut message = fill(&self.message);
            while message.contains(PRODUCT) {
                let product = draw.random_range(1..=KNOWN);
                message = message.replacen(PRODUCT, &sku(product), 1);
            }
            json!({"order": fill(&self.order), "message": message})
        });
        rows.collect()
    }
}

impl Prices {
    /// The numbers of the products that it is drawn from: those that the shop has.
    fn among(&self) -> std::ops::RangeInclusive<u32> {
        self.from.max(1)..=self.to.min(catalogue::PRODUCTS)
    }

    fn rows(&self, draw: &mut StdRng) -> Vec<Value> {
        let mut products = BTreeSet::new();
        while products.len() < self.products as usize {
            products.insert(draw.random_range(self.among()));
        }
        let rows = products.into_iter().map(|product| {
            let amount = draw.random_range(AMOUNTS);
            json!({"sku": sku(product), "amount_minor": amount, "currency": self.currency})
        });
        rows.collect()
    }
}

fn sku(number: u32) -> String {
    Sku::new(number).map_or_else(String::new, |sku| sku.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(order: &str, message: &str, times: u32) -> Orders {
        Orders {
            order: order.to_owned(),
            message: message.to_owned(),
            times,
        }
    }

    #[test]
    fn each_order_has_its_number_and_they_stay_in_order() {
        let two_kinds = [orders("p-{n}", "for p-{n}", 2), orders("q", "for q", 1)];
        assert_eq!(
            Imported::Orders(two_kinds.into()).arguments("the phone desk", 1),
            json!({"source": "the phone desk", "orders": [
                {"order": "p-001", "message": "for p-001"},
                {"order": "p-002", "message": "for p-002"},
                {"order": "q", "message": "for q"},
            ]})
        );
    }

    #[test]
    fn a_seed_draws_the_products() {
        let prices = Prices {
            products: 40,
            from: 11,
            to: 60,
            currency: "eur".to_owned(),
        };
        for import in [
            Imported::Orders(vec![orders("p", "{sku} and {sku}", 1)]),
            Imported::Prices(prices.clone()),
        ] {
            let of = |seed| import.arguments("a list", seed);
            assert_eq!(of(1), of(1), "{import:?}");
            assert_ne!(of(1), of(2), "{import:?}");
        }
        let rows = prices.rows(&mut StdRng::seed_from_u64(3));
        let skus: BTreeSet<&str> = rows.iter().filter_map(|row| row["sku"].as_str()).collect();
        assert_eq!(skus.len(), 40);
        assert!(skus.first() >= Some(&"sku-000011") && skus.last() <= Some(&"sku-000060"));
        assert!(rows.iter().all(|row| row["currency"] == "eur"));
    }
}
