//! What operators can do to a running inventory.

use std::sync::Arc;

use chassis::App;
use serde::{Deserialize, Serialize};

use crate::State;

/// Nothing to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// How many views were dropped.
#[derive(Debug, Serialize)]
struct Done {
    count: usize,
}

/// Offers them.
pub(crate) fn offer(app: App, state: &State) -> App {
    let views = Arc::clone(&state.views);
    app.control("flush", move |Nothing {}| {
        let count = views.clear();
        async move { Ok(Done { count }) }
    })
}
