//! Who comes and what they want: journeys with everything that is in them, drawn one after the other.

use std::collections::VecDeque;

use rand::{Rng, RngExt, distr::weighted::WeightedIndex, rngs::StdRng};
use rand_distr::{Distribution, Zipf};
use shop_api::{Sku, cart::Line, catalogue};

use super::Ask;
use crate::{
    Load,
    load::{Journey, Mix},
};

/// Numbers above every catalogue, from which a product that does not exist is drawn.
const UNKNOWN_SKUS: std::ops::RangeInclusive<u32> = Load::MAX_PRODUCTS + 1..=Sku::MAX;
/// Pages that are ever turned to.
const PAGES: u32 = 5;
/// Pieces of one line at most.
const MAX_QUANTITY: u32 = 5;

/// Draws journeys without end.
#[derive(Debug)]
pub(super) struct Customers {
    rng: StdRng,
    journeys: WeightedIndex<f64>,
    popularity: Zipf<f64>,
    load: Load,
}

impl Customers {
    pub(super) fn new(load: &Load, rng: StdRng) -> Self {
        let weights = Journey::ALL.map(|journey| Mix::weight(&load.mix, journey));
        Self {
            rng,
            journeys: WeightedIndex::new(weights).expect("the mix was checked for weights"),
            popularity: Zipf::new(f64::from(load.products), load.popularity)
                .expect("the load was checked for products and popularity"),
            load: load.clone(),
        }
    }

    /// The next customer: a client, and steps with the seconds that pass before each.
    pub(super) fn next(&mut self) -> (u32, VecDeque<(f64, Ask)>) {
        let client = self.rng.random_range(0..self.load.clients);
        let journey = Journey::ALL[self.journeys.sample(&mut self.rng)];
        let asks = self.asks(journey);
        debug_assert_eq!(asks.len(), journey.steps());
        let steps = asks.into_iter().map(|ask| (self.think_s(), ask)).collect();
        (client, steps)
    }

    fn asks(&mut self, journey: Journey) -> Vec<Ask> {
        match journey {
            Journey::Browse => vec![self.list(None), self.product()],
            Journey::Search => {
                let words = self.words();
                vec![self.list(Some(words)), self.product()]
            }
            Journey::Product => vec![self.product()],
            Journey::Cart => {
                let cart = self.name("c");
                vec![
                    Ask::PutCart {
                        cart: cart.clone(),
                        lines: self.lines(),
                    },
                    Ask::GetCart { cart },
                ]
            }
            Journey::Checkout => {
                let (cart, key) = (self.name("c"), self.name("k"));
                let lines = self.lines();
                vec![
                    Ask::PutCart {
                        cart: cart.clone(),
                        lines,
                    },
                    Ask::PlaceOrder { cart, key },
                    Ask::GetOrder,
                ]
            }
            Journey::OrderStatus => vec![Ask::GetEarlierOrder {
                pick: self.rng.next_u64(),
            }],
            Journey::UnknownSku => vec![Ask::Product {
                sku: sku(self.rng.random_range(UNKNOWN_SKUS)),
            }],
            Journey::MalformedBody => vec![Ask::PutNonsense {
                cart: self.name("c"),
            }],
        }
    }

    fn list(&mut self, words: Option<String>) -> Ask {
        // Most look at the first page only; each further one loses two thirds of them.
        let page = 1
            + (1..PAGES)
                .take_while(|_| self.rng.random_bool(1.0 / 3.0))
                .count() as u32;
        Ask::List {
            words,
            page,
            session: self.name("s"),
        }
    }

    fn product(&mut self) -> Ask {
        Ask::Product {
            sku: self.popular(),
        }
    }

    /// What a popular product is called, or only what it is.
    fn words(&mut self) -> String {
        let family = catalogue::family(self.popular());
        let thing = catalogue::thing(family).to_lowercase();
        if self.rng.random_bool(0.5) {
            format!("{} {thing}", catalogue::finish(family).to_lowercase())
        } else {
            thing
        }
    }

    /// Lines of a cart, each product once.
    fn lines(&mut self) -> Vec<Line> {
        let more = 1.0 - 1.0 / self.load.cart_lines;
        let mut lines: Vec<Line> = Vec::new();
        loop {
            let sku = if self.rng.random_bool(self.load.tail) {
                sku(self.rng.random_range(1..=self.load.products))
            } else {
                self.popular()
            };
            let quantity = 1
                + (1..MAX_QUANTITY)
                    .take_while(|_| self.rng.random_bool(0.25))
                    .count() as u32;
            match lines.iter_mut().find(|line| line.sku == sku) {
                Some(line) => line.quantity = (line.quantity + quantity).min(MAX_QUANTITY),
                None => lines.push(Line { sku, quantity }),
            }
            if lines.len() >= Load::MAX_CART_LINES || !self.rng.random_bool(more) {
                return lines;
            }
        }
    }

    fn popular(&mut self) -> Sku {
        // The distribution gives whole numbers from 1 to the number of products.
        sku(self.popularity.sample(&mut self.rng) as u32)
    }

    /// From a fifth of the average to nearly twice of it.
    fn think_s(&mut self) -> f64 {
        self.load.think_ms as f64 / 1e3 * self.rng.random_range(0.2..1.8)
    }

    fn name(&mut self, prefix: &str) -> String {
        format!("{prefix}-{:016x}", self.rng.next_u64())
    }
}

fn sku(number: u32) -> Sku {
    Sku::new(number).expect("products are numbered from 1 to the highest SKU")
}
