//! Carts: replace, read.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use chassis::Problem;
use shop_api::cart::{self, Cart, Line, Replace};

use crate::{Checkout, placement, settings::CartLifetime, store};

/// Lines from which on a cart is a large one.
const LARGE: usize = 2;
/// How much longer a large cart is kept, in milliseconds: a day.
const LONGER_MS: i64 = 24 * 3_600 * 1_000;

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
    let changed_ms = changed_ms(checkout.settings.cart_lifetime, &lines, (checkout.clock)());
    let cart = Cart { cart: name, lines };
    let stored = cart.clone();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        store::cart::put(transaction, &stored.cart, &stored.lines, changed_ms)
    };
    checkout.pool.write(&store::cart::PUT, work).await?;
    Ok(Json(cart))
}

/// When a cart counts as changed; from then on it is kept for its time.
pub(crate) fn changed_ms(lifetime: CartLifetime, lines: &[Line], now_ms: i64) -> i64 {
    match lifetime {
        CartLifetime::Same => now_ms,
        // Counted as changed later, it expires as much later.
        CartLifetime::BySize if lines.len() >= LARGE => now_ms.saturating_add(LONGER_MS),
        CartLifetime::BySize => now_ms,
    }
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
