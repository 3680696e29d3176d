//! Carts: replace, read.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use chassis::Problem;
use shop_api::cart::{self, Cart, Replace};

use crate::{Checkout, placement, store};

/// Creates or replaces a cart.
pub(super) async fn put(
    State(checkout): State<Checkout>,
    Path(name): Path<String>,
    body: Result<Json<Replace>, JsonRejection>,
) -> Result<Json<Cart>, Problem> {
    let Json(Replace { lines }) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(detail) = cart::problem(&name, &lines) {
        return Err(Problem::invalid(detail));
    }
    let now_ms = (checkout.clock)();
    let cart = Cart { cart: name, lines };
    let stored = cart.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        store::cart::put(transaction, &stored.cart, &stored.lines, now_ms)
    };
    checkout.pool.write(&store::cart::PUT, work).await?;
    Ok(Json(cart))
}

/// Reads a cart.
pub(super) async fn get(
    State(checkout): State<Checkout>,
    Path(name): Path<String>,
) -> Result<Json<Cart>, Problem> {
    let key = name.clone();
    let work = move |connection: &rusqlite::Connection| store::cart::get(connection, &key);
    match checkout.pool.read(&store::cart::GET, work).await? {
        Some(lines) => Ok(Json(Cart { cart: name, lines })),
        None => Err(placement::cart_not_found(&name)),
    }
}
