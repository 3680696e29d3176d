//! The admin port. It has a separate thread and runtime, so that it responds even when every worker of the
//! service is blocked, which is when operators need it.

mod guard;
mod probe;
mod routes;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::{Client, Config, Controls, control::OfferedControls};

/// The admin port of one process.
#[derive(Debug)]
pub(crate) struct Admin {
    /// Address of the listener.
    pub(crate) addr: SocketAddr,
    /// Whether the service accepts requests.
    is_ready: Arc<AtomicBool>,
    controls: OfferedControls,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

/// The state of the routes.
struct AdminState {
    run: String,
    service: String,
    instance: String,
    release: String,
    token: telemetry::Secret<String>,
    addr: SocketAddr,
    metrics: Metrics,
    is_ready: Arc<AtomicBool>,
    drain: CancellationToken,
    controls: OfferedControls,
    client: Client,
}

impl Admin {
    /// Binds and serves; `/readyz` fails until [`set_ready`](Admin::set_ready) is called.
    /// A drain request cancels `drain`; the runtime `service` is probed; address changes go to `client`.
    pub(crate) fn start(
        config: &Config,
        metrics: Metrics,
        drain: CancellationToken,
        service: tokio::runtime::Handle,
        client: Client,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(config.admin)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let is_ready = Arc::new(AtomicBool::new(false));
        let controls = OfferedControls::new(service.clone());
        let state = Arc::new(AdminState {
            run: config.run.clone(),
            service: config.service.clone(),
            instance: config.instance.clone(),
            release: config.release.clone(),
            token: config.token.clone().into(),
            addr,
            metrics,
            is_ready: Arc::clone(&is_ready),
            drain,
            controls: controls.clone(),
            client,
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let work = serve(listener, state, service, stop.clone());
        let thread = thread::Builder::new()
            .name("admin".to_owned())
            .stack_size(1 << 20)
            .spawn(move || {
                if let Err(error) = runtime.block_on(work) {
                    tracing::error!(%error, "the admin port failed: {error}");
                }
            })?;
        Ok(Self {
            addr,
            is_ready,
            controls,
            stop,
            thread,
        })
    }

    /// Offers the controls of the service.
    pub(crate) fn offer(&self, controls: Controls) {
        self.controls.set(controls);
    }

    /// Sets whether the service accepts requests.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// Stops the thread.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        // The panic hook has logged a panic of the thread.
        let _ = self.thread.join();
    }
}

async fn serve(
    listener: TcpListener,
    state: Arc<AdminState>,
    service: tokio::runtime::Handle,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let probe = tokio::spawn(probe::watch(service));
    let server = ingress::Server {
        // Nothing that is asked here outlives the process.
        drain: Duration::ZERO,
        ..ingress::Server::new(routes::router(state))
    };
    server.run(listener, stop).await;
    probe.abort();
    Ok(())
}
