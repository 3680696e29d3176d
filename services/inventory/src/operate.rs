//! What operators can do to a running inventory.

use std::sync::Arc;

use chassis::{
    App,
    control::{Done, Nothing},
};

use crate::State;

/// Offers them.
pub(crate) fn offer(app: App, state: &State) -> App {
    let views = Arc::clone(&state.views);
    app.control("flush", move |Nothing {}| {
        let count = views.clear();
        async move { Ok(Done { count }) }
    })
}
