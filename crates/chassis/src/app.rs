//! What the chassis passes to a service, and what the service returns.

use std::future::Future;

use serde::{Serialize, de::DeserializeOwned};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Client, Config, Controls, Problem};

/// Everything that a service needs to build itself.
#[derive(Debug)]
pub struct Context<S> {
    /// The service's own settings.
    pub settings: S,
    /// The process's configuration.
    pub config: Config,
    /// Client for the configured upstreams.
    pub client: Client,
    /// Cancelled during the drain, after the last request has finished: background tasks must then end.
    pub shutdown: CancellationToken,
}

/// A service that is ready to serve.
#[derive(Debug, Default)]
pub struct App {
    /// The routes. The chassis wraps them in its layers.
    pub router: axum::Router,
    /// Background tasks. They watch [`Context::shutdown`], and the drain waits for them.
    pub tasks: JoinSet<()>,
    /// What operators can do on the running service, over the admin port.
    pub controls: Controls,
    /// Whether it stands for a public API, which may be called by any name.
    pub is_public: bool,
}

impl App {
    /// A service without background tasks.
    pub fn new(router: axum::Router) -> Self {
        Self {
            router,
            tasks: JoinSet::new(),
            controls: Controls::default(),
            is_public: false,
        }
    }

    /// Says that it stands for a public API.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Adds a background task.
    #[must_use]
    pub fn task(mut self, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.tasks.spawn(work);
        self
    }

    /// Adds a control, `POST /control/NAME` on the admin port; callers need the run's token.
    #[must_use]
    pub fn control<A, T, F>(
        mut self,
        name: &'static str,
        work: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        self.controls.add(name, work);
        self
    }
}
