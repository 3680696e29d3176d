//! The admin listener, on a thread and a runtime of its own, so that it answers when every worker
//! of the service is blocked: that is when it is asked.

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
};

use telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::{Client, Config, Controls, control::Offered};

/// The admin port of one process.
#[derive(Debug)]
pub(crate) struct Admin {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// Whether the service takes requests.
    is_ready: Arc<AtomicBool>,
    controls: Offered,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

/// What the routes answer from.
struct State {
    run: String,
    service: String,
    instance: String,
    release: String,
    token: telemetry::Secret<String>,
    addr: SocketAddr,
    metrics: Metrics,
    is_ready: Arc<AtomicBool>,
    drain: CancellationToken,
    controls: Offered,
    client: Client,
}

impl Admin {
    /// Binds and answers from now on; `/readyz` says no until [`ready`](Admin::ready).
    /// `drain` is cancelled when a drain is asked for; `service` is watched; `client` is told of other addresses.
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
        let controls = Offered::new(service.clone());
        let state = Arc::new(State {
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
        let work = answer(listener, state, service, stop.clone());
        let thread = thread::Builder::new()
            .name("admin".to_owned())
            .stack_size(1 << 20)
            .spawn(move || {
                if let Err(error) = runtime.block_on(work) {
                    tracing::error!(error = %error, "the admin port cannot be served");
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

    /// Offers what the service lets its operators do.
    pub(crate) fn offer(&self, controls: Controls) {
        self.controls.set(controls);
    }

    /// Says that the service takes requests, or that it does not any more.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// Ends the thread.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        // A panic there was logged by the hook.
        let _ = self.thread.join();
    }
}

async fn answer(
    listener: TcpListener,
    state: Arc<State>,
    service: tokio::runtime::Handle,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let probe = tokio::spawn(probe::watch(service));
    tokio::select! {
        ended = axum::serve(listener, routes::router(state)).into_future() => ended?,
        () = stop.cancelled() => {}
    }
    probe.abort();
    Ok(())
}
