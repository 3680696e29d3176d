//! Controls of the inventory: empty the product cache, take a price list over from elsewhere, take it back.

use std::sync::Arc;

use chassis::{
    App, Problem,
    control::{Count, NoArguments},
    db::Statement,
};
use serde::Deserialize;
use tracing::info;

use crate::{
    Inventory,
    store::price_list::{self, Listed},
};

const IMPORT: Statement = Statement::transaction("TRANSACTION import");

const REVERT: Statement = Statement::transaction("TRANSACTION revert");

/// A price list of another system.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceList {
    /// Where it comes from.
    source: String,
    prices: Vec<Listed>,
}

/// Adds the controls to the service.
pub(crate) fn add_controls(app: App, inventory: &Inventory) -> App {
    let cache = Arc::clone(&inventory.product_cache);
    let [importing, reverting] = [(); 2].map(|()| inventory.clone());
    app.control("flush", move |NoArguments {}| {
        let count = cache.clear();
        async move { Ok(Count { count }) }
    })
    .control("price-import", move |list: PriceList| {
        import(importing.clone(), list)
    })
    .control("price-revert", move |NoArguments {}| {
        revert(reverting.clone())
    })
}

/// All prices of the list or none. The caches learn of them as of any other price.
async fn import(inventory: Inventory, list: PriceList) -> Result<Count, Problem> {
    let now_ms = (inventory.clock)();
    let source = list.source.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        price_list::import(transaction, &list.source, &list.prices, now_ms)
    };
    let count = inventory.pool.write(&IMPORT, work).await?;
    // Of two replicas, one imports it.
    if count > 0 {
        info!(prices = count, "imported {count} prices from {source}");
    }
    Ok(Count { count })
}

async fn revert(inventory: Inventory) -> Result<Count, Problem> {
    let now_ms = (inventory.clock)();
    let work =
        move |transaction: &rusqlite::Transaction<'_>| price_list::revert(transaction, now_ms);
    let reverted = inventory.pool.write(&REVERT, work).await?;
    let Some((source, count)) = reverted else {
        return Ok(Count { count: 0 });
    };
    info!(
        prices = count,
        "restored {count} prices from before the import from {source}"
    );
    Ok(Count { count })
}
