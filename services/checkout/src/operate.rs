//! Controls of checkout: skip the message that blocks the outbox, replay dead letters, take orders over from elsewhere.

use chassis::{
    App, Problem,
    control::{Count, NoArguments},
    db::Statement,
};
use tracing::{info, warn};

use crate::{
    Checkout,
    import::{self, Import},
    store::outbox,
};

/// The error stored with a skipped message.
const SKIPPED: &str = "skipped by an operator";

const SKIP: Statement = Statement::transaction("TRANSACTION skip");

const REPLAY: Statement = Statement::transaction("TRANSACTION replay");

/// Adds the controls to the service.
pub(crate) fn add_controls(app: App, checkout: &Checkout) -> App {
    let [skipping, replaying, importing] = [(); 3].map(|()| checkout.clone());
    app.control("outbox-skip", move |NoArguments {}| skip(skipping.clone()))
        .control("outbox-replay", move |NoArguments {}| {
            replay(replaying.clone())
        })
        .control("outbox-import", move |orders: Import| {
            import::import(importing.clone(), orders)
        })
}

async fn skip(checkout: Checkout) -> Result<Count, Problem> {
    let now_ms = (checkout.clock)();
    let head = checkout
        .pool
        .write(&SKIP, move |transaction| {
            outbox::skip(transaction, now_ms, SKIPPED)
        })
        .await?;
    let Some(message) = head else {
        return Ok(Count { count: 0 });
    };
    let (topic, order) = (message.topic, message.order);
    warn!(order.id = %order, deliveries = message.attempts, "skipped `{topic}` for order `{order}`, moved it to the dead letters");
    // The messages behind it need not wait for the next poll.
    checkout.outbox_changed.notify_one();
    Ok(Count { count: 1 })
}

async fn replay(checkout: Checkout) -> Result<Count, Problem> {
    let now_ms = (checkout.clock)();
    let count = checkout
        .pool
        .write(&REPLAY, move |transaction| {
            outbox::replay(transaction, now_ms)
        })
        .await?;
    info!("replayed {count} dead letters");
    checkout.outbox_changed.notify_one();
    Ok(Count { count })
}
