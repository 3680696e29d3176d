//! Requests that are still open when the process drains are reported, so that a short drain is noticed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use chassis::CancellationToken;
use http::{HeaderMap, Method, Uri};
use tracing::warn;

use crate::Gateway;

/// Requests of which a report waits for the drain; for more there is none, to keep the host safe.
const MOST: usize = 20_000;

/// The end of the process, and how many reports wait for it.
#[derive(Debug, Clone)]
pub(crate) struct DrainReport {
    drain: CancellationToken,
    waiting: Arc<AtomicUsize>,
}

/// What is reported of a request.
struct Opened {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl DrainReport {
    pub(crate) fn new(drain: CancellationToken) -> Self {
        Self {
            drain,
            waiting: Arc::default(),
        }
    }
}

/// Passes a request on, and reports it if there is no answer when the process ends.
pub(super) async fn report(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    let Some(DrainReport { drain, waiting }) = gateway.drain_report.clone() else {
        return next.run(request).await;
    };
    if waiting.fetch_add(1, Ordering::Relaxed) >= MOST {
        return next.run(request).await;
    }
    let opened = Opened {
        method: request.method().clone(),
        uri: request.uri().clone(),
        headers: request.headers().clone(),
    };
    let is_answered = Arc::new(AtomicBool::new(false));
    tokio::spawn(at_the_drain(drain, opened, Arc::clone(&is_answered)));
    let response = next.run(request).await;
    is_answered.store(true, Ordering::Relaxed);
    response
}

async fn at_the_drain(drain: CancellationToken, opened: Opened, is_answered: Arc<AtomicBool>) {
    drain.cancelled().await;
    if !is_answered.load(Ordering::Relaxed) {
        let Opened {
            method,
            uri,
            headers,
        } = opened;
        warn!(
            headers = headers.len(),
            "no answer to {method} {uri} at the drain"
        );
    }
}
