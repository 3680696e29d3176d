//! Starts a service from its configuration, and shuts it down.

use std::{
    io::{self, BufRead, Write},
    net::SocketAddr,
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use telemetry::Environment;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    App, Client, Config, Context, admin::Admin, allocator, layer, limit, listener, server,
};

/// Time to flush the last spans and log lines.
const FLUSH: Duration = Duration::from_secs(2);
/// Maximum number of blocking threads of the runtime; services hardly use them.
const BLOCKING_THREADS: usize = 16;
/// Stack of a worker thread. The default of 2 MB would count against a limit on address space.
const STACK_BYTES: usize = 1 << 20;

/// Reads the configuration from the first line of standard input and then waits for its end, which means
/// that the parent is gone: no child outlives a killed parent.
pub(crate) fn config_from_stdin(service: &str) -> anyhow::Result<Config> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("standard input")?;
    let config: Config = serde_json::from_str(&line).context("configuration on standard input")?;
    anyhow::ensure!(
        config.service == service,
        "the configuration is for `{}`, but this is `{service}`",
        config.service
    );
    thread::Builder::new()
        .name("parent".to_owned())
        .stack_size(64 * 1_024)
        .spawn(|| {
            // An error means the same as the end of input: the parent is gone.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            std::process::exit(0);
        })
        .context("thread that watches the parent")?;
    Ok(config)
}

/// Runs the service until it is told to stop.
pub(crate) fn run<S: DeserializeOwned>(
    config: Config,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> ExitCode {
    let environment = Environment::from_process();
    let telemetry = telemetry::Config {
        service: config.service.clone(),
        instance: config.instance.clone(),
        release: config.release.clone(),
        run: config.run.clone(),
        is_enabled: config.telemetry,
        log_level: config.process.log_level.clone(),
    };
    let guard = match telemetry::init(&telemetry, &environment) {
        Ok(guard) => guard,
        Err(error) => return failed(&anyhow::Error::from(error)),
    };
    let outcome = serve(config, guard.metrics(), build);
    if let Err(error) = &outcome {
        tracing::error!(
            error = format!("{error:#}"),
            "the service failed: {error:#}"
        );
    }
    guard.shutdown(FLUSH);
    if outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Reports a failure before logging is set up: as plain text on standard error.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    // If that fails too, there is nowhere to report it.
    let _ = writeln!(io::stderr(), "{error:#}");
    ExitCode::FAILURE
}

fn serve<S: DeserializeOwned>(
    config: Config,
    metrics: telemetry::Metrics,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> anyhow::Result<()> {
    limit::apply(&config.process)?;
    if config.telemetry {
        allocator::start_profiling();
    }
    let listener = listener::open(&config.listen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.process.workers.max(1))
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK_BYTES)
        .thread_name("worker")
        .enable_all()
        .build()
        .context("async runtime")?;
    let drain = CancellationToken::new();
    let client = Client::with_calls(&config.upstreams, config.process.calls.clone(), config.seed);
    let service = runtime.handle().clone();
    let admin = Admin::start(&config, metrics, drain.clone(), service, client.clone())
        .with_context(|| format!("admin port {}", config.admin))?;
    let outcome = runtime.block_on(live(&config, listener, &admin, drain, client, build));
    runtime.shutdown_timeout(Duration::from_millis(config.process.drain_ms));
    admin.stop();
    outcome
}

async fn live<S: DeserializeOwned>(
    config: &Config,
    listener: std::net::TcpListener,
    admin: &Admin,
    drain: CancellationToken,
    client: Client,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> anyhow::Result<()> {
    // Installed first: a signal during the build must not kill the process.
    let mut terminations = signal(SignalKind::terminate()).context("signal handler")?;
    // A Ctrl-C in the runner's terminal also reaches its children, and the runner handles it.
    let _interrupts = signal(SignalKind::interrupt()).context("signal handler")?;
    let listener = TcpListener::from_std(listener).context("public listener")?;
    let listen = listener.local_addr().context("public listener")?;
    let shutdown = CancellationToken::new();
    let settings = settings(config)?;
    let context = Context {
        settings,
        config: config.clone(),
        client,
        shutdown: shutdown.clone(),
    };
    let app = build(context).await.context("building the service")?;
    admin.offer(app.controls);
    let router = layer::around(app.router, &config.process);
    let grace = Duration::from_millis(config.process.drain_ms);
    let keep_alive = Duration::from_millis(config.process.keep_alive_ms);
    let server = tokio::spawn(server::run(
        listener,
        router,
        keep_alive,
        drain.clone(),
        grace,
    ));
    admin.set_ready(true);
    announce(config, listen, admin.addr)?;
    tokio::select! {
        _ = terminations.recv() => drain.cancel(),
        () = drain.cancelled() => {}
    }
    admin.set_ready(false);
    tracing::info!("draining: no longer accepting requests, finishing those in flight");
    if !server.await.context("the server")? {
        tracing::warn!("drain timed out with requests still in flight");
    }
    shutdown.cancel();
    end_tasks(app.tasks, grace).await;
    tracing::info!("drain complete");
    Ok(())
}

fn settings<S: DeserializeOwned>(config: &Config) -> anyhow::Result<S> {
    let value = match &config.settings {
        // Absent settings are the defaults.
        serde_json::Value::Null => serde_json::json!({}),
        value => value.clone(),
    };
    serde_json::from_value(value).context("settings of the service")
}

async fn end_tasks(mut tasks: JoinSet<()>, grace: Duration) {
    let ended = tokio::time::timeout(grace, async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task failed: {error}");
            }
        }
    });
    if ended.await.is_err() {
        tracing::warn!("drain timed out with background tasks still running");
    }
}

/// The line that tells the runner where the service listens.
#[derive(Debug, Serialize)]
struct ReadyLine<'a> {
    ready: bool,
    run: &'a str,
    service: &'a str,
    instance: &'a str,
    release: &'a str,
    listen: SocketAddr,
    admin: SocketAddr,
}

fn announce(config: &Config, listen: SocketAddr, admin: SocketAddr) -> anyhow::Result<()> {
    tracing::info!(
        listen = %listen,
        admin = %admin,
        "serving {} release {} on {listen}",
        config.service,
        config.release
    );
    let ready = ReadyLine {
        ready: true,
        run: &config.run,
        service: &config.service,
        instance: &config.instance,
        release: &config.release,
        listen,
        admin,
    };
    let line = serde_json::to_string(&ready).context("ready line")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .context("ready line")
}
