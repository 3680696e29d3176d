//! The cart as an order reads it, and how long its read transaction stays open (see [`CartView`]).

use std::{collections::HashMap, sync::Arc};

use chassis::{
    Problem,
    db::{Error, ReadTransaction},
};
use parking_lot::Mutex;
use shop_api::{cart::Line, problem::code};

use crate::{CartView, Checkout, store::cart};

/// Read transactions that outlive their order, by cart.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenCarts(Arc<Mutex<HashMap<String, ReadTransaction>>>);

/// The read transaction of an order's cart, if it is still open.
pub(crate) type CartTransaction = Option<ReadTransaction>;

/// The lines of a cart; `None` if the cart does not exist.
pub(crate) async fn read(
    checkout: &Checkout,
    cart: &str,
) -> Result<(Option<Vec<Line>>, CartTransaction), Error> {
    let name = cart.to_owned();
    let get = move |connection: &rusqlite::Connection| cart::get(connection, &name);
    match checkout.settings.cart_view {
        CartView::Once => Ok((checkout.pool.read(&cart::GET, get).await?, None)),
        CartView::UntilPaid | CartView::UntilBought => {
            // The next attempt for a cart reuses the connection of the previous one.
            drop(checkout.open_carts.0.lock().remove(cart));
            let (lines, transaction) = checkout.pool.begin_read(&cart::GET, get).await?;
            Ok((lines, Some(transaction)))
        }
    }
}

/// Ends the read transaction of an order whose payment failed, or keeps it open for the next attempt.
pub(crate) fn payment_failed(
    checkout: &Checkout,
    cart: &str,
    transaction: CartTransaction,
    problem: &Problem,
) {
    let is_declined = problem.code() == code::PAYMENT_DECLINED;
    if let Some(transaction) = transaction
        && is_declined
        && checkout.settings.cart_view == CartView::UntilBought
    {
        let mut open = checkout.open_carts.0.lock();
        open.insert(cart.to_owned(), transaction);
    }
}
