//! The provider's process and routes.

use std::{
    fmt,
    io::{self, BufRead, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header as http_header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use shop_api::{header, path, payment::Charge};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{Ledger, Quota, Settings, desk::Desk};

/// The provider's configuration, the first line of standard input. Keys that only the shop's services know are ignored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// Name of the process in its ready line.
    #[serde(default = "default_instance")]
    pub instance: String,
    /// Listener; port 0 takes a free one.
    #[serde(default)]
    pub listen: Listen,
    /// Settings of the provider.
    #[serde(default)]
    pub settings: Settings,
}

/// Where the listener comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// Socket passed by the runner, by systemd's convention.
    Inherited,
    /// Address to bind.
    Addr(SocketAddr),
}

/// Why the provider failed to start.
#[derive(Debug)]
pub enum Error {
    /// The configuration is missing or invalid.
    Config(String),
    /// The listener failed, or standard output is closed.
    Io(io::Error),
}

impl Default for Listen {
    fn default() -> Self {
        Self::Addr(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) => write!(f, "invalid configuration on standard input: {text}"),
            Self::Io(error) => write!(f, "failed to start the payment provider: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the configuration and serves until standard input ends, which exits the process.
pub fn run() -> Result<(), Error> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let config: Config =
        serde_json::from_str(&line).map_err(|error| Error::Config(error.to_string()))?;
    // A separate thread, because it must notice the end even when the runtime is busy.
    thread::Builder::new().name("stdin".to_owned()).spawn(|| {
        // The result does not matter: after an error, too, the runner is gone.
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        std::process::exit(0);
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = bind(config.listen).await?;
        let mut terminations = signal(SignalKind::terminate())?;
        let addr = listener.local_addr()?;
        announce(&config.instance, addr)?;
        let server = ingress::Server {
            // Of the shop's calls, as many as its pools make.
            most: usize::MAX,
            ..ingress::Server::new(ingress::guard(router(config.settings), addr))
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(listener, stop.clone()));
        terminations.recv().await;
        stop.cancel();
        // Requests still in flight then are cut off, as by the end of any process.
        let _ = serving.await;
        Ok(())
    })
}

async fn bind(listen: Listen) -> io::Result<TcpListener> {
    match listen {
        Listen::Addr(addr) => TcpListener::bind(addr).await,
        Listen::Inherited => {
            let passed = listenfd::ListenFd::from_env().take_tcp_listener(0)?;
            let listener = passed.ok_or_else(|| io::Error::other("the runner passed no socket"))?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        }
    }
}

fn default_instance() -> String {
    "payment-1".to_owned()
}

fn announce(instance: &str, addr: SocketAddr) -> io::Result<()> {
    let line = serde_json::json!({ "ready": true, "service": "payment", "instance": instance, "listen": addr });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// The provider's router with a new ledger: two sites, of which the quota and the workers are those of the first.
pub fn router(settings: Settings) -> Router {
    let desk = (settings.workers > 0).then(|| Desk::new(settings.workers, settings.waiting));
    let quota = Quota::new(settings.quota_per_second, settings.quota_burst);
    let delays = [settings.answer_ms, settings.standby_ms].map(Duration::from_millis);
    let ledger = Arc::new(Ledger::new(settings));
    let first = Provider {
        quota,
        desk,
        delay: delays[0],
        ledger: Arc::clone(&ledger),
    };
    let standby = Provider {
        quota: Quota::new(0.0, 0.0),
        desk: None,
        delay: delays[1],
        ledger,
    };
    let site = |path: &str, provider: Provider| {
        let router = Router::new().route(path, post(charge));
        router.with_state(Arc::new(provider))
    };
    Router::new()
        .route(path::HEALTH, get(async || "ok"))
        .merge(site(path::PAYMENTS, first))
        .merge(site(path::STANDBY_PAYMENTS, standby))
}

#[derive(Debug)]
struct Provider {
    quota: Quota,
    /// Where charges wait for a worker, if the number of workers is limited.
    desk: Option<Desk>,
    /// Time to handle a charge.
    delay: Duration,
    ledger: Arc<Ledger>,
}

async fn charge(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Result<Json<Charge>, JsonRejection>,
) -> Response {
    if !provider.quota.take() {
        let retry_after = [(http_header::RETRY_AFTER, "1")];
        return (
            StatusCode::TOO_MANY_REQUESTS,
            retry_after,
            "too many requests",
        )
            .into_response();
    }
    let Some(desk) = &provider.desk else {
        return settle(&provider, &headers, body).await;
    };
    let Some(position) = desk.enqueue() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "try again later").into_response();
    };
    // A queued charge is handled even if the caller disconnects.
    let work = tokio::spawn(async move {
        let _worker = position.worker().await;
        settle(&provider, &headers, body).await
    });
    work.await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn settle(
    provider: &Provider,
    headers: &HeaderMap,
    body: Result<Json<Charge>, JsonRejection>,
) -> Response {
    if !provider.delay.is_zero() {
        tokio::time::sleep(provider.delay).await;
    }
    let Some(key) = headers
        .get(header::IDEMPOTENCY_KEY)
        .and_then(|key| key.to_str().ok())
    else {
        return (
            StatusCode::BAD_REQUEST,
            "the `Idempotency-Key` header is missing",
        )
            .into_response();
    };
    match body {
        Err(rejection) => rejection.into_response(),
        Ok(Json(charge)) => match provider.ledger.charge(key, charge.amount) {
            Some(receipt) => Json(receipt).into_response(),
            None => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "the idempotency key was used for a different amount",
            )
                .into_response(),
        },
    }
}
