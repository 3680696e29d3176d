//! Carts: replace, read.

use axum::{
    Json,
    extract::{Path, State as Extract, rejection::JsonRejection},
};
use chassis::Problem;
use shop_api::cart::{self, Cart, Replace};

use crate::{State, place, store};

/// Creates or replaces a cart.
pub(super) async fn put(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    body: Result<Json<Replace>, JsonRejection>,
) -> Result<Json<Cart>, Problem> {
    let Json(Replace { lines }) = body.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(detail) = cart::problem(&name, &lines) {
        return Err(Problem::invalid(detail));
    }
    let now_ms = (state.clock)();
    let cart = Cart { cart: name, lines };
    let stored = cart.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        store::cart::put(transaction, &stored.cart, &stored.lines, now_ms)
    };
    state.pool.write(&store::cart::PUT, work).await?;
    Ok(Json(cart))
}

/// Reads a cart.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
) -> Result<Json<Cart>, Problem> {
    let wanted = name.clone();
    let work = move |connection: &rusqlite::Connection| store::cart::get(connection, &wanted);
    match state.pool.read(&store::cart::GET, work).await? {
        Some(lines) => Ok(Json(Cart { cart: name, lines })),
        None => Err(place::no_cart(&name)),
    }
}
