//! Controls of the gateway: empty the page cache, block clients.

use chassis::{
    App,
    control::{Count, NoArguments},
};
use serde::Deserialize;

use crate::{Gateway, blocked::Clients};

/// The new list of blocked clients; it replaces the old one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    clients: Clients,
}

/// Adds the controls to the service.
pub(crate) fn add_controls(app: App, gateway: &Gateway) -> App {
    let pages = gateway.pages.clone();
    let blocked = gateway.blocked.clone();
    app.control("flush", move |NoArguments {}| {
        let count = pages.clear();
        async move { Ok(Count { count }) }
    })
    .control("block", move |Block { clients }| {
        let count = clients.len();
        blocked.replace(clients);
        async move { Ok(Count { count }) }
    })
}
