//! The inventory's routes. They are internal: the network controls access to them.

mod product;
mod reservation;

use axum::{
    Router,
    routing::{delete, get, post, put},
};
use shop_api::path;

use crate::Inventory;

/// The router of the inventory.
pub fn router(inventory: Inventory) -> Router {
    Router::new()
        .route(path::internal::PRODUCTS, get(product::list))
        .route(path::internal::PRODUCT, get(product::one))
        .route(path::internal::PRICE, put(product::change_price))
        .route(path::internal::RESERVATIONS, post(reservation::reserve))
        .route(path::internal::RESERVATION, delete(reservation::release))
        .route(path::internal::ORDERS_PLACED, post(reservation::ship))
        .with_state(inventory)
}
