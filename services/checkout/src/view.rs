//! The cart as an order has read it, and for how long it stays so.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chassis::{
    Problem,
    db::{Error, Held},
};
use shop_api::{cart::Line, problem::code};

use crate::{CartView, State, store::cart};

/// Views that outlive their order, by cart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Views {
    kept: Arc<Mutex<HashMap<String, Held>>>,
}

/// What keeps a cart as it was read, if anything does.
pub(crate) type View = Option<Held>;

/// The lines of a cart, or nothing if there is no such cart.
pub(crate) async fn read(state: &State, name: &str) -> Result<(Option<Vec<Line>>, View), Error> {
    let wanted = name.to_owned();
    let get = move |connection: &rusqlite::Connection| cart::get(connection, &wanted);
    match state.settings.cart_view {
        CartView::Once => Ok((state.pool.read(&cart::GET, get).await?, None)),
        CartView::UntilPaid | CartView::UntilBought => {
            // Whoever tries again gets the connection that the first attempt has kept.
            drop(state.views.take(name));
            let (lines, held) = state.pool.hold(&cart::GET, get).await?;
            Ok((lines, Some(held)))
        }
    }
}

/// Ends the view of an order that was not bought, or keeps it for the next attempt.
pub(crate) fn refused(state: &State, name: &str, view: View, problem: &Problem) {
    let is_declined = problem.code() == code::PAYMENT_DECLINED;
    if let Some(held) = view
        && is_declined
        && state.settings.cart_view == CartView::UntilBought
    {
        state.views.keep(name, held);
    }
}

impl Views {
    fn keep(&self, name: &str, held: Held) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name.to_owned(), held);
    }

    fn take(&self, name: &str) -> View {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(name)
    }
}
