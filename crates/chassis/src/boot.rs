//! From a configuration to a running service, and back to nothing.

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

use crate::{App, Client, Config, Context, admin::Admin, allocator, layer, listener, server};

/// Last spans and log lines get this long.
const FLUSH: Duration = Duration::from_secs(2);
/// Blocking threads that the runtime may start; a service of ours hardly needs one.
const BLOCKING_THREADS: usize = 16;
/// Stack of a worker thread. The default of 2 MB is address space that a limit would count.
const STACK_BYTES: usize = 1 << 20;

/// Who starts this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// A person in a terminal: Ctrl-C drains.
    Terminal,
    /// The runner: Ctrl-C is the runner's business, the ready line tells it where we listen.
    Runner,
}

/// Reads the configuration from the first line of standard input and then watches its end, which
/// is the parent's end: no child of a killed parent stays behind.
pub(crate) fn config_from_stdin(service: &str) -> anyhow::Result<Config> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("standard input")?;
    let config: Config = serde_json::from_str(&line).context("configuration on standard input")?;
    anyhow::ensure!(
        config.service == service,
        "the configuration is for `{}`, this is `{service}`",
        config.service
    );
    thread::Builder::new()
        .name("parent".to_owned())
        .stack_size(64 * 1_024)
        .spawn(|| {
            // An error here means as much as the end: nobody is there any more.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            std::process::exit(0);
        })
        .context("thread that watches the parent")?;
    Ok(config)
}

/// Runs the service until it is told to end.
pub(crate) fn run<S: DeserializeOwned>(
    config: Config,
    parent: Parent,
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
    let outcome = serve(config, parent, guard.metrics(), build);
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "the service ends: {error:#}");
    }
    guard.shutdown(FLUSH);
    if outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Before there is a log, a failure goes to standard error as it is.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell if that fails.
    let _ = writeln!(io::stderr(), "{error:#}");
    ExitCode::FAILURE
}

fn serve<S: DeserializeOwned>(
    config: Config,
    parent: Parent,
    metrics: telemetry::Metrics,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> anyhow::Result<()> {
    let limits = fault::limit::Limits {
        open_files: config.process.max_open_files,
        address_space_bytes: config.process.max_address_space_bytes,
    };
    fault::limit::apply(&limits).context("limits of the process")?;
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
    let outcome = runtime.block_on(live(
        &config, parent, listener, &admin, drain, client, build,
    ));
    runtime.shutdown_timeout(Duration::from_millis(config.process.drain_ms));
    admin.stop();
    outcome
}

async fn live<S: DeserializeOwned>(
    config: &Config,
    parent: Parent,
    listener: std::net::TcpListener,
    admin: &Admin,
    drain: CancellationToken,
    client: Client,
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App>,
) -> anyhow::Result<()> {
    // The handlers come first: a signal during the build must not kill the process.
    let signals = Signals::install(parent).context("signal handlers")?;
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
    announce(config, parent, listen, admin.addr)?;
    tokio::select! {
        () = signals.wait() => drain.cancel(),
        () = drain.cancelled() => {}
    }
    admin.set_ready(false);
    tracing::info!("draining: no new requests, those in flight are finished");
    if !server.await.context("the server")? {
        tracing::warn!("requests were still in flight at the end of the drain");
    }
    shutdown.cancel();
    end_tasks(app.tasks, grace).await;
    tracing::info!("drained");
    Ok(())
}

fn settings<S: DeserializeOwned>(config: &Config) -> anyhow::Result<S> {
    let value = match &config.settings {
        // No settings at all are the default ones.
        serde_json::Value::Null => serde_json::json!({}),
        value => value.clone(),
    };
    serde_json::from_value(value).context("settings of the service")
}

async fn end_tasks(mut tasks: JoinSet<()>, grace: Duration) {
    let ended = tokio::time::timeout(grace, async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = %error, "background work ended early");
            }
        }
    });
    if ended.await.is_err() {
        tracing::warn!("background work was cut off at the end of the drain");
    }
}

/// The line that says where the service listens.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    ready: bool,
    run: &'a str,
    service: &'a str,
    instance: &'a str,
    release: &'a str,
    listen: SocketAddr,
    admin: SocketAddr,
}

fn announce(
    config: &Config,
    parent: Parent,
    listen: SocketAddr,
    admin: SocketAddr,
) -> anyhow::Result<()> {
    tracing::info!(
        listen = %listen,
        admin = %admin,
        "serving {} release {} on {listen}",
        config.service,
        config.release
    );
    if parent == Parent::Terminal {
        return Ok(());
    }
    let ready = Ready {
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

/// What ends the process: SIGTERM always, SIGINT where a person sent it. A Ctrl-C in the runner's
/// terminal reaches its children, too, and is the runner's to act upon.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    parent: Parent,
}

impl Signals {
    fn install(parent: Parent) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            parent,
        })
    }

    async fn wait(mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => if self.parent == Parent::Terminal { return },
            }
        }
    }
}
