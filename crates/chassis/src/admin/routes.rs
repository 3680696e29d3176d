//! What the admin port answers.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{State, guard};
use crate::{
    Problem, allocator,
    control::Done,
    profile::{self, Format},
};

/// Content type of a pprof file.
const OCTETS: &str = "application/octet-stream";

pub(super) fn router(state: Arc<State>) -> Router {
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

/// Who answers, so that a readiness check cannot be satisfied by another program.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    ready: bool,
    run: &'a str,
    service: &'a str,
    instance: &'a str,
    release: &'a str,
}

async fn ready(Extract(state): Extract<Arc<State>>) -> Response {
    let is_ready = state.is_ready.load(Ordering::Relaxed);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = Ready {
        ready: is_ready,
        run: &state.run,
        service: &state.service,
        instance: &state.instance,
        release: &state.release,
    };
    (status, Json(answer)).into_response()
}

async fn metrics(Extract(state): Extract<Arc<State>>, headers: HeaderMap) -> Response {
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
    // The dump takes a lock that async code must not wait for; a blocking thread may.
    let profile = tokio::task::spawn_blocking(allocator::heap_profile)
        .await
        .map_err(Problem::internal)?;
    match profile {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, OCTETS)], bytes).into_response()),
        Err(error) => Err(no_profile(&error)),
    }
}

/// Which CPU profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cpu {
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

async fn cpu(Query(wanted): Query<Cpu>) -> Result<Response, Problem> {
    let time = Duration::from_secs(wanted.seconds);
    if time.is_zero() || time > profile::LONGEST {
        let longest = profile::LONGEST.as_secs();
        return Err(Problem::invalid(format!(
            "`seconds` is 1 to {longest}, not {}",
            wanted.seconds
        )));
    }
    let kind = match wanted.format {
        Format::Pprof => OCTETS,
        Format::Folded => "text/plain; charset=utf-8",
    };
    match profile::cpu_profile(time, wanted.format).await {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response()),
        Err(error) => Err(no_profile(&error)),
    }
}

fn no_profile(error: &dyn std::error::Error) -> Problem {
    Problem::new(
        StatusCode::NOT_IMPLEMENTED,
        "no-profile",
        "No profile can be made",
    )
    .detail(error.to_string())
}

/// A change of the log level.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    level: String,
}

async fn log_level(Json(wanted): Json<Level>) -> Result<StatusCode, Problem> {
    telemetry::log::set_level(&wanted.level)
        .map_err(|error| Problem::invalid(error.to_string()))?;
    tracing::info!(log.level = wanted.level, "changed the log level");
    Ok(StatusCode::NO_CONTENT)
}

async fn drain(Extract(state): Extract<Arc<State>>) -> StatusCode {
    state.drain.cancel();
    StatusCode::ACCEPTED
}

/// Where other services are called from now on, by name. Here and not among the controls of the service, because a
/// service whose workers are all held is where replicas are added.
async fn upstreams(
    Extract(state): Extract<Arc<State>>,
    Json(wanted): Json<BTreeMap<String, Vec<SocketAddr>>>,
) -> Result<Json<Done>, Problem> {
    let changed = state.client.set_addresses(&wanted).await;
    let count = changed.map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(Json(Done { count }))
}

/// What the service itself offers.
async fn control(
    Extract(state): Extract<Arc<State>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    state.controls.call(name, body).await.map(Json)
}
