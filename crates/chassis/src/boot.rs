//! Starts a service from its configuration, and shuts it down.

use std::{
    io::{self, BufRead, Write},
    net::SocketAddr,
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use futures_util::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use telemetry::Environment;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{App, Client, Config, Context, admin::Admin, allocator, layer, limit, listener};

/// Time to flush the last spans and log lines.
const FLUSH: Duration = Duration::from_secs(2);
/// Maximum number of blocking threads of the runtime; services hardly use them.
const BLOCKING_THREADS: usize = 16;
/// Stack of a worker thread. The default of 2 MB would count against a limit on address space.
const STACK_BYTES: usize = 1 << 20;

/// During a drain, a connection closes after its next response. An idle connection closes after this
/// time: closing it at once could hit a request that is on the way.
const LINGER: Duration = Duration::from_millis(500);

/// Who started this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// A person in a terminal: Ctrl-C drains.
    Terminal,
    /// The runner: it handles Ctrl-C, and reads the address of the listener from the ready line.
    Runner,
}

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

/// Builds a service from its configuration, its client and its shutdown token.
pub(crate) type Build = Box<
    dyn FnOnce(Config, Client, CancellationToken) -> LocalBoxFuture<'static, anyhow::Result<App>>,
>;

/// The one part of a start that differs from service to service, so that the rest is compiled once.
pub(crate) fn boxed<S: DeserializeOwned + 'static>(
    build: impl AsyncFnOnce(Context<S>) -> anyhow::Result<App> + 'static,
) -> Build {
    Box::new(|config, client, shutdown| {
        Box::pin(async move {
            let context = Context {
                settings: settings(&config)?,
                config,
                client,
                shutdown,
            };
            build(context).await.context("building the service")
        })
    })
}

/// Runs the service until it is told to stop.
pub(crate) fn run(config: Config, parent: Parent, build: Build) -> ExitCode {
    let environment = config.process.spans.over(Environment::from_process());
    let telemetry = telemetry::Config {
        service: config.service.clone(),
        instance: config.instance.clone(),
        release: config.release.clone(),
        run: config.run.clone(),
        is_enabled: config.telemetry,
        log_level: config.process.log_level.clone(),
        sending: config.process.spans.sending,
    };
    let guard = match telemetry::init(&telemetry, &environment) {
        Ok(guard) => guard,
        Err(error) => return failed(&anyhow::Error::from(error)),
    };
    let outcome = serve(config, parent, guard.metrics(), build);
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

fn serve(
    config: Config,
    parent: Parent,
    metrics: telemetry::Metrics,
    build: Build,
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
    let outcome = runtime.block_on(live(
        &config, parent, listener, &admin, drain, client, build,
    ));
    runtime.shutdown_timeout(Duration::from_millis(config.process.drain_ms));
    admin.stop();
    outcome
}

async fn live(
    config: &Config,
    parent: Parent,
    listener: std::net::TcpListener,
    admin: &Admin,
    drain: CancellationToken,
    client: Client,
    build: Build,
) -> anyhow::Result<()> {
    // Installed first: a signal during the build must not kill the process.
    let signals = Signals::install(parent).context("signal handlers")?;
    let listener = TcpListener::from_std(listener).context("public listener")?;
    let listen = listener.local_addr().context("public listener")?;
    let shutdown = CancellationToken::new();
    let mut app = build(config.clone(), client, shutdown.clone()).await?;
    admin.offer(app.controls);
    let router = layer::around(app.router, &config.process);
    let router = match app.is_public {
        // As any public API, it answers to whatever name a client has for it.
        true => router,
        false => ingress::guard(router, listen),
    };
    let grace = Duration::from_millis(config.process.drain_ms);
    let server = ingress::Server {
        idle: Duration::from_millis(config.process.keep_alive_ms),
        // What limits them is the process's limit on open files.
        most: usize::MAX,
        linger: LINGER,
        drain: grace,
        ..ingress::Server::new(router)
    };
    let server = tokio::spawn(server.run(listener, drain.clone()));
    admin.set_ready(true);
    announce(config, parent, listen, admin.addr)?;
    tokio::select! {
        () = signals.wait() => drain.cancel(),
        () = drain.cancelled() => {}
        // A process that has lost a background task does only part of its job: it exits, and its supervisor restarts it.
        error = panicked(&mut app.tasks) => return Err(error).context("a background task failed"),
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

/// Waits until a background task panics; one that has nothing to do may end.
async fn panicked(tasks: &mut JoinSet<()>) -> JoinError {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            return error;
        }
    }
    std::future::pending().await
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

/// The signals that stop the process: SIGTERM always, SIGINT only under a terminal. A Ctrl-C in the
/// runner's terminal also reaches its children, and the runner handles it.
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
