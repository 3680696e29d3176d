//! One slot of a service: a public socket that stays, and the process behind it that comes and goes.
//!
//! ```text
//! the socket is bound once ──> release A accepts on it
//!                         └──> release B accepts too, is ready ──> A drains and ends
//! ```
//! Where the socket and the processes are, here or in a container, its `Placement` knows and nothing else.
//! A deploy, a rollback and a restart are the same swap, so no connection is ever refused by one.
//! A process that exits unexpectedly is restarted after a pause that doubles, as a service manager does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::Value;
use shop_api::Service;
use tokio::sync::{Mutex, mpsc};

use super::placement::Placement;
use super::process::{Launch, Process};

/// How long a process may take to become ready. A migration at boot counts: an index over a million rows
/// is built while the other replicas hold the database's lock most of the time.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// How long a process may finish what it has in flight. Longer than the gateway's own deadline.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);
/// The first pause before a process that exited unexpectedly is restarted.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A process that lived this long starts again with the first pause.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// What happened to a slot without being asked.
#[derive(Debug)]
pub enum Notice {
    /// The process exited unexpectedly.
    Ended {
        /// The slot's instance name.
        instance: String,
        /// How, such as `signal: 9 (SIGKILL)`.
        how: String,
    },
    /// The process was started again.
    Restarted {
        /// The slot's instance name.
        instance: String,
    },
    /// A backend that is not ours stopped answering.
    Silent {
        /// Which.
        instance: String,
        /// What came instead of an answer.
        reason: String,
    },
    /// A backend that is not ours answers again.
    Answers {
        /// Which.
        instance: String,
    },
}

/// Whose processes a slot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A service of the shop.
    Service(Service),
    /// The payment provider.
    Payment,
}

impl Role {
    /// As in `firedrill serve ROLE`.
    const fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Payment => "payment",
        }
    }
}

/// The fixed part of a slot.
#[derive(Debug)]
pub(crate) struct Slot {
    role: Role,
    pub(crate) instance: String,
    placement: Placement,
    environment: Vec<(String, String)>,
    state: Mutex<State>,
    closing: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    generation: u64,
}

#[derive(Debug)]
struct Running {
    process: Process,
    release: String,
    config: Value,
    since: Instant,
}

/// What a slot looks like from outside.
#[derive(Clone, Debug)]
pub struct View {
    /// The service.
    pub service: Service,
    /// The instance, such as `inventory-2`.
    pub instance: String,
    /// The release that it runs.
    pub release: String,
    /// Where callers find it.
    pub public: SocketAddr,
    /// Where its admin routes listen.
    pub admin: SocketAddr,
    /// The process.
    pub pid: u32,
}

impl Slot {
    /// A slot in that place; nothing runs in it yet.
    pub(crate) fn new(
        role: Role,
        instance: String,
        placement: Placement,
        environment: Vec<(String, String)>,
    ) -> Self {
        Self {
            role,
            instance,
            placement,
            environment,
            state: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    /// Its service; none for the payment provider.
    pub(crate) fn service(&self) -> Option<Service> {
        match self.role {
            Role::Service(service) => Some(service),
            Role::Payment => None,
        }
    }

    /// The address that callers use.
    pub(crate) fn public(&self) -> anyhow::Result<SocketAddr> {
        self.placement.public()
    }

    /// A slot of the same kind with a socket of its own; nothing runs in it yet.
    pub(crate) fn another(&self, instance: String) -> anyhow::Result<Self> {
        let placement = self.placement.another(&instance)?;
        let environment = self.environment.clone();
        Ok(Self::new(self.role, instance, placement, environment))
    }

    /// Whether its processes are children of this one.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.placement, Placement::Here { .. })
    }

    /// The folder of its databases, where that is not the run's.
    pub(crate) fn scratch(&self) -> Option<&Path> {
        self.placement.scratch()
    }

    /// Starts `config` behind the socket, then drains what ran there before.
    pub(crate) fn swap<'a>(
        &'a self,
        release: &'a str,
        config: Value,
    ) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(self.swapped(release, config))
    }

    async fn swapped(&self, release: &str, config: Value) -> anyhow::Result<()> {
        let mut state = self.state.lock().await;
        let process = self.start(&config).await?;
        let running = Running {
            process,
            release: release.to_owned(),
            config,
            since: Instant::now(),
        };
        state.generation += 1;
        let before = state.running.replace(running);
        drop(state);
        if let Some(before) = before {
            before.process.stop(DRAIN_WITHIN).await;
        }
        Ok(())
    }

    /// What the process is started with the next time it exits unexpectedly.
    pub(crate) async fn reconfigure(&self, config: Value) {
        if let Some(running) = self.state.lock().await.running.as_mut() {
            running.config = config;
        }
    }

    /// Ends the process and keeps it ended.
    pub(crate) async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        let running = self.state.lock().await.running.take();
        if let Some(running) = running {
            running.process.stop(DRAIN_WITHIN).await;
        }
    }

    /// What runs in the slot, if anything does.
    pub(crate) async fn view(&self) -> Option<View> {
        let state = self.state.lock().await;
        let running = state.running.as_ref()?;
        Some(View {
            service: self.service()?,
            instance: self.instance.clone(),
            release: running.release.clone(),
            public: self.public().ok()?,
            admin: running.process.announced("admin").ok()?.parse().ok()?,
            pid: running.process.pid(),
        })
    }

    /// Restarts the process whenever it exits unexpectedly, until the slot is closed.
    pub(crate) async fn supervise(self: Arc<Self>, notices: mpsc::Sender<Notice>) {
        let mut pause = FIRST_PAUSE;
        while !self.closing.load(Ordering::Acquire) {
            let Some((exited, generation, since)) = self.watch().await else {
                return;
            };
            let status = exited.await;
            if self.state.lock().await.generation != generation {
                continue; // It was swapped: the new process is watched next.
            }
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            pause = if since.elapsed() > STABLE_AFTER {
                FIRST_PAUSE
            } else {
                pause
            };
            let how = self.placement.ending(status);
            // The receiver is gone only when the drill is ending.
            let _ = notices
                .send(Notice::Ended {
                    instance: self.instance.clone(),
                    how,
                })
                .await;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if self.revive(generation).await {
                let _ = notices
                    .send(Notice::Restarted {
                        instance: self.instance.clone(),
                    })
                    .await;
            }
        }
    }

    async fn watch(
        &self,
    ) -> Option<(
        impl Future<Output = Option<std::process::ExitStatus>> + use<>,
        u64,
        Instant,
    )> {
        let state = self.state.lock().await;
        let running = state.running.as_ref()?;
        Some((running.process.exited(), state.generation, running.since))
    }

    /// Starts what ran last once more; false if it was swapped meanwhile or did not come up.
    async fn revive(&self, generation: u64) -> bool {
        let mut state = self.state.lock().await;
        if state.generation != generation || self.closing.load(Ordering::Acquire) {
            return false;
        }
        let Some(config) = state.running.as_ref().map(|running| running.config.clone()) else {
            return false;
        };
        // When it does not come up its dead predecessor stays in place, and the loop tries again after a longer pause.
        let Ok(process) = self.start(&config).await else {
            return false;
        };
        state.generation += 1;
        if let Some(running) = state.running.as_mut() {
            running.process = process;
            running.since = Instant::now();
        }
        true
    }

    async fn start(&self, config: &Value) -> anyhow::Result<Process> {
        let launch = Launch {
            role: self.role.name(),
            instance: &self.instance,
            config,
            environment: &self.environment,
            ready_within: READY_WITHIN,
        };
        self.placement.start(launch).await
    }
}
