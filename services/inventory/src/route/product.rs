//! Products: list, read, change the price.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use chassis::Problem;
use http::StatusCode;
use shop_api::{
    Money, Sku,
    product::{Listing, Page, PriceChange, Product},
    sku::ParseSkuError,
};

use crate::{
    Inventory, product_cache,
    store::{price, product},
};

/// A page of the catalogue or of a search.
pub(super) async fn list(
    State(inventory): State<Inventory>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(listing) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(detail) = listing.problem() {
        return Err(Problem::invalid(detail));
    }
    let Listing { query, page, limit } = listing;
    let skip = (page - 1) * limit;
    // One more than requested shows whether there is a next page.
    let wanted = limit + 1;
    let mut products = match product::expression(&query) {
        Some(matching) => {
            let work = move |connection: &rusqlite::Connection| {
                product::search(connection, &matching, skip, wanted)
            };
            inventory.pool.read(&product::SEARCH, work).await?
        }
        None => {
            inventory
                .pool
                .read(&product::LIST, move |connection| {
                    product::list(connection, skip, wanted)
                })
                .await?
        }
    };
    let has_more = products.len() > limit as usize;
    products.truncate(limit as usize);
    Ok(Json(Page {
        products,
        page,
        limit,
        has_more,
    }))
}

/// One product with its current price.
pub(super) async fn one(
    State(inventory): State<Inventory>,
    Path(sku): Path<String>,
) -> Result<Json<Product>, Problem> {
    product_cache::get(&inventory, parse(&sku)?).await.map(Json)
}

/// Sets a new price, and invalidates the product in this process's cache before the response.
pub(super) async fn change_price(
    State(inventory): State<Inventory>,
    Path(sku): Path<String>,
    body: Result<Json<PriceChange>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let sku = parse(&sku)?;
    let Json(change) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if change.price.amount_minor <= 0 {
        return Err(Problem::invalid("a price must be above zero"));
    }
    let now_ms = (inventory.clock)();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        let Money {
            amount_minor,
            currency,
        } = change.price;
        price::insert(transaction, sku, amount_minor, currency.code(), now_ms)
    };
    if !inventory.pool.write(&price::INSERT, work).await? {
        return Err(product_cache::not_found(sku));
    }
    inventory.product_cache.invalidate(sku);
    Ok(StatusCode::NO_CONTENT)
}

fn parse(sku: &str) -> Result<Sku, Problem> {
    sku.parse()
        .map_err(|error: ParseSkuError| Problem::invalid(error.to_string()))
}
