//! The role `firedrill serve backend`: four listeners, two halves, one end.
//!
//! ```text
//! stdin: one JSON line -> bind -> ready line on stdout -> serve -> SIGTERM: stop, write journals, exit 0
//!        end of file  -> the runner is gone: write journals, remove its scratch folder, exit at once
//! ```

mod ending;
mod listen;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ingress::Server;
use prom::Metrics;
use prom::api::MoreMetrics;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use traces::Traces;
use tracing::{error, info, warn};
use web::Link;

use crate::config::Config;
use crate::deploys;
use crate::log;
use crate::looks::Looks;
use crate::monitor;
use listen::Listeners;

/// The exit code when a port asked for is taken; the line on standard output says which.
pub const EXIT_PORT_TAKEN: u8 = 98;

/// Longest configuration that is read, in bytes.
const MAX_CONFIG: u64 = 4 << 20;
/// How long open connections may take to finish after SIGTERM.
const DRAIN: Duration = Duration::from_secs(2);

/// Why the role ends before it serves.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to read the configuration from standard input: {0}")]
    Input(#[from] io::Error),
    #[error("the configuration on standard input is not valid: {0}")]
    Config(#[from] serde_json::Error),
    #[error("{0}")]
    Listen(#[from] listen::Error),
    #[error("failed to start the runtime: {0}")]
    Runtime(io::Error),
    #[error("{0}")]
    Metrics(#[from] prom::Error),
    #[error("failed to open the journal of traces: {0}")]
    TraceJournal(traces::journal::Error),
    #[error("failed to load the traces: {0}")]
    TraceReplay(traces::journal::Error),
}

/// Runs the backend until SIGTERM or the end of standard input.
pub fn serve() -> ExitCode {
    log::init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            match error {
                Error::Listen(listen::Error::Taken(_)) => ExitCode::from(EXIT_PORT_TAKEN),
                Error::Input(_) | Error::Config(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run() -> Result<(), Error> {
    let config = read_config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Queries, rule groups, the journal; each has its own bound.
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let done = runtime.block_on(serve_until_term(config));
    // What still runs after the drain is cut off.
    runtime.shutdown_background();
    done
}

/// The first line of standard input. What follows is left for the watch on its end.
fn read_config() -> Result<Config, Error> {
    let mut line = Vec::new();
    let mut input = io::stdin().lock().take(MAX_CONFIG);
    io::BufRead::read_until(&mut input, b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

async fn serve_until_term(config: Config) -> Result<(), Error> {
    let listeners = match Listeners::bind(&config).await {
        Ok(listeners) => listeners,
        Err(error) => {
            if let listen::Error::Taken(taken) = &error {
                print_line(&listen::taken_line(&config.run, taken));
            }
            return Err(error.into());
        }
    };
    let metrics = Arc::new(open_metrics(&config)?);
    let links = links(&config, &listeners);
    let traces = open_traces(&config, &links, metrics.end_ms())?;
    // From here on the end of the runner must leave nothing behind.
    ending::watch_input(
        Arc::clone(&metrics),
        traces.clone(),
        config.remove_on_eof.clone(),
    );
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    metrics.spawn(&mut tasks, &shutdown);
    let ready = listeners.ready_line(&config.run);
    // Questions about an ended run are not part of its record.
    let live = config
        .journal
        .as_deref()
        .filter(|_| config.replay.is_none());
    let looks = live.map(Looks::open);
    let halves = Halves {
        metrics: &metrics,
        traces: &traces,
        links: &links,
        looks: looks.as_ref(),
        folder: config.replay.as_ref().or(config.journal.as_ref()),
    };
    spawn_servers(&mut tasks, &shutdown, listeners, &halves);
    print_line(&ready);
    ending::terminated().await;
    shutdown.cancel();
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        warn!("some connections were still open at the end");
    }
    let last = tokio::task::spawn_blocking(move || ending::write_journals(&metrics, &traces));
    last.await
        .unwrap_or_else(|error| error!("the journals are incomplete: {error}"));
    Ok(())
}

/// The links of both halves: those of the configuration, and to each other.
struct Links {
    on_metrics: Vec<Link>,
    on_traces: Vec<Link>,
    /// Jaeger's own address, with a slash at its end.
    traces: String,
}

fn links(config: &Config, listeners: &Listeners) -> Links {
    let with = |text: &str, url: &str| {
        let own = Link {
            text: text.to_owned(),
            url: url.to_owned(),
        };
        config.ui.links.iter().cloned().chain([own]).collect()
    };
    let traces = format!("http://{}/", listeners.jaeger.addr);
    let metrics = format!("http://{}/", listeners.prometheus.addr);
    Links {
        on_metrics: with("Traces", &traces),
        on_traces: with("Metrics", &metrics),
        traces,
    }
}

fn open_metrics(config: &Config) -> Result<Metrics, prom::Error> {
    Metrics::open(&prom::Config {
        run: config.run.clone(),
        targets: config.targets.clone(),
        rules: config.rules.clone(),
        journal: config.journal.clone(),
        resume: config.resume,
        replay: config.replay.clone(),
    })
}

fn open_traces(config: &Config, links: &Links, end_ms: Option<i64>) -> Result<Traces, Error> {
    let menu = links.on_traces.iter().map(|link| traces::ui::MenuLink {
        text: link.text.clone(),
        url: link.url.clone(),
    });
    let ui = traces::ui::Config {
        links: menu.collect(),
        link_patterns: config.ui.link_patterns.clone(),
        end_ms,
    };
    let journal = match &config.journal {
        Some(folder) if config.replay.is_none() => {
            let limit = traces::journal::MAX_BYTES;
            let journal = traces::journal::Journal::open(folder, limit);
            Some(journal.map_err(Error::TraceJournal)?)
        }
        _ => None,
    };
    let traces = Traces::new(traces::store::Limits::default(), ui, journal);
    let earlier = config.journal.as_ref().filter(|_| config.resume);
    if let Some(folder) = config.replay.as_ref().or(earlier) {
        let found = traces.replay(folder).map_err(Error::TraceReplay)?;
        for damage in &found.damage {
            warn!("traces in `{}`: {damage}", folder.display());
        }
        info!("loaded {} spans of `{}`", found.spans, folder.display());
    }
    Ok(traces)
}

/// What the listeners serve.
struct Halves<'a> {
    metrics: &'a Metrics,
    traces: &'a Traces,
    links: &'a Links,
    /// Where questions are written down, in a run that goes on.
    looks: Option<&'a Looks>,
    /// The run's folder, if its telemetry is kept.
    folder: Option<&'a PathBuf>,
}

impl Halves<'_> {
    fn watched(&self, router: Router) -> Router {
        match self.looks {
            Some(looks) => looks.watch(router),
            None => router,
        }
    }
}

fn spawn_servers(
    tasks: &mut JoinSet<()>,
    shutdown: &CancellationToken,
    listeners: Listeners,
    halves: &Halves,
) {
    let Halves { traces, links, .. } = *halves;
    let figures = traces.clone();
    let more = MoreMetrics(Box::new(move || figures.prometheus_text()));
    let metrics = halves.metrics;
    let router = metrics
        .router(&links.on_metrics, &links.traces, more)
        .merge(deploys::router(halves.folder.cloned()));
    let jaeger = traces
        .jaeger_router()
        .merge(monitor::router(router.clone()));
    let otlp = traces.otlp_http_router();
    for (bound, router) in [
        (listeners.prometheus, web::readable(halves.watched(router))),
        (listeners.jaeger, web::readable(halves.watched(jaeger))),
        (listeners.otlp_http, otlp),
    ] {
        tasks.spawn(serve_http(bound, router, shutdown.clone()));
    }
    let listen::Listener { socket: grpc, addr } = listeners.otlp_grpc;
    // As for HTTP: a listener for this machine alone takes requests for this machine alone.
    let serves: fn(&str) -> bool = match addr.ip().is_loopback() {
        true => ingress::is_loopback,
        false => |_| true,
    };
    let service = traces.otlp_grpc_service(serves);
    let server = Server {
        protocol: ingress::Protocol::Http2,
        ..Server::new(Router::new().fallback_service(service))
    };
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        // The end waits for all listeners together, and says so.
        let _ = server.run(grpc, shutdown).await;
    });
}

async fn serve_http(bound: listen::Listener, router: Router, shutdown: CancellationToken) {
    let router = ingress::guard(router, bound.addr);
    // The end waits for all listeners together, and says so.
    let _ = Server::new(router)
        .run_over(bound.socket, shutdown, web::Escaped::new)
        .await;
}

/// The runner may be gone; then standard input ends as well and the watch on it acts.
fn print_line(line: &serde_json::Value) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
