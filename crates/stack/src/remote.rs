//! A slot's place in another container: the runner's side of [`super::manager`].
//!
//! One task asks the manager for news for as long as the run lasts; that keeps the lease, brings the log, and tells
//! which processes have ended. A manager that is silent for as long as a lease lasts has lost its processes.

mod link;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use shop_api::Service;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::log_file::LogFile;
use super::manager::{
    Ended, Hello, LEASE, LeaseRequest, News, NewsRequest, OfRun, StartRequest, Started, StopRequest,
};
use super::process::{Launch, Process};
use crate::error::Error;
use crate::token::Token;
use link::{Link, Refused};

/// A question that is refused is asked again after this.
const PAUSE: Duration = Duration::from_millis(250);
/// News are fetched this often at most; a log that comes in bursts is not asked for line by line.
const NEWS_EVERY: Duration = Duration::from_millis(100);
/// How long the start waits for a manager that another run has, or that is not up yet.
const FREE_WITHIN: Duration = Duration::from_secs(9);
/// How long an `up` may take to give the shop to a drill.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(30);
/// The first copy of the catalogue is made, not copied.
const CATALOGUE_WITHIN: Duration = Duration::from_secs(120);
/// What an ended process is told as when its manager is gone with it: killed.
const KILLED: i32 = 9;

/// The managers of a run, as asked for.
#[derive(Clone, Debug)]
pub struct Managers {
    /// Base URL by instance.
    pub addresses: BTreeMap<String, String>,
    /// The token that they want.
    pub token: Token,
    /// Where the payment provider listens, so that services elsewhere reach it.
    pub bind: IpAddr,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// The run's id.
    pub(crate) run: String,
    /// False for a shop without incident, which gives way to a drill.
    pub(crate) is_drill: bool,
    /// Cancelled when a drill waits for the shop.
    pub(crate) wanted: CancellationToken,
}

/// One manager, held by this run.
#[derive(Debug)]
pub(crate) struct Remote {
    shared: Arc<Shared>,
    ip: IpAddr,
    hello: Hello,
    watcher: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    link: Link,
    service: Service,
    claim: Claim,
    log: LogFile,
    /// The lease was lost: it is taken again before the next start.
    is_lost: AtomicBool,
    /// How often the lease was taken: an answer to a question from before tells nothing about this one.
    leases: AtomicU64,
    ends: Mutex<Ends>,
}

/// Which processes have ended, and who waits for that.
#[derive(Debug, Default)]
struct Ends {
    told: BTreeMap<u64, ExitStatus>,
    waiting: BTreeMap<u64, watch::Sender<Option<ExitStatus>>>,
}

/// What was heard under one lease.
#[derive(Debug, Default)]
struct Known {
    lease: u64,
    lines: u64,
    ends: usize,
}

impl Remote {
    /// Takes the manager of `instance` for this run; waits a little for one that is busy or not up yet.
    pub(crate) async fn connect(
        managers: &Managers,
        service: Service,
        instance: &str,
        claim: Claim,
        log: LogFile,
    ) -> anyhow::Result<Self> {
        let base = managers
            .addresses
            .get(instance)
            .with_context(|| format!("no manager for `{instance}`"))?;
        let link = Link::new(base, managers.token.clone())?;
        let shared = Arc::new(Shared {
            link,
            service,
            claim,
            log,
            is_lost: AtomicBool::new(false),
            leases: AtomicU64::new(0),
            ends: Mutex::default(),
        });
        let hello = shared
            .take()
            .await
            .map_err(|refused| refused.explain(instance, base))?;
        let ip = shared.link.address().await?;
        let watcher = tokio::spawn(Arc::clone(&shared).watch()).abort_handle();
        Ok(Self {
            shared,
            ip,
            hello,
            watcher,
        })
    }

    /// The service whose processes it starts.
    pub(crate) fn service(&self) -> Service {
        self.shared.service
    }

    /// The address that the service's callers use.
    pub(crate) fn public(&self) -> SocketAddr {
        (self.ip, self.hello.public_port).into()
    }

    /// The folder of this run's databases, over there.
    pub(crate) fn scratch(&self) -> &Path {
        &self.hello.scratch
    }

    /// The address under which that container sees this process.
    pub(crate) fn seen_from_there(&self) -> anyhow::Result<IpAddr> {
        let any: IpAddr = match self.ip {
            IpAddr::V4(_) => [0, 0, 0, 0].into(),
            IpAddr::V6(_) => [0_u16; 8].into(),
        };
        // Connecting a datagram socket sends nothing; it only chooses the route, and with it our address.
        let socket = UdpSocket::bind((any, 0)).context("own address")?;
        socket.connect(self.public()).context("own address")?;
        Ok(socket.local_addr().context("own address")?.ip())
    }

    /// Has the catalogue's database put where the service looks for it.
    pub(crate) async fn catalogue(&self) -> anyhow::Result<()> {
        let request = OfRun {
            run: self.shared.claim.run.clone(),
        };
        let done: Result<(), Refused> = self
            .shared
            .link
            .ask("/v1/catalogue", &request, CATALOGUE_WITHIN)
            .await;
        done.map_err(|refused| refused.explain(self.shared.service.name(), self.shared.link.base()))
    }

    /// Starts a process there and waits until it is ready.
    pub(crate) async fn start(&self, launch: Launch<'_>) -> anyhow::Result<Process> {
        let shared = &self.shared;
        let explain = |refused: Refused| refused.explain(launch.instance, shared.link.base());
        if shared.is_lost.load(Ordering::Acquire) {
            shared.take().await.map_err(explain)?;
        }
        let request = StartRequest {
            run: shared.claim.run.clone(),
            instance: launch.instance.to_owned(),
            environment: launch.environment.to_vec(),
            config: launch.config.clone(),
            ready_within_ms: u64::try_from(launch.ready_within.as_millis()).unwrap_or(u64::MAX),
        };
        let patience = launch.ready_within + LEASE;
        let started: Started = shared
            .link
            .ask("/v1/start", &request, patience)
            .await
            .map_err(explain)?;
        let mut ready = started.ready;
        // The port of the process itself is loopback there; the manager's fixed one leads to it.
        let admin = SocketAddr::from((self.ip, self.hello.admin_port));
        ready["admin"] = Value::String(admin.to_string());
        let (stop, stops) = mpsc::channel(4);
        let exited = shared.end_of(started.id);
        tokio::spawn(Arc::clone(shared).own(started.id, stops, exited.clone()));
        Ok(Process::owned_elsewhere(started.pid, ready, stop, exited))
    }

    /// Gives the manager up. What is left of the run there goes.
    pub(crate) async fn release(&self) {
        self.watcher.abort();
        let request = OfRun {
            run: self.shared.claim.run.clone(),
        };
        // Whatever is in the way of it, the lease ends soon.
        let _: Result<(), Refused> = self.shared.link.ask("/v1/release", &request, LEASE).await;
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // There are no more polls, so the lease ends, and with it everything that runs there.
        self.watcher.abort();
    }
}

impl Shared {
    /// Takes the lease.
    async fn take(&self) -> Result<Hello, Refused> {
        let request = LeaseRequest {
            run: self.claim.run.clone(),
            is_drill: self.claim.is_drill,
        };
        let began = Instant::now();
        loop {
            let answer = self.link.ask("/v1/lease", &request, LEASE).await;
            let refused = match answer {
                Ok(hello) => {
                    self.fits(&hello)?;
                    self.leases.fetch_add(1, Ordering::AcqRel);
                    self.is_lost.store(false, Ordering::Release);
                    return Ok(hello);
                }
                Err(refused) => refused,
            };
            let patience = match &refused {
                Refused::Busy(_) if self.claim.is_drill => GIVEN_UP_WITHIN,
                Refused::Busy(_) | Refused::Silent(_) => FREE_WITHIN,
                _ => Duration::ZERO,
            };
            if began.elapsed() > patience {
                return Err(refused);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A manager of another service, or of another build, would run something else than what is asked for.
    fn fits(&self, hello: &Hello) -> Result<(), Refused> {
        if hello.service != self.service {
            let message = format!("it manages `{}`, not `{}`", hello.service, self.service);
            return Err(Refused::Unfit(message));
        }
        let own = (env!("CARGO_PKG_VERSION"), super::manager::build());
        if (hello.version.as_str(), &hello.build) != (own.0, &own.1) {
            let build = |build: &Option<String>| build.clone().unwrap_or_default();
            return Err(Refused::Unfit(format!(
                "it is version {} {}, this is {} {}",
                hello.version,
                build(&hello.build),
                own.0,
                build(&own.1)
            )));
        }
        Ok(())
    }

    /// Asks for news for as long as the run lasts.
    async fn watch(self: Arc<Self>) {
        let mut known = Known::default();
        let mut heard = Instant::now();
        loop {
            let asked = Instant::now();
            let lease = self.leases.load(Ordering::Acquire);
            if known.lease != lease {
                known = Known {
                    lease,
                    ..Known::default()
                };
            }
            let request = NewsRequest {
                run: self.claim.run.clone(),
                after: known.lines,
                ends: known.ends,
            };
            let answer = self.link.ask::<News>("/v1/news", &request, LEASE).await;
            let is_of_this_lease = self.leases.load(Ordering::Acquire) == lease;
            match answer {
                Ok(news) if is_of_this_lease => {
                    heard = Instant::now();
                    known.lines = news.next;
                    known.ends += news.ended.len();
                    self.take_in(news);
                }
                Err(Refused::NoLease) if is_of_this_lease => self.lose(),
                Err(_) if is_of_this_lease && heard.elapsed() > LEASE => self.lose(),
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep_until((asked + NEWS_EVERY).into()).await;
        }
    }

    fn take_in(&self, news: News) {
        if news.lost > 0 {
            self.log
                .push(&format!("{} lines were lost in transit", news.lost));
        }
        for line in &news.lines {
            self.log.push(line);
        }
        for Ended { id, status } in news.ended {
            self.ends().tell(id, ExitStatus::from_raw(status));
        }
        if news.is_wanted {
            self.claim.wanted.cancel();
        }
    }

    /// The manager does not have us any more: whatever ran there has ended.
    fn lose(&self) {
        self.is_lost.store(true, Ordering::Release);
        let mut ends = self.ends();
        let waiting: Vec<u64> = ends.waiting.keys().copied().collect();
        for id in waiting {
            ends.tell(id, ExitStatus::from_raw(KILLED));
        }
    }

    fn end_of(&self, id: u64) -> watch::Receiver<Option<ExitStatus>> {
        let mut ends = self.ends();
        let (sender, receiver) = watch::channel(ends.told.get(&id).copied());
        if sender.borrow().is_none() {
            ends.waiting.insert(id, sender);
        }
        receiver
    }

    /// Carries out the stop of one process, which is asked for once or comes with the end of its handle.
    async fn own(
        self: Arc<Self>,
        id: u64,
        mut stops: mpsc::Receiver<Duration>,
        mut exited: watch::Receiver<Option<ExitStatus>>,
    ) {
        let patience = tokio::select! {
            _ = exited.wait_for(Option::is_some) => return,
            patience = stops.recv() => patience.unwrap_or(Duration::ZERO),
        };
        let request = StopRequest {
            run: self.claim.run.clone(),
            id,
            patience_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
        };
        let done: Result<(), Refused> = self.link.ask("/v1/stop", &request, patience + LEASE).await;
        let told = tokio::time::timeout(LEASE, exited.wait_for(Option::is_some)).await;
        if done.is_err() || told.is_err() {
            // How it ended cannot be found out; it does not outlive the lease.
            self.ends().tell(id, ExitStatus::from_raw(KILLED));
        }
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock()
    }
}

impl Ends {
    fn tell(&mut self, id: u64, status: ExitStatus) {
        self.told.entry(id).or_insert(status);
        if let Some(waiting) = self.waiting.remove(&id) {
            waiting.send_replace(Some(status));
        }
    }
}

impl Refused {
    /// In words, with what to do.
    fn explain(self, instance: &str, base: &str) -> anyhow::Error {
        let (reason, log, hint) = match self {
            Self::Silent(reason) => (
                format!("does not answer: {reason}"),
                Vec::new(),
                "start it with `firedrill manage`, or fix its address in `--managers`",
            ),
            Self::Foreign => (
                "rejected the token".to_owned(),
                Vec::new(),
                "give the runner and all managers one `--token-file`",
            ),
            Self::Busy(message) => (
                format!("is busy: {message}"),
                Vec::new(),
                "end that run first: a shop serves one run at a time",
            ),
            Self::NoLease => (
                "no longer serves this run".to_owned(),
                Vec::new(),
                "it was unreachable for too long, or was restarted",
            ),
            Self::Unfit(message) => (
                format!("is incompatible: {message}"),
                Vec::new(),
                "use one image for the runner and all managers",
            ),
            Self::Failed { message, log } => {
                return Error::Start {
                    message,
                    log,
                    hint: None,
                }
                .into();
            }
        };
        Error::Start {
            message: format!("the manager of `{instance}` at {base} {reason}"),
            log,
            hint: Some(hint.to_owned()),
        }
        .into()
    }
}
