//! Starting, watching, changing and ending a load.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    Config, Problem, Record, Snapshot,
    pacer::{self, Control},
    plan::Plan,
    record::line,
    worker::{Worker, lock},
};

/// Seconds that are kept in memory: a drill has 10 MB an hour. Older ones are in the journal only.
const HISTORY_S: u32 = 4 * 3_600;

/// Why a load could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The load is not valid; every problem is listed.
    #[error("load is not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// The journal could not be created.
    #[error("load record `{}`: {error}", path.display())]
    Journal {
        /// Where it was to be.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A thread or runtime could not be started.
    #[error("load generator: {0}")]
    Thread(#[from] io::Error),
}

/// A running load. Dropping it ends the load at once, without waiting for what is under way.
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    threads: Threads,
}

#[derive(Debug, Default)]
struct Threads {
    /// Pacer and workers.
    senders: Vec<JoinHandle<()>>,
    recorder: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    control: Control,
    workers: Vec<Arc<Worker>>,
    kept: Mutex<Kept>,
}

/// The record so far, and its file.
#[derive(Debug)]
struct Kept {
    record: Record,
    journal: Option<File>,
    journal_error: Option<io::Error>,
}

/// Starts a load on threads of its own; the first request goes out one gap after this.
pub fn start(config: Config) -> Result<Handle, StartError> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(StartError::Invalid(problems));
    }
    let record = Record::new(config.started_at_ms, config.seed);
    let journal = config.journal.as_ref().map(|path| {
        let created =
            File::create(path).and_then(|file| line::write_head(&record, &file).map(|()| file));
        created.map_err(|error| StartError::Journal {
            path: path.clone(),
            error,
        })
    });
    let kept = Kept {
        record,
        journal: journal.transpose()?,
        journal_error: None,
    };
    let plan = Plan::new(&config.load, config.seed);
    let limit = config.in_flight_limit().div_ceil(config.workers);
    let started = Instant::now();
    let shared = Arc::new(Shared {
        started,
        control: Control::default(),
        workers: (0..config.workers)
            .map(|_| Arc::new(Worker::new(&config, started, limit)))
            .collect(),
        kept: Mutex::new(kept),
    });
    // From here on an error drops the handle, which ends the threads there are.
    let mut handle = Handle {
        shared,
        threads: Threads::default(),
    };
    handle.spawn_threads(plan, limit)?;
    Ok(handle)
}

impl Handle {
    /// Everything so far, up to this moment.
    pub fn record(&self) -> Record {
        self.read(Clone::clone)
    }

    /// Looks at everything so far without copying it. Recording goes on meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        self.shared.keep();
        look(&lock(&self.shared.kept).record)
    }

    /// The last `window_s` whole seconds.
    pub fn snapshot(&self, window_s: u32) -> Snapshot {
        let at_s = u32::try_from(self.elapsed().as_secs()).unwrap_or(u32::MAX);
        let in_flight = self.shared.in_flight();
        self.read(|record| Snapshot::of(record, at_s, window_s, in_flight))
    }

    /// Time since the start of the load.
    pub fn elapsed(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Requests under way at this moment.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight()
    }

    /// Holds this rate (requests per second) from now on, whatever the profile says; `None` goes back to the profile.
    ///
    /// A rate that [`crate::Load`] would not accept is refused: the result says whether it was taken.
    pub fn set_rate(&self, rate: Option<f64>) -> bool {
        let is_valid = rate.is_none_or(crate::load::is_rate);
        if is_valid {
            self.shared.control.set_rate(rate);
        }
        is_valid
    }

    /// What went wrong when the journal was written, if anything; the record in memory is whole all the same.
    pub fn journal_error(&self) -> Option<String> {
        lock(&self.shared.kept)
            .journal_error
            .as_ref()
            .map(ToString::to_string)
    }

    /// Sends nothing more, waits up to `deadline` for what is under way, and gives the final record.
    pub async fn stop(mut self, deadline: Duration) -> Record {
        self.shared.control.stop(Instant::now() + deadline);
        let threads = std::mem::take(&mut self.threads);
        let shared = Arc::clone(&self.shared);
        let (tx, rx) = oneshot::channel();
        thread::spawn(move || {
            threads.join(&shared.control);
            // Nobody waits any more if the caller dropped the future.
            let _unheard = tx.send(());
        });
        let _ended = rx.await;
        self.record()
    }

    fn spawn_threads(&mut self, plan: Plan, queue: usize) -> io::Result<()> {
        let mut lanes = Vec::new();
        for (number, worker) in self.shared.workers.iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (tx, rx) = mpsc::channel(queue);
            lanes.push((Arc::clone(worker), tx));
            let (worker, shared) = (Arc::clone(worker), Arc::clone(&self.shared));
            let body = move || runtime.block_on(worker.run(rx, || shared.control.deadline()));
            self.threads
                .senders
                .push(spawn(format!("load-{number}"), body)?);
        }
        let shared = Arc::clone(&self.shared);
        let body = move || pacer::run(plan, shared.started, &shared.control, &lanes);
        self.threads
            .senders
            .push(spawn("load-pacer".to_owned(), body)?);
        let shared = Arc::clone(&self.shared);
        let body = move || shared.keep_every_second();
        self.threads.recorder = Some(spawn("load-record".to_owned(), body)?);
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let threads = std::mem::take(&mut self.threads);
        if !threads.senders.is_empty() {
            self.shared.control.stop(Instant::now());
            threads.join(&self.shared.control);
        }
        self.shared.keep();
    }
}

impl Shared {
    fn in_flight(&self) -> usize {
        self.workers.iter().map(|worker| worker.in_flight()).sum()
    }

    fn keep_every_second(&self) {
        let mut is_over = false;
        while !is_over {
            let into_second =
                Duration::from_nanos(u64::from(self.started.elapsed().subsec_nanos()));
            is_over = self
                .control
                .wait_for_end(Duration::from_secs(1) - into_second);
            self.keep();
        }
    }

    /// Moves what the workers recorded into the journal and the record.
    fn keep(&self) {
        // Held throughout, so that lines are whole and a reader never sees a request neither here nor there.
        let kept = &mut *lock(&self.kept);
        let mut fresh = Record::new(kept.record.started_at_ms, kept.record.seed);
        for worker in &self.workers {
            fresh.merge(&worker.take_fresh());
        }
        kept.write(&fresh);
        kept.record.merge(&fresh);
        let now_s = u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        kept.record.forget_before(now_s.saturating_sub(HISTORY_S));
    }
}

impl Kept {
    fn write(&mut self, fresh: &Record) {
        let Some(file) = &mut self.journal else {
            return;
        };
        let mut lines = Vec::new();
        let written = line::write_seconds(fresh, &mut lines).and_then(|()| file.write_all(&lines));
        if let Err(error) = written {
            // A torn line in the middle would make the whole file unreadable, so nothing follows it.
            self.journal = None;
            self.journal_error = Some(error);
        }
    }
}

impl Threads {
    /// Waits for the end of all: the recorder goes on while the others wait for what is under way.
    fn join(self, control: &Control) {
        for thread in self.senders {
            // A panic of a thread was printed by it; the record shows what is missing.
            let _panicked = thread.join();
        }
        control.end();
        let _panicked = self.recorder.map(JoinHandle::join);
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body)
}
