//! Takes orders over that were taken elsewhere, such as by phone: they are paid for and only need to be delivered.

use chassis::{Problem, control::Count, db::Statement};
use serde::Deserialize;
use tracing::info;

use crate::{
    Checkout,
    store::outbox::{self, NewMessage},
};

const IMPORT: Statement = Statement::transaction("TRANSACTION import");

/// The topic of every message that is taken over.
const TOPIC: &str = "order.placed";

/// Orders from one place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// Where they were taken.
    source: String,
    orders: Vec<TakenOrder>,
}

/// One order, with its message to the warehouse as the other system wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenOrder {
    order: String,
    message: String,
}

/// Stores the messages, all or none, in their order.
pub(crate) async fn import(checkout: Checkout, import: Import) -> Result<Count, Problem> {
    let now_ms = (checkout.clock)();
    let Import { source, orders } = import;
    let names: Vec<String> = orders.iter().map(|taken| taken.order.clone()).collect();
    let work = move |transaction: &rusqlite::Transaction<'_>| {
        for TakenOrder { order, message } in &orders {
            let message = NewMessage {
                topic: TOPIC,
                payload: message,
                order,
                traceparent: None,
                now_ms,
            };
            outbox::insert(transaction, message)?;
        }
        Ok(())
    };
    checkout.pool.write(&IMPORT, work).await?;
    for order in &names {
        info!(order.id = %order, "took over order `{order}` from {source}");
    }
    checkout.outbox_changed.notify_one();
    Ok(Count { count: names.len() })
}
