//! Products through the cache.

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
    Inventory,
    cache::Lookup,
    store::{price, product},
};

/// The cache's name in metrics.
pub(crate) const CACHE: &str = "product";

/// A product from the cache or, after a miss, from the database.
pub(crate) async fn get(inventory: &Inventory, sku: Sku) -> Result<Product, Problem> {
    if let Lookup::Hit(product, age) = inventory.product_cache.get(sku) {
        match inventory.settings.cache.refresh_after_ms {
            Some(limit_ms) if age.as_millis() >= u128::from(limit_ms) => {
                let limit_s = limit_ms / 1_000;
                warn!(product.sku = %sku, age_ms = age.as_millis() as u64, "price for `{sku}` was older than {limit_s}s, refetched");
            }
            _ => {
                count("hit");
                return Ok(product);
            }
        }
    }
    count("miss");
    inventory
        .product_cache
        .load(sku, || load(inventory, sku))
        .await
}

/// Reads a product from the database.
async fn load(inventory: &Inventory, sku: Sku) -> Result<Product, Problem> {
    let found = inventory
        .pool
        .read(&product::ONE, move |connection| {
            product::one(connection, sku)
        })
        .await?;
    let Some((summary, in_stock)) = found else {
        return Err(not_found(sku));
    };
    let now_ms = (inventory.clock)();
    let price = inventory
        .pool
        .read(&price::CURRENT, move |connection| {
            price::current(connection, sku, now_ms)
        })
        .await?;
    Ok(product(summary, in_stock, price))
}

/// Loads the most popular products into the cache, with two statements for all of them.
pub(crate) async fn preload(inventory: &Inventory) -> Result<(), db::Error> {
    let count = inventory.settings.cache.preload;
    let Some(last) = Sku::new(count) else {
        return Ok(());
    };
    let now_ms = (inventory.clock)();
    let products = inventory
        .pool
        .read(&product::FIRST, move |connection| {
            product::first(connection, count)
        })
        .await?;
    let prices = inventory
        .pool
        .read(&price::FIRST, move |connection| {
            price::first(connection, last, now_ms)
        })
        .await?;
    for (summary, in_stock) in products {
        let (sku, price) = (summary.sku, prices.get(&summary.sku).copied());
        let product = product(summary, in_stock, price);
        inventory.product_cache.put(sku, product);
    }
    Ok(())
}

fn product(summary: Summary, in_stock: bool, price: Option<Money>) -> Product {
    let Summary {
        sku,
        name,
        category,
        description,
        list_price,
    } = summary;
    // A product without a price is sold at its list price.
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

/// The problem of a product that does not exist.
pub(crate) fn not_found(sku: Sku) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        code::PRODUCT_NOT_FOUND,
        "Product not found",
    )
    .detail(format!("product `{sku}` does not exist"))
}

fn count(result: &'static str) {
    counter!(metric::CACHE_REQUESTS, label::CACHE => CACHE, label::RESULT => result).increment(1);
}
