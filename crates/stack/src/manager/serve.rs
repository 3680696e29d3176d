//! The manager's two listeners: control for the runner, and the fixed admin port for everybody who reads metrics.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ingress::Server;
use serde_json::json;
use shop_api::Service;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::host::{Denied, Host};
use super::{
    Hello, LeaseRequest, NEWS_WITHIN, NewsRequest, OfRun, Refusal, StartRequest, StopRequest,
    build, forward,
};
use crate::error::Error;
use crate::guard::{self, Bearer, Hosts, refuse};
use crate::token::Token;

/// Settings of a release are some kilobytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// How long processes may finish what they have in flight when the container is stopped;
/// less than the ten seconds after which an engine kills.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);

/// What a manager is told at its start.
#[derive(Debug)]
pub struct Options {
    /// The service whose processes it starts.
    pub service: Service,
    /// Where the runner finds it.
    pub bind: SocketAddr,
    /// Where the service's callers find it.
    pub public: SocketAddr,
    /// Where metrics and profiles of the newest process are.
    pub admin: SocketAddr,
    /// Names by which others reach it.
    pub hosts: Vec<String>,
    /// The folder for databases.
    pub data: PathBuf,
    /// What the runner must show.
    pub token: Token,
}

/// Binds everything, says where, and serves until it is told to end.
pub async fn run(options: Options, ready: impl FnOnce(&str)) -> anyhow::Result<()> {
    let mut terminations = signal(SignalKind::terminate()).context("termination signal")?;
    let mut interrupts = signal(SignalKind::interrupt()).context("interrupt signal")?;
    let public = bind(options.public, "the service")?;
    let control = bind(options.bind, "the manager's control")?;
    let admin = bind(options.admin, "the admin port")?;
    let at = |listener: &TcpListener| listener.local_addr().context("address of a socket");
    let (public_addr, control_addr, admin_addr) = (at(&public)?, at(&control)?, at(&admin)?);

    let host = Arc::new(Host::new(options.service, public, options.data));
    let hosts = |addr| Hosts::of(addr, &options.hosts, "--host");
    let bearer = Bearer::new(options.token.expose());
    let shared = Arc::new(Shared {
        host: Arc::clone(&host),
        public_port: public_addr.port(),
        admin_port: admin_addr.port(),
        build: build(),
    });
    let forward = forward::router(Arc::clone(&host), hosts(admin_addr))?;
    let (control, admin) = (listen(control)?, listen(admin)?);
    let line = json!({
        "ready": true, "service": options.service, "control": control_addr, "public": public_addr, "admin": admin_addr,
    });
    ready(&line.to_string());
    tokio::select! {
        _ = Server::new(router(shared, bearer, hosts(control_addr))).run(control, forever()) => {}
        _ = Server::new(forward).run(admin, forever()) => {}
        () = host.watch() => {}
        _ = terminations.recv() => {}
        _ = interrupts.recv() => {}
    }
    host.end(DRAIN_WITHIN).await;
    Ok(())
}

/// The listeners end with the process.
fn forever() -> CancellationToken {
    CancellationToken::new()
}

fn bind(addr: SocketAddr, purpose: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(addr).map_err(|error| Error::Start {
        message: format!("{purpose} cannot listen on {addr}: {error}"),
        log: Vec::new(),
        hint: None,
    })?;
    listener.set_nonblocking(true).context("a socket")?;
    Ok(listener)
}

fn listen(listener: TcpListener) -> anyhow::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(listener).context("a socket")
}

struct Shared {
    host: Arc<Host>,
    public_port: u16,
    admin_port: u16,
    build: Option<String>,
}

fn router(shared: Arc<Shared>, bearer: Bearer, hosts: Hosts) -> Router {
    let guarded = Router::new()
        .route("/v1/lease", post(lease))
        .route("/v1/release", post(release))
        .route("/v1/catalogue", post(catalogue))
        .route("/v1/start", post(start))
        .route("/v1/stop", post(stop))
        .route("/v1/news", post(news))
        .route_layer(from_fn_with_state(bearer, guard::with_token));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .merge(guarded)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(hosts, guard::own_host))
        .with_state(shared)
}

async fn lease(State(shared): State<Arc<Shared>>, Json(request): Json<LeaseRequest>) -> Response {
    let hello = || Hello {
        service: shared.host.service(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: shared.build.clone(),
        public_port: shared.public_port,
        admin_port: shared.admin_port,
        scratch: shared.host.scratch(&request.run),
    };
    answer(shared.host.lease(&request).map(|()| hello()))
}

async fn release(State(shared): State<Arc<Shared>>, Json(request): Json<OfRun>) -> Response {
    answer(shared.host.release(&request.run).await)
}

async fn catalogue(State(shared): State<Arc<Shared>>, Json(request): Json<OfRun>) -> Response {
    answer(shared.host.catalogue(&request.run).await)
}

async fn start(State(shared): State<Arc<Shared>>, Json(request): Json<StartRequest>) -> Response {
    answer(shared.host.start(request).await)
}

async fn stop(State(shared): State<Arc<Shared>>, Json(request): Json<StopRequest>) -> Response {
    let patience = Duration::from_millis(request.patience_ms);
    // It goes on also when the runner does not wait for it any more.
    let stopping =
        tokio::spawn(async move { shared.host.stop(&request.run, request.id, patience).await });
    match stopping.await {
        Ok(done) => answer(done),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn news(State(shared): State<Arc<Shared>>, Json(request): Json<NewsRequest>) -> Response {
    answer(shared.host.news(&request, NEWS_WITHIN).await)
}

fn answer<T: serde::Serialize>(done: Result<T, Denied>) -> Response {
    match done {
        Ok(value) => Json(value).into_response(),
        Err(Denied::NoLease) => refuse(
            StatusCode::GONE,
            "this manager does not serve the run (any more)",
        ),
        Err(Denied::Busy(run)) => refuse(StatusCode::CONFLICT, &format!("it serves run {run}")),
        Err(Denied::Invalid(message)) => refuse(StatusCode::BAD_REQUEST, &message),
        Err(Denied::Failed { message, log }) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(Refusal { message, log }),
        )
            .into_response(),
    }
}
