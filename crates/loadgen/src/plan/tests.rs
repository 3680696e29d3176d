//! The schedule is deterministic, and has the rate and mix of the load.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::{
    Arrival, Route,
    load::{Journey, Mix},
};

fn take(load: &Load, seed: u64, until_s: f64) -> Vec<PlannedRequest> {
    let mut plan = Plan::new(load, seed);
    std::iter::from_fn(|| plan.take())
        .take_while(|planned| planned.at.as_secs_f64() < until_s)
        .collect()
}

fn at(rate: f64) -> Load {
    Load {
        rate,
        ..Load::default()
    }
}

fn rate(rate: Option<f64>) -> Traffic {
    Traffic {
        rate,
        ..Traffic::default()
    }
}

fn share(plan: &[PlannedRequest], matches: impl Fn(&PlannedRequest) -> bool) -> f64 {
    plan.iter().filter(|planned| matches(planned)).count() as f64 / plan.len() as f64
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let load = at(150.0);
    let first = take(&load, 42, 20.0);
    assert!(first.len() > 2_000);
    assert_eq!(first, take(&load, 42, 20.0));
    assert_ne!(first, take(&load, 43, 20.0));
}

#[test]
fn a_change_of_the_rate_does_not_change_the_journeys() {
    let journeys = |rate| {
        let steps = take(&at(rate), 42, 6_000.0 / rate);
        let mut journeys: BTreeMap<u64, Vec<Action>> = BTreeMap::new();
        for planned in steps {
            journeys
                .entry(planned.journey)
                .or_default()
                .push(planned.action);
        }
        journeys
    };
    let (few, many) = (journeys(50.0), journeys(500.0));
    let both = few
        .iter()
        .filter_map(|(number, steps)| Some((steps, many.get(number)?)));
    let mut compared = 0;
    for (few, many) in both {
        let steps = few.len().min(many.len());
        assert_eq!(few[..steps], many[..steps]);
        compared += 1;
    }
    assert!(compared > 2_500, "{compared}");
}

#[test]
fn constant_arrivals_have_the_exact_rate_and_poisson_ones_within_noise() {
    for (arrival, rate, tolerance) in [
        (Arrival::Constant, 500.0, 1.0),
        (Arrival::Poisson, 500.0, 4.0 * 30_000_f64.sqrt()),
    ] {
        let count = take(
            &Load {
                rate,
                arrival,
                ..Load::default()
            },
            1,
            60.0,
        )
        .len() as f64;
        assert!(
            (count - rate * 60.0).abs() <= tolerance,
            "{arrival:?}: {count}"
        );
    }
}

#[test]
fn poisson_gaps_are_exponential() {
    let plan = take(&at(1_000.0), 9, 60.0);
    let gaps: Vec<f64> = plan
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_secs_f64() * 1_000.0)
        .collect();
    for limit in [0.1, 0.5, 1.0, 2.0, 4.0] {
        let above = gaps.iter().filter(|&&gap| gap > limit).count() as f64 / gaps.len() as f64;
        assert!((above - (-limit).exp()).abs() < 0.01, "{limit}: {above}");
    }
}

#[test]
fn a_new_rate_applies_from_the_moment_it_is_set() {
    let mut plan = Plan::new(
        &Load {
            arrival: Arrival::Constant,
            rate: 1.0,
            ..Load::default()
        },
        1,
    );
    plan.change(Duration::from_millis(500), rate(Some(100.0)));
    // Half of the interval has passed at the old rate, so half of it remains at the new one.
    assert_eq!(plan.next_at().map(|at| at.as_millis()), Some(505));
    plan.change(Duration::from_millis(500), rate(Some(0.0)));
    assert_eq!(plan.next_at(), None);
    plan.change(Duration::from_secs(9), rate(None));
    assert_eq!(plan.next_at().map(|at| at.as_millis()), Some(9_500));
}

#[test]
fn the_default_mix_has_one_order_in_ten_requests_with_three_lines() {
    let plan = take(&Load::default(), 5, 600.0);
    for (route, expected) in [
        (Route::PlaceOrder, 0.10),
        (Route::PutCart, 0.135),
        (Route::GetCart, 0.03),
        (Route::GetOrder, 0.13),
        (Route::ListProducts, 0.22),
        (Route::GetProduct, 0.385),
    ] {
        let share = share(&plan, |planned| planned.action.route() == route);
        assert!((share - expected).abs() < 0.01, "{route}: {share}");
    }
    let carts: Vec<usize> = plan
        .iter()
        .filter_map(|planned| match &planned.action {
            Action::PutCart { lines, .. } => Some(lines.len()),
            _ => None,
        })
        .collect();
    let mean = carts.iter().sum::<usize>() as f64 / carts.len() as f64;
    assert!((2.6..3.4).contains(&mean), "{mean} lines");
}

#[test]
fn the_mix_is_reached_within_seconds() {
    let plan = take(&at(500.0), 5, 30.0);
    for second in 5..30 {
        let window: Vec<PlannedRequest> = plan
            .iter()
            .filter(|planned| planned.at.as_secs() == second)
            .cloned()
            .collect();
        let orders = share(&window, |planned| {
            planned.action.route() == Route::PlaceOrder
        });
        assert!((0.05..0.16).contains(&orders), "second {second}: {orders}");
    }
}

#[test]
fn weights_determine_which_journeys_start() {
    let mix = Mix {
        search: 3.0,
        ..Mix::only(Journey::Product)
    };
    let plan = take(
        &Load {
            mix,
            rate: 1_000.0,
            ..Load::default()
        },
        5,
        20.0,
    );
    let searches = share(&plan, |planned| {
        planned.action.route() == Route::ListProducts
    });
    // Three searches, of two requests each, for every product request.
    assert!((searches - 3.0 / 7.0).abs() < 0.02, "{searches}");
}

#[test]
fn products_follow_their_popularity_and_carts_have_a_tail() {
    let plan = take(&at(2_000.0), 5, 60.0);
    let looked_at: Vec<u32> = plan
        .iter()
        .filter_map(|planned| match &planned.action {
            Action::Product { sku } => Some(sku.number()),
            _ => None,
        })
        .filter(|&number| number <= 200_000)
        .collect();
    let first =
        looked_at.iter().filter(|&&number| number == 1).count() as f64 / looked_at.len() as f64;
    assert!((first - 1.0 / 12.8).abs() < 0.01, "{first}");

    let in_carts: Vec<u32> = plan
        .iter()
        .filter_map(|planned| match &planned.action {
            Action::PutCart { lines, .. } => Some(lines),
            _ => None,
        })
        .flatten()
        .map(|line| line.sku.number())
        .collect();
    let share = |numbers: &[u32]| {
        numbers.iter().filter(|&&number| number > 50_000).count() as f64 / numbers.len() as f64
    };
    assert!(share(&in_carts) > share(&looked_at) + 0.1);
}

#[test]
fn the_shop_accepts_every_cart() {
    for load in [
        Load::default(),
        Load {
            products: 2,
            cart_lines: 10.0,
            popularity: 0.0,
            ..Load::default()
        },
    ] {
        for planned in take(&load, 5, 20.0) {
            if let Action::PutCart { cart, lines } = planned.action {
                assert_eq!(shop_api::cart::problem(&cart, &lines), None);
                assert!(!lines.is_empty());
            }
        }
    }
}

#[test]
fn clients_are_bounded_and_carts_and_keys_are_not_shared() {
    let plan = take(
        &Load {
            clients: 7,
            ..Load::default()
        },
        5,
        60.0,
    );
    let clients: HashSet<u32> = plan.iter().map(|planned| planned.client).collect();
    assert_eq!(clients.len(), 7);
    let keys: Vec<&String> = plan
        .iter()
        .filter_map(|planned| match &planned.action {
            Action::PlaceOrder { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
}

#[test]
fn a_partner_places_its_share_of_the_orders_and_changes_no_other_journey() {
    let load = at(100.0);
    let partner = Partner {
        client: "marketplace".to_owned(),
        share: 0.4,
        headers: BTreeMap::from([("prefer".to_owned(), "wait=3".to_owned())]),
    };
    let mut plan = Plan::new(&load, 5);
    plan.change(
        Duration::ZERO,
        Traffic {
            rate: None,
            partner: Some(partner.clone()),
        },
    );
    let all: Vec<PlannedRequest> = std::iter::from_fn(|| plan.take()).take(30_000).collect();
    let host = http::HeaderValue::from_static("shop");
    let (mut orders, mut own) = (0.0, 0.0);
    for planned in &all {
        let is_order = planned.action.route() == Route::PlaceOrder;
        let request = planned.action.request(
            planned.client,
            planned.partner.as_deref(),
            &host,
            Some("o-1"),
        );
        let request = request.expect("valid");
        let is_its_own = request.headers()[shop_api::header::CLIENT_ID] == *partner.client;
        let asks = request.headers().get("prefer").is_some();
        assert_eq!(asks, is_its_own && is_order, "{planned:?}");
        if is_order {
            orders += 1.0;
            own += f64::from(u8::from(is_its_own));
        }
    }
    assert!((own / orders - 0.4).abs() < 0.05, "{own} of {orders}");
    plan.change(Duration::from_secs(600), Traffic::default());
    let later = std::iter::from_fn(|| plan.take()).skip(2_000).take(2_000);
    assert!(later.into_iter().all(|planned| planned.partner.is_none()));
}
