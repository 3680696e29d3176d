//! Products: a page, one, a new price.

use axum::{
    Json,
    extract::{
        Path, Query, State as Extract,
        rejection::{JsonRejection, QueryRejection},
    },
};
use chassis::Problem;
use http::StatusCode;
use shop_api::{
    Sku,
    product::{Listing, Page, PriceChange, Product},
    sku::NotASku,
};

use crate::{
    State,
    store::{price, product},
    view,
};

/// A page of the catalogue or of a search.
pub(super) async fn list(
    Extract(state): Extract<State>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(listing) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(detail) = listing.problem() {
        return Err(Problem::invalid(detail));
    }
    let Listing { query, page, limit } = listing;
    let skip = (page - 1) * limit;
    // One more than asked for tells whether there is a next page.
    let wanted = limit + 1;
    let mut products = match product::expression(&query) {
        Some(matching) => {
            let work = move |connection: &rusqlite::Connection| {
                product::search(connection, &matching, skip, wanted)
            };
            state.pool.read(&product::SEARCH, work).await?
        }
        None => {
            state
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
    Extract(state): Extract<State>,
    Path(sku): Path<String>,
) -> Result<Json<Product>, Problem> {
    view::get(&state, parse(&sku)?).await.map(Json)
}

/// A price that holds from now on; this process's cache forgets the old one before the answer is made.
pub(super) async fn change_price(
    Extract(state): Extract<State>,
    Path(sku): Path<String>,
    body: Result<Json<PriceChange>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let sku = parse(&sku)?;
    let Json(change) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if change.price.amount_minor <= 0 {
        return Err(Problem::invalid("a price is above zero"));
    }
    let now_ms = (state.clock)();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        price::insert(transaction, sku, change.price, now_ms)
    };
    if !state.pool.write(&price::INSERT, work).await? {
        return Err(view::unknown(sku));
    }
    state.views.invalidate(sku);
    Ok(StatusCode::NO_CONTENT)
}

fn parse(sku: &str) -> Result<Sku, Problem> {
    sku.parse()
        .map_err(|error: NotASku| Problem::invalid(error.to_string()))
}
