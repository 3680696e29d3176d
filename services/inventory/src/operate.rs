//! Control of the inventory: empty the product cache.

use std::sync::Arc;

use chassis::{
    App,
    control::{Count, NoArguments},
};

use crate::Inventory;

/// Adds the control to the service.
pub(crate) fn add_controls(app: App, inventory: &Inventory) -> App {
    let cache = Arc::clone(&inventory.product_cache);
    app.control("flush", move |NoArguments {}| {
        let count = cache.clear();
        async move { Ok(Count { count }) }
    })
}
