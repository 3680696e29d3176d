//! What operators can do to a running checkout: set the message aside that is stuck, and try dead letters again.

use chassis::{
    App, Problem,
    control::{Done, Nothing},
    db::Statement,
};
use tracing::{info, warn};

use crate::{State, store::outbox};

/// Why a message that an operator set aside is with the dead letters.
const SET_ASIDE: &str = "set aside by an operator";

const SKIP: Statement = Statement {
    summary: "TRANSACTION skip",
    text: "BEGIN IMMEDIATE",
};

const REPLAY: Statement = Statement {
    summary: "TRANSACTION replay",
    text: "BEGIN IMMEDIATE",
};

/// Offers them.
pub(crate) fn offer(app: App, state: &State) -> App {
    let (skipping, replaying) = (state.clone(), state.clone());
    app.control("outbox-skip", move |Nothing {}| skip(skipping.clone()))
        .control("outbox-replay", move |Nothing {}| replay(replaying.clone()))
}

async fn skip(state: State) -> Result<Done, Problem> {
    let now_ms = (state.clock)();
    let head = state
        .pool
        .write(&SKIP, move |transaction| {
            outbox::skip(transaction, now_ms, SET_ASIDE)
        })
        .await?;
    let Some(message) = head else {
        return Ok(Done { count: 0 });
    };
    let (topic, order) = (message.topic, message.order);
    warn!(order.id = %order, deliveries = message.attempts, "set `{topic}` for order `{order}` aside");
    // Those behind it need not wait for the next look.
    state.news.notify_one();
    Ok(Done { count: 1 })
}

async fn replay(state: State) -> Result<Done, Problem> {
    let now_ms = (state.clock)();
    let count = state
        .pool
        .write(&REPLAY, move |transaction| {
            outbox::revive(transaction, now_ms)
        })
        .await?;
    info!("put {count} dead letters back into the outbox");
    state.news.notify_one();
    Ok(Done { count })
}
