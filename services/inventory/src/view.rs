//! The view of one product, through the cache.

use chassis::telemetry::names::{label, metric};
use chassis::{Problem, db};
use http::StatusCode;
use metrics::counter;
use shop_api::{
    Money, Sku,
    problem::code,
    product::{Product, Summary},
};
use tracing::warn;

use crate::{
    State,
    cache::Found,
    store::{price, product},
};

/// The cache's name in metrics.
pub(crate) const CACHE: &str = "product";

/// A product as the cache has it, or as it is.
pub(crate) async fn get(state: &State, sku: Sku) -> Result<Product, Problem> {
    if let Found::Fresh(found, age) = state.views.get(sku) {
        match state.settings.cache.refresh_after_ms {
            Some(limit_ms) if age.as_millis() >= u128::from(limit_ms) => {
                let limit_s = limit_ms / 1_000;
                warn!(product.sku = %sku, age_ms = age.as_millis() as u64, "price for `{sku}` was older than {limit_s}s, refetched");
            }
            _ => {
                count("hit");
                return Ok(found);
            }
        }
    }
    count("miss");
    state.views.load(sku, || load(state, sku)).await
}

/// Reads a product from the database.
async fn load(state: &State, sku: Sku) -> Result<Product, Problem> {
    let found = state
        .pool
        .read(&product::ONE, move |connection| {
            product::one(connection, sku)
        })
        .await?;
    let Some((summary, in_stock)) = found else {
        return Err(unknown(sku));
    };
    let now_ms = (state.clock)();
    let price = state
        .pool
        .read(&price::CURRENT, move |connection| {
            price::current(connection, sku, now_ms)
        })
        .await?;
    Ok(view(summary, in_stock, price))
}

/// Reads the most popular products into the cache, in two statements for all of them.
pub(crate) async fn preload(state: &State) -> Result<(), db::Error> {
    let count = state.settings.cache.preload;
    let Some(last) = Sku::new(count) else {
        return Ok(());
    };
    let now_ms = (state.clock)();
    let products = state
        .pool
        .read(&product::FIRST, move |connection| {
            product::first(connection, count)
        })
        .await?;
    let prices = state
        .pool
        .read(&price::FIRST, move |connection| {
            price::first(connection, last, now_ms)
        })
        .await?;
    for (summary, in_stock) in products {
        let (sku, price) = (summary.sku, prices.get(&summary.sku).copied());
        state.views.put(sku, view(summary, in_stock, price));
    }
    Ok(())
}

fn view(summary: Summary, in_stock: bool, price: Option<Money>) -> Product {
    let Summary {
        sku,
        name,
        category,
        description,
        list_price,
    } = summary;
    // A product that never had a price of its own is sold at its list price.
    let price = price.unwrap_or(list_price);
    Product {
        sku,
        name,
        category,
        description,
        list_price,
        price,
        in_stock,
    }
}

/// The answer for a product that is not in the catalogue.
pub(crate) fn unknown(sku: Sku) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        code::PRODUCT_NOT_FOUND,
        "There is no such product",
    )
    .detail(format!("there is no product `{sku}`"))
}

fn count(result: &'static str) {
    counter!(metric::CACHE_REQUESTS, label::CACHE => CACHE, label::RESULT => result).increment(1);
}
