//! The inventory's routes; who may call them is the network's business, they are not public.

mod product;
mod reservation;

use axum::{
    Router,
    routing::{delete, get, post, put},
};
use shop_api::path;

use crate::State;

/// All routes over one state.
pub fn router(state: State) -> Router {
    Router::new()
        .route(path::internal::PRODUCTS, get(product::list))
        .route(path::internal::PRODUCT, get(product::one))
        .route(path::internal::PRICE, put(product::change_price))
        .route(path::internal::RESERVATIONS, post(reservation::reserve))
        .route(path::internal::RESERVATION, delete(reservation::release))
        .route(path::internal::ORDERS_PLACED, post(reservation::place))
        .with_state(state)
}
