//! The routes of the admin port.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shop_api::problem::code;

use super::{AdminState, guard};
use crate::{
    Problem, allocator,
    control::Count,
    profile::{self, Format},
};

/// Content type of a pprof file.
const OCTET_STREAM: &str = "application/octet-stream";

pub(super) fn router(state: Arc<AdminState>) -> Router {
    let guarded = Router::new()
        .route("/debug/pprof/heap", get(heap))
        .route("/debug/pprof/profile", get(cpu))
        .route("/control/log-level", post(log_level))
        .route("/control/drain", post(drain))
        .route("/control/upstreams", post(upstreams))
        .route("/control/{name}", post(control))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            guard::token,
        ));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&state),
            guard::host,
        ))
        .with_state(state)
}

/// The identity of this process, so that another program cannot pass its readiness check.
#[derive(Debug, Serialize)]
struct Readiness<'a> {
    ready: bool,
    run: &'a str,
    service: &'a str,
    instance: &'a str,
    release: &'a str,
}

async fn ready(State(state): State<Arc<AdminState>>) -> Response {
    let is_ready = state.is_ready.load(Ordering::Relaxed);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let readiness = Readiness {
        ready: is_ready,
        run: &state.run,
        service: &state.service,
        instance: &state.instance,
        release: &state.release,
    };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(state): State<Arc<AdminState>>, headers: HeaderMap) -> Response {
    allocator::record();
    let accept: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let page = state.metrics.page(&accept.join(","));
    ([(header::CONTENT_TYPE, page.content_type)], page.text).into_response()
}

async fn heap() -> Result<Response, Problem> {
    // The dump waits for a lock, which async code must not do.
    let profile = tokio::task::spawn_blocking(allocator::heap_profile)
        .await
        .map_err(Problem::internal)?;
    match profile {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, OCTET_STREAM)], bytes).into_response()),
        Err(error) => Err(no_profile(&error)),
    }
}

/// Parameters of a CPU profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileQuery {
    #[serde(default = "ten")]
    seconds: u64,
    #[serde(default = "pprof")]
    format: Format,
}

fn ten() -> u64 {
    10
}

fn pprof() -> Format {
    Format::Pprof
}

async fn cpu(Query(query): Query<ProfileQuery>) -> Result<Response, Problem> {
    let time = Duration::from_secs(query.seconds);
    if time.is_zero() || time > profile::LONGEST {
        let longest = profile::LONGEST.as_secs();
        return Err(Problem::invalid(format!(
            "`seconds` must be from 1 to {longest}, not {}",
            query.seconds
        )));
    }
    let kind = match query.format {
        Format::Pprof => OCTET_STREAM,
        Format::Folded => "text/plain; charset=utf-8",
    };
    match profile::cpu_profile(time, query.format).await {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response()),
        Err(error) => Err(no_profile(&error)),
    }
}

fn no_profile(error: &dyn std::error::Error) -> Problem {
    Problem::new(
        StatusCode::NOT_IMPLEMENTED,
        code::PROFILE_UNAVAILABLE,
        "The profile is not available",
    )
    .detail(error.to_string())
}

/// A new log level.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogLevel {
    level: String,
}

async fn log_level(Json(wanted): Json<LogLevel>) -> Result<StatusCode, Problem> {
    telemetry::log::set_level(&wanted.level)
        .map_err(|error| Problem::invalid(error.to_string()))?;
    let level = wanted.level;
    tracing::info!(log.level = level, "changed the log level to `{level}`");
    Ok(StatusCode::NO_CONTENT)
}

async fn drain(State(state): State<Arc<AdminState>>) -> StatusCode {
    state.drain.cancel();
    StatusCode::ACCEPTED
}

/// Replaces the addresses of upstreams. A route here and not a control of the service, because replicas are also added
/// when all workers of the service are blocked.
async fn upstreams(
    State(state): State<Arc<AdminState>>,
    Json(wanted): Json<BTreeMap<String, Vec<SocketAddr>>>,
) -> Result<Json<Count>, Problem> {
    let changed = state.client.set_addresses(&wanted).await;
    let count = changed.map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(Json(Count { count }))
}

/// Runs a control of the service.
async fn control(
    State(state): State<Arc<AdminState>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    state.controls.call(name, body).await.map(Json)
}
