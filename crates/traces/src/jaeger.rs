//! Jaeger's HTTP query APIs over the store: the stable `/api/v3` and the older `/api` that its UI calls.
//!
//! Shapes and error texts follow Jaeger 2. Two deliberate differences: errors are labelled as JSON, and a search
//! without a time range is allowed on `/api`.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tokio::sync::Semaphore;

mod legacy;
mod param;
mod pretty;
#[cfg(test)]
mod tests;
mod v3;
mod view;
mod warning;

use super::store::Store;

/// Most traces in one answer, whatever limit was asked for.
const MOST_TRACES: usize = 2_000;
/// Bytes of an answer beyond which no further trace is added.
const MOST_BYTES: usize = 64 << 20;
/// Searches that run at once; each may unpack a few megabytes.
const SEARCHES: usize = 2;

/// What the handlers share.
#[derive(Debug, Clone)]
struct Api {
    store: Arc<Store>,
    searches: Arc<Semaphore>,
}

/// The routes of both APIs. Everything else below `/api` is answered with 404.
pub fn router(store: Arc<Store>) -> Router {
    let api = Api {
        store,
        searches: Arc::new(Semaphore::new(SEARCHES)),
    };
    Router::new()
        .merge(v3::routes())
        .merge(legacy::routes())
        .route("/api", axum::routing::any(unknown))
        .route("/api/{*rest}", axum::routing::any(unknown))
        .layer(axum::middleware::from_fn(pretty::print))
        .with_state(api)
}

async fn unknown(request: Request) -> Response {
    let message = format!("there is no `{}` here", request.uri().path());
    legacy::refuse(StatusCode::NOT_FOUND, &message)
}

impl Api {
    /// Runs `work` on a thread that may block, and makes its bytes an answer.
    async fn answer(&self, work: impl FnOnce(&Store) -> Answer + Send + 'static) -> Answer {
        let failed = |what: &str| (StatusCode::INTERNAL_SERVER_ERROR, what.to_owned());
        let permit = self.searches.clone().acquire_owned().await;
        let permit = permit.map_err(|_| failed("the store is closed"))?;
        let store = self.store.clone();
        let result = tokio::task::spawn_blocking(move || {
            let answer = work(&store);
            drop(permit);
            answer
        });
        result
            .await
            .unwrap_or_else(|_| Err(failed("the search failed")))
    }
}

/// JSON text, or a status and a message that the API puts into its own error format.
type Answer = Result<Vec<u8>, (StatusCode, String)>;

fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.into(),
    )
        .into_response()
}

/// Says whether another trace may be added to an answer.
fn room_for_more(out: &[u8]) -> ControlFlow<()> {
    if out.len() < MOST_BYTES {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// What is said of an answer that has room for no more.
fn cut_text(count: usize) -> String {
    format!("only the newest {count} traces are shown; there may be more: narrow the search")
}

/// Appends a value that cannot fail to serialise.
fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    serde_json::to_writer(out, value)
        .expect("writing to memory does not fail, and all keys are strings");
}
