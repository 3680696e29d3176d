//! Checkout's routes; who may call them is the network's business, they are not public.

mod cart;
mod order;

use axum::{
    Router,
    routing::{get, post},
};
use shop_api::path;

use crate::State;

/// All routes over one state.
pub fn router(state: State) -> Router {
    Router::new()
        .route(path::internal::CART, get(cart::get).put(cart::put))
        .route(path::internal::ORDERS, post(order::place))
        .route(path::internal::ORDER, get(order::get))
        .with_state(state)
}
