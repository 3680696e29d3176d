//! The runner's control API: how a second terminal acts on the running drill.
//!
//! Loopback only, with the run's token and a loopback Host header, JSON in and out;
//! nothing changes on a GET. The shapes are in `api`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ingress::Server;
use stack::guard::{self, Bearer, Hosts};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{Action, Failure, SubmitRequest};
use crate::drill::Drill;
use crate::{grade, status};

/// A write-up may be refused for its size by the grader, in words; this only bounds the memory.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Serves the API until the task is dropped; returns where it listens.
pub(crate) async fn serve(
    drill: Arc<Drill>,
) -> anyhow::Result<(SocketAddr, impl Future<Output = ()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("port of the control API")?;
    let addr = listener.local_addr().context("port of the control API")?;
    let router = router(drill, addr);
    Ok((addr, async move {
        // It ends with the runner.
        let _ = Server::new(router)
            .run(listener, CancellationToken::new())
            .await;
    }))
}

fn router(drill: Arc<Drill>, addr: SocketAddr) -> Router {
    let hosts = Hosts::loopback(addr.port());
    let bearer = Bearer::new(&drill.scribe.token());
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/actions", post(act))
        .route("/v1/submit", post(submit).get(grading))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(bearer, guard::with_token))
        .layer(from_fn_with_state(hosts, guard::own_host))
        .with_state(drill)
}

async fn status(State(drill): State<Arc<Drill>>) -> Response {
    Json(status::status(&drill).await).into_response()
}

async fn act(State(drill): State<Arc<Drill>>, Json(request): Json<Action>) -> Response {
    // The work goes on even if the terminal that asked for it is closed.
    let acting = tokio::spawn(async move { drill.act(request).await });
    answer(
        acting
            .await
            .map_err(anyhow::Error::from)
            .and_then(|done| done),
    )
}

async fn submit(State(drill): State<Arc<Drill>>, Json(request): Json<SubmitRequest>) -> Response {
    let grading = tokio::spawn(async move { grade::submit(&drill, &request).await });
    answer(
        grading
            .await
            .map_err(anyhow::Error::from)
            .and_then(|done| done),
    )
}

/// How far the grade is; empty before one.
async fn grading(State(drill): State<Arc<Drill>>) -> Response {
    Json(drill.progress.steps()).into_response()
}

fn answer<T: serde::Serialize>(done: anyhow::Result<T>) -> Response {
    match done {
        Ok(value) => Json(value).into_response(),
        Err(error) => match error.downcast::<Failure>() {
            Ok(failure) => (StatusCode::UNPROCESSABLE_ENTITY, Json(failure)).into_response(),
            Err(error) => {
                let log = match error.downcast_ref::<stack::Error>() {
                    Some(stack::Error::Start { log, .. }) => log.clone(),
                    _ => Vec::new(),
                };
                let failure = Failure {
                    message: format!("{error:#}"),
                    problems: log,
                    hint: None,
                };
                (StatusCode::INTERNAL_SERVER_ERROR, Json(failure)).into_response()
            }
        },
    }
}
