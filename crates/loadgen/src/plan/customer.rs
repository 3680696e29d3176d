//! Customers: draws one journey after the other, with all its steps.

use std::{collections::VecDeque, sync::Arc};

use rand::{Rng, RngExt, distr::weighted::WeightedIndex, rngs::StdRng};
use rand_distr::{Distribution, Zipf};
use shop_api::{Sku, cart::Line, catalogue};

use super::Action;
use crate::{
    Load, Partner,
    load::{Journey, Mix},
};

/// Product numbers above every catalogue, for products that do not exist.
const UNKNOWN_SKUS: std::ops::RangeInclusive<u32> = Load::MAX_PRODUCTS + 1..=Sku::MAX;
/// Number of pages that customers visit.
const PAGES: u32 = 5;
/// Maximum number of pieces on a line.
const MAX_QUANTITY: u32 = 5;

/// Draws journeys without end.
#[derive(Debug)]
pub(super) struct Customers {
    rng: StdRng,
    journeys: WeightedIndex<f64>,
    popularity: Zipf<f64>,
    load: Load,
    /// The client that some of the orders come from.
    pub(super) partner: Option<Arc<Partner>>,
}

/// One customer.
#[derive(Debug)]
pub(super) struct Customer {
    /// The client's number.
    pub(super) client: u32,
    /// The client, where it is none of the numbered ones.
    pub(super) partner: Option<Arc<Partner>>,
    /// What the customer does, with the seconds before each step.
    pub(super) steps: VecDeque<(f64, Action)>,
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
            partner: None,
        }
    }

    /// The next customer.
    pub(super) fn next(&mut self) -> Customer {
        let client = self.rng.random_range(0..self.load.clients);
        let journey = Journey::ALL[self.journeys.sample(&mut self.rng)];
        let actions = self.actions(journey);
        debug_assert_eq!(actions.len(), journey.steps());
        let steps = actions
            .into_iter()
            .map(|action| (self.think_s(), action))
            .collect();
        Customer {
            client,
            partner: self.partner_of(journey),
            steps,
        }
    }

    /// Without a partner no random number is drawn, so that a seed gives the same journeys as before.
    fn partner_of(&mut self, journey: Journey) -> Option<Arc<Partner>> {
        let partner = self.partner.as_ref()?;
        let is_its_own =
            journey == Journey::Checkout && self.rng.random_bool(partner.share.clamp(0.0, 1.0));
        is_its_own.then(|| Arc::clone(partner))
    }

    fn actions(&mut self, journey: Journey) -> Vec<Action> {
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
                    Action::PutCart {
                        cart: cart.clone(),
                        lines: self.lines(),
                    },
                    Action::GetCart { cart },
                ]
            }
            Journey::Checkout => {
                let (cart, key) = (self.name("c"), self.name("k"));
                let lines = self.lines();
                vec![
                    Action::PutCart {
                        cart: cart.clone(),
                        lines,
                    },
                    Action::PlaceOrder { cart, key },
                    Action::GetOrder,
                ]
            }
            Journey::OrderStatus => vec![Action::GetRecentOrder {
                pick: self.rng.next_u64(),
            }],
            Journey::UnknownSku => vec![Action::Product {
                sku: sku(self.rng.random_range(UNKNOWN_SKUS)),
            }],
            Journey::MalformedBody => vec![Action::PutMalformed {
                cart: self.name("c"),
            }],
        }
    }

    fn list(&mut self, words: Option<String>) -> Action {
        // Each further page is visited by a third of the customers of the previous one.
        let page = 1
            + (1..PAGES)
                .take_while(|_| self.rng.random_bool(1.0 / 3.0))
                .count() as u32;
        Action::List {
            words,
            page,
            session: self.name("s"),
        }
    }

    fn product(&mut self) -> Action {
        Action::Product {
            sku: self.popular(),
        }
    }

    /// Search words: the name of a popular product, or only its kind.
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

    /// From a fifth of the average to nearly twice the average.
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
