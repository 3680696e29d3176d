//! Checkout's routes. They are internal: the network controls access to them.

pub(crate) mod cart;
mod order;

use axum::{
    Router,
    routing::{get, post},
};
use shop_api::path;

use crate::Checkout;

/// The router of checkout.
pub fn router(checkout: Checkout) -> Router {
    Router::new()
        .route(path::internal::CART, get(cart::get).put(cart::put))
        .route(path::internal::ORDERS, post(order::place))
        .route(path::internal::ORDER, get(order::get))
        .with_state(checkout)
}
