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
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Link};
use crate::host::HostCheck;
use crate::looks::Looks;
use crate::metrics::api::MoreMetrics;
use crate::metrics::{self, Metrics};
use crate::note;
use crate::traces::{self, Traces};
use listen::Listeners;

/// The exit code when a port asked for is taken; the line on standard output says which.
pub const EXIT_PORT_TAKEN: u8 = 98;

/// A longer configuration than this is none, in bytes.
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
    Metrics(#[from] metrics::Error),
    #[error("failed to open the journal of traces: {0}")]
    TraceJournal(traces::journal::Error),
    #[error("failed to load the traces: {0}")]
    TraceReplay(traces::journal::Error),
}

/// Runs the backend until SIGTERM or the end of standard input.
pub fn serve() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note::error(&error.to_string());
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
    // Whatever still runs after the drain is not waited for.
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
    let metrics = Arc::new(Metrics::open(&config)?);
    let links = links(&config, &listeners);
    let traces = open_traces(&config, &links)?;
    // From here on a runner that vanishes must not leave anything behind.
    ending::watch_input(
        Arc::clone(&metrics),
        traces.clone(),
        config.remove_on_eof.clone(),
    );
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    metrics.spawn(&mut tasks, &shutdown);
    let ready = listeners.ready_line(&config.run);
    // Looking at an ended run is no part of it.
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
    };
    spawn_servers(&mut tasks, &shutdown, listeners, &halves);
    print_line(&ready);
    ending::terminated().await;
    shutdown.cancel();
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        note::warn("some connections were still open at the end");
    }
    let last = tokio::task::spawn_blocking(move || ending::write_journals(&metrics, &traces));
    last.await
        .unwrap_or_else(|error| note::error(&format!("the journals are incomplete: {error}")));
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

fn open_traces(config: &Config, links: &Links) -> Result<Traces, Error> {
    let limits = traces::store::Limits {
        bytes: config.limits.trace_bytes,
        spans: config.limits.trace_spans,
    };
    let menu = links.on_traces.iter().map(|link| traces::ui::MenuLink {
        text: link.text.clone(),
        url: link.url.clone(),
    });
    let ui = traces::ui::Config {
        links: menu.collect(),
        link_patterns: config.ui.link_patterns.clone(),
    };
    let journal = match &config.journal {
        Some(folder) if config.replay.is_none() => {
            let limit = config.limits.trace_journal_bytes;
            let journal = traces::journal::Journal::open(folder, limit);
            Some(journal.map_err(Error::TraceJournal)?)
        }
        _ => None,
    };
    let traces = Traces::new(limits, ui, journal);
    let earlier = config.journal.as_ref().filter(|_| config.resume);
    if let Some(folder) = config.replay.as_ref().or(earlier) {
        let found = traces.replay(folder).map_err(Error::TraceReplay)?;
        for damage in &found.damage {
            note::warn(&format!("traces in `{}`: {damage}", folder.display()));
        }
        note::info(&format!(
            "loaded {} spans of `{}`",
            found.spans,
            folder.display()
        ));
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
    let prometheus = listeners.prometheus;
    let check = check(&prometheus);
    let router = halves
        .metrics
        .router(&links.on_metrics, &links.traces, more, check);
    let router = halves.watched(router);
    tasks.spawn(serve_http(prometheus.socket, router, shutdown.clone()));
    let jaeger = listeners.jaeger;
    let router = halves.watched(traces.jaeger_router(self::check(&jaeger)));
    tasks.spawn(serve_http(jaeger.socket, router, shutdown.clone()));
    let otlp = listeners.otlp_http;
    let router = traces.otlp_http_router(self::check(&otlp));
    tasks.spawn(serve_http(otlp.socket, router, shutdown.clone()));
    let (traces, shutdown) = (traces.clone(), shutdown.clone());
    let grpc = listeners.otlp_grpc.socket;
    tasks.spawn(async move {
        let served = traces.serve_otlp_grpc(grpc, shutdown.cancelled_owned());
        if let Err(error) = served.await {
            note::error(&format!("OTLP over gRPC stopped: {error}"));
        }
    });
}

/// A listener for this machine alone takes requests for this machine alone.
fn check(bound: &listen::Bound) -> HostCheck {
    if bound.addr.ip().is_loopback() {
        HostCheck::Loopback
    } else {
        HostCheck::Open
    }
}

async fn serve_http(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = served.await {
        note::error(&format!("a listener stopped: {error}"));
    }
}

/// Whoever waits for the line may be gone; then standard input ends as well and the watch on it acts.
fn print_line(line: &serde_json::Value) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
