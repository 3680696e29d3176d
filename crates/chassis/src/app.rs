//! What a service gets from its chassis, and what it gives back.

use std::future::Future;

use serde::{Serialize, de::DeserializeOwned};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Client, Config, Controls, Problem};

/// Everything that a service is given to build itself.
#[derive(Debug)]
pub struct Context<S> {
    /// The service's own settings.
    pub settings: S,
    /// The process's configuration.
    pub config: Config,
    /// Calls to the upstreams of the configuration.
    pub client: Client,
    /// Cancelled at the drain, after the last request was answered: background tasks end then.
    pub shutdown: CancellationToken,
}

/// A service, ready to be served.
#[derive(Debug, Default)]
pub struct App {
    /// The routes. The chassis adds its layers around them.
    pub router: axum::Router,
    /// Background work. It watches [`Context::shutdown`] and is awaited at the drain.
    pub tasks: JoinSet<()>,
    /// What operators can do to it while it runs, over the admin port.
    pub controls: Controls,
}

impl App {
    /// A service without background work.
    pub fn new(router: axum::Router) -> Self {
        Self {
            router,
            tasks: JoinSet::new(),
            controls: Controls::default(),
        }
    }

    /// Adds background work.
    #[must_use]
    pub fn task(mut self, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.tasks.spawn(work);
        self
    }

    /// Offers a control as `POST /control/NAME` on the admin port, to whoever has the run's token.
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
