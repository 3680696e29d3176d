//! What operators can do to a running gateway.

use chassis::{
    App,
    control::{Done, Nothing},
};
use serde::Deserialize;

use crate::{State, blocked::Clients};

/// The clients to turn away from now on; those of before are let in again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    clients: Clients,
}

/// Offers them.
pub(crate) fn offer(app: App, state: &State) -> App {
    let pages = state.pages.clone();
    let blocked = state.blocked.clone();
    app.control("flush", move |Nothing {}| {
        let count = pages.clear();
        async move { Ok(Done { count }) }
    })
    .control("block", move |Block { clients }| {
        let count = clients.len();
        blocked.replace(clients);
        async move { Ok(Done { count }) }
    })
}
