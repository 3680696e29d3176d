//! The provider as a process.

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

use crate::{Ledger, Quota, Settings, desk::Desk};

/// What the provider reads from its first line; keys that only our own services know are passed over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// The process's name in its ready line.
    #[serde(default = "default_instance")]
    pub instance: String,
    /// Where it listens; port 0 takes a free one.
    #[serde(default)]
    pub listen: Listen,
    /// How it decides.
    #[serde(default)]
    pub settings: Settings,
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// A socket that the runner bound and hands on, by systemd's convention.
    Inherited,
    /// An address to bind.
    Addr(SocketAddr),
}

/// Why the provider could not start.
#[derive(Debug)]
pub enum Error {
    /// The first line was not there or could not be read.
    Config(String),
    /// The address could not be bound, or standard output is closed.
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
            Self::Config(text) => write!(
                f,
                "the configuration on standard input is not valid: {text}"
            ),
            Self::Io(error) => write!(f, "the payment provider could not start: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the configuration and serves until standard input ends, which ends the process.
pub fn run() -> Result<(), Error> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let config: Config =
        serde_json::from_str(&line).map_err(|error| Error::Config(error.to_string()))?;
    // A thread of its own: it must see the end also when every worker of the runtime is busy.
    thread::Builder::new().name("stdin".to_owned()).spawn(|| {
        // Whatever comes, an error included: when the other side is gone, so are we.
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        std::process::exit(0);
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = bind(config.listen).await?;
        let mut terminations = signal(SignalKind::terminate())?;
        announce(&config.instance, listener.local_addr()?)?;
        let serving = axum::serve(listener, router(config.settings));
        let ending = async move {
            terminations.recv().await;
        };
        Ok(serving.with_graceful_shutdown(ending).await?)
    })
}

async fn bind(listen: Listen) -> io::Result<TcpListener> {
    match listen {
        Listen::Addr(addr) => TcpListener::bind(addr).await,
        Listen::Inherited => {
            let handed_on = listenfd::ListenFd::from_env().take_tcp_listener(0)?;
            let listener = handed_on.ok_or_else(|| io::Error::other("no socket was handed on"))?;
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

/// The provider's routes over a new ledger.
pub fn router(settings: Settings) -> Router {
    let provider = Provider {
        quota: Quota::new(settings.quota_per_second, settings.quota_burst),
        desk: (settings.workers > 0).then(|| Desk::new(settings.workers, settings.waiting)),
        answer: Duration::from_millis(settings.answer_ms),
        ledger: Ledger::new(settings),
    };
    Router::new()
        .route(path::PAYMENTS, post(charge))
        .route(path::HEALTH, get(async || "ok"))
        .with_state(Arc::new(provider))
}

#[derive(Debug)]
struct Provider {
    quota: Quota,
    /// Where charges wait, if not all of them are worked on at once.
    desk: Option<Desk>,
    /// A third party on the far side of a network: the time is its own.
    answer: Duration,
    ledger: Ledger,
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
    let Some(turn) = desk.line_up() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "try again").into_response();
    };
    // What has come in is worked off in turn, also for a caller who hangs up.
    let work = tokio::spawn(async move {
        let _worker = turn.come().await;
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
    if !provider.answer.is_zero() {
        tokio::time::sleep(provider.answer).await;
    }
    let Some(key) = headers
        .get(header::IDEMPOTENCY_KEY)
        .and_then(|key| key.to_str().ok())
    else {
        return (
            StatusCode::BAD_REQUEST,
            "the header `Idempotency-Key` is missing",
        )
            .into_response();
    };
    match body {
        Err(rejection) => rejection.into_response(),
        Ok(Json(charge)) => match provider.ledger.charge(key, charge.amount) {
            Some(receipt) => Json(receipt).into_response(),
            None => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "the key was used for another amount",
            )
                .into_response(),
        },
    }
}
