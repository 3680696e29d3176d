//! What a manager holds: the lease of one run, its processes, and what happened since the run asked last.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use shop_api::Service;
use tokio::sync::Notify;

use super::{Ended, LEASE, LeaseRequest, News, NewsRequest, StartRequest, Started};
use crate::catalogue;
use crate::error::Error;
use crate::log_file::{LogFile, Tap};
use crate::process::{Launch, Process};

/// Log lines that wait for the runner; some minutes of a shop that has much to say.
const MOST_LINES: usize = 20_000;
/// The same as a size.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Variables that a run may set begin with this; others could change what program a child is.
const ALLOWED_VARIABLES: &str = "OTEL_";

/// Where the prepared catalogue is kept, beside the folders of the runs.
const CACHE: &str = "cache";

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Denied {
    /// The run does not have the manager: it never took it, or lost it.
    NoLease,
    /// Another run has it.
    Busy(String),
    /// The request cannot be carried out.
    Invalid(String),
    /// The process did not come up, or the databases could not be made.
    Failed { message: String, log: Vec<String> },
}

/// The manager's state.
#[derive(Debug)]
pub(super) struct Host {
    service: Service,
    listener: TcpListener,
    /// Databases go into a folder of the run in here.
    data: PathBuf,
    lease: Mutex<Option<Lease>>,
    lines: Arc<Lines>,
    /// Counts processes over all leases, so that the late end of one is never taken for another's.
    started: AtomicU64,
}

#[derive(Debug)]
struct Lease {
    run: String,
    is_drill: bool,
    /// When the run was last heard of.
    seen: Instant,
    is_wanted: bool,
    processes: BTreeMap<u64, Process>,
    /// Admin address of the newest process, until it ends.
    admin: Option<(u64, SocketAddr)>,
    ended: Vec<Ended>,
}

/// The log lines that the run does not have yet.
#[derive(Debug, Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    /// Something happened that the run wants to know.
    happened: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<String>,
    bytes: usize,
    /// The number of the oldest line.
    first: u64,
}

impl Tap for Lines {
    fn line(&self, line: &str) {
        let mut waiting = self.waiting.lock();
        waiting.bytes += line.len();
        waiting.lines.push_back(line.to_owned());
        while waiting.lines.len() > MOST_LINES || waiting.bytes > MOST_BYTES {
            waiting.drop_first();
        }
        drop(waiting);
        self.happened.notify_one();
    }
}

impl Waiting {
    fn drop_first(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.bytes -= line.len();
            self.first += 1;
        }
    }

    /// Forgets what the run has, gives what it has not.
    fn after(&mut self, after: u64) -> News {
        while self.first < after && !self.lines.is_empty() {
            self.drop_first();
        }
        News {
            next: self.first + self.lines.len() as u64,
            lines: self.lines.iter().cloned().collect(),
            lost: self.first.saturating_sub(after),
            ..News::default()
        }
    }
}

impl Host {
    pub(super) fn new(service: Service, listener: TcpListener, data: PathBuf) -> Self {
        Self {
            service,
            listener,
            data,
            lease: Mutex::default(),
            lines: Arc::default(),
            started: AtomicU64::new(0),
        }
    }

    /// The service whose processes it starts.
    pub(super) fn service(&self) -> Service {
        self.service
    }

    /// The folder of a run's databases.
    pub(super) fn scratch(&self, run: &str) -> PathBuf {
        self.data.join(run)
    }

    /// Gives the manager to a run, if no other has it; one without a drill is told that it is wanted.
    pub(super) fn lease(&self, request: &LeaseRequest) -> Result<(), Denied> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if request.run.is_empty() || !request.run.bytes().all(is_name) {
            let message = format!("`{}` is not a run id", request.run);
            return Err(Denied::Invalid(message));
        }
        let mut lease = self.held();
        if let Some(held) = lease.as_mut() {
            if held.run == request.run {
                held.seen = Instant::now();
                return Ok(());
            }
            held.is_wanted |= request.is_drill && !held.is_drill;
            self.lines.happened.notify_one();
            return Err(Denied::Busy(held.run.clone()));
        }
        *lease = Some(Lease {
            run: request.run.clone(),
            is_drill: request.is_drill,
            seen: Instant::now(),
            is_wanted: false,
            processes: BTreeMap::new(),
            admin: None,
            ended: Vec::new(),
        });
        drop(lease);
        *self.lines.waiting.lock() = Waiting::default();
        self.sweep(&request.run);
        Ok(())
    }

    /// Removes what runs before this one left, if the manager was killed under them.
    /// All who share the folder belong to one shop, which has one run at a time.
    fn sweep(&self, run: &str) {
        for entry in std::fs::read_dir(&self.data)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            if name != CACHE && name != *run {
                // What cannot be removed now is tried again by the next run.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Puts the catalogue's database where the run's processes look for it.
    pub(super) async fn catalogue(&self, run: &str) -> Result<(), Denied> {
        self.of_run(run, |_| ())?;
        let failed = |error: anyhow::Error| Denied::Failed {
            message: format!("{error:#}"),
            log: Vec::new(),
        };
        let scratch = self.scratch(run);
        std::fs::create_dir_all(&scratch).map_err(|error| failed(error.into()))?;
        let cache = self.data.join(CACHE);
        catalogue::install(&cache, &scratch, &|_| ())
            .await
            .map_err(failed)
    }

    /// Starts a process behind the public socket and waits until it is ready.
    pub(super) async fn start(self: &Arc<Self>, request: StartRequest) -> Result<Started, Denied> {
        self.of_run(&request.run, |_| ())?;
        let foreign = |(name, _): &&(String, String)| !name.starts_with(ALLOWED_VARIABLES);
        if let Some((name, _)) = request.environment.iter().find(foreign) {
            return Err(Denied::Invalid(format!("`{name}` cannot be set remotely")));
        }
        let launch = Launch {
            role: self.service.name(),
            instance: &request.instance,
            config: &request.config,
            environment: &request.environment,
            ready_within: Duration::from_millis(request.ready_within_ms),
        };
        let log = LogFile::tapped(&request.instance, Arc::clone(&self.lines) as Arc<dyn Tap>);
        let process = Process::start(launch, Some(&self.listener), &log)
            .await
            .map_err(|error| match error.downcast::<Error>() {
                Ok(Error::Start { message, log, .. }) => Denied::Failed { message, log },
                Ok(error) => Denied::Failed {
                    message: error.to_string(),
                    log: Vec::new(),
                },
                Err(error) => Denied::Failed {
                    message: format!("{error:#}"),
                    log: Vec::new(),
                },
            })?;
        let (pid, exited, ready) = (process.pid(), process.exited(), process.ready().clone());
        let admin = process
            .announced("admin")
            .ok()
            .and_then(|addr| addr.parse().ok());
        // A run that lost its lease in the meantime drops the process, which ends it.
        let id = self.started.fetch_add(1, Ordering::Relaxed);
        self.of_run(&request.run, |lease| {
            lease.processes.insert(id, process);
            lease.admin = admin.map(|addr| (id, addr));
        })?;
        let (host, run) = (Arc::clone(self), request.run);
        tokio::spawn(async move {
            let status = exited.await.map_or(0, |status| status.into_raw());
            // A run that is gone has no receiver.
            let _ = host.of_run(&run, |lease| lease.note_end(Ended { id, status }));
            host.lines.happened.notify_one();
        });
        Ok(Started { id, pid, ready })
    }

    /// Ends a process of the run; one that has ended already is not an error.
    pub(super) async fn stop(&self, run: &str, id: u64, patience: Duration) -> Result<(), Denied> {
        let process = self.of_run(run, |lease| lease.processes.remove(&id))?;
        if let Some(process) = process {
            process.stop(patience).await;
        }
        Ok(())
    }

    /// What happened since the run asked last; waits a little when that is nothing.
    pub(super) async fn news(
        &self,
        request: &NewsRequest,
        within: Duration,
    ) -> Result<News, Denied> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let (ended, is_wanted) = self.of_run(&request.run, |lease| {
                lease.seen = Instant::now();
                let known = request.ends.min(lease.ended.len());
                (lease.ended[known..].to_vec(), lease.is_wanted)
            })?;
            let mut news = self.lines.waiting.lock().after(request.after);
            (news.ended, news.is_wanted) = (ended, is_wanted);
            let is_something = !news.lines.is_empty() || !news.ended.is_empty() || is_wanted;
            let waiting = tokio::time::timeout_at(deadline, self.lines.happened.notified());
            if is_something || waiting.await.is_err() {
                return Ok(news);
            }
        }
    }

    /// The admin address of the newest process; an error of words when there is none to ask.
    pub(super) fn admin(&self) -> Admin {
        match self.held().as_ref() {
            None => Admin::Idle,
            Some(lease) => lease.admin.map_or(Admin::Down, |(_, addr)| Admin::At(addr)),
        }
    }

    /// Ends what the run has and gives the manager up.
    pub(super) async fn release(&self, run: &str) -> Result<(), Denied> {
        self.of_run(run, |_| ())?;
        self.end(Duration::ZERO).await;
        Ok(())
    }

    /// Gives up runs that are not heard of any more.
    pub(super) async fn watch(&self) {
        loop {
            tokio::time::sleep(LEASE / 10).await;
            let is_gone = self
                .held()
                .as_ref()
                .is_some_and(|lease| lease.seen.elapsed() > LEASE);
            if is_gone {
                self.end(Duration::ZERO).await;
            }
        }
    }

    /// Ends all processes, removes the run's databases, and is free again.
    pub(super) async fn end(&self, patience: Duration) {
        let Some(lease) = self.held().take() else {
            return;
        };
        let stops = lease
            .processes
            .into_values()
            .map(|process| process.stop(patience));
        futures_util::future::join_all(stops).await;
        remove(&self.scratch(&lease.run)).await;
    }

    fn of_run<T>(&self, run: &str, work: impl FnOnce(&mut Lease) -> T) -> Result<T, Denied> {
        match self.held().as_mut() {
            Some(lease) if lease.run == run => Ok(work(lease)),
            _ => Err(Denied::NoLease),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Lease>> {
        self.lease.lock()
    }
}

/// Who answers for the service's admin port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admin {
    /// No run has the manager: there is nothing to be asked.
    Idle,
    /// The service should run and does not.
    Down,
    /// The newest process.
    At(SocketAddr),
}

impl Lease {
    fn note_end(&mut self, end: Ended) {
        self.processes.remove(&end.id);
        self.ended.push(end);
        if self.admin.is_some_and(|(id, _)| id == end.id) {
            self.admin = None;
        }
    }
}

/// Removes a folder that another manager may be removing, too: the databases of two replicas are in one.
async fn remove(folder: &Path) {
    let folder = folder.to_owned();
    let work = move || (0..3).any(|_| std::fs::remove_dir_all(&folder).is_ok() || !folder.exists());
    // What is left of it is swept when the next run comes.
    let _ = tokio::task::spawn_blocking(work).await;
}

#[cfg(test)]
mod tests;
