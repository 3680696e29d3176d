//! Starts, observes, changes and stops a load.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Config, Problem, Record, Traffic,
    pacer::{self, Control},
    plan::Plan,
    record::line,
    worker::Worker,
};

/// Seconds kept in memory, at 10 MB an hour; older ones are only in the journal.
const HISTORY_S: u32 = 4 * 3_600;

/// Why a load failed to start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The load is not valid; every problem is listed.
    #[error("invalid load: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// The journal could not be created.
    #[error("failed to create the load record `{}`: {error}", path.display())]
    Journal {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A thread or runtime failed to start.
    #[error("failed to start the load generator: {0}")]
    Thread(#[from] io::Error),
}

/// A running load. Dropping it stops the load at once, without waiting for requests in flight.
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    threads: Threads,
}

#[derive(Debug, Default)]
struct Threads {
    /// Pacer and worker.
    senders: Vec<JoinHandle<()>>,
    recorder: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    control: Control,
    worker: Arc<Worker>,
    recording: Mutex<Recording>,
}

/// The record so far, and its journal.
#[derive(Debug)]
struct Recording {
    record: Record,
    journal: Option<File>,
}

/// Starts a load on its own threads; the first request is sent after one interval.
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
    let recording = Recording {
        record,
        journal: journal.transpose()?,
    };
    let plan = Plan::new(&config.load, config.seed);
    let limit = config.in_flight_limit();
    let started = Instant::now();
    let shared = Arc::new(Shared {
        started,
        control: Control::default(),
        worker: Arc::new(Worker::new(&config, started, limit)),
        recording: Mutex::new(recording),
    });
    // From here on, an error drops the handle, which stops the threads.
    let mut handle = Handle {
        shared,
        threads: Threads::default(),
    };
    handle.spawn_threads(plan, limit)?;
    Ok(handle)
}

impl Handle {
    /// The record so far.
    pub fn record(&self) -> Record {
        self.read(Clone::clone)
    }

    /// Reads the record so far without copying it, while recording continues.
    pub fn read<T>(&self, read: impl FnOnce(&Record) -> T) -> T {
        self.shared.collect();
        read(&self.shared.recording.lock().record)
    }

    /// Time since the start of the load.
    pub fn elapsed(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Number of requests in flight.
    pub fn in_flight(&self) -> usize {
        self.shared.worker.in_flight()
    }

    /// Sends other traffic from now on. Returns `false`, and changes nothing, if it has [problems](Traffic::problems).
    pub fn change(&self, traffic: Traffic) -> bool {
        let is_valid = traffic.problems().is_empty();
        if is_valid {
            self.shared.control.change(traffic);
        }
        is_valid
    }

    /// Stops sending, waits up to `deadline` for requests in flight, and returns the final record.
    pub async fn stop(mut self, deadline: Duration) -> Record {
        self.shared.control.stop(Instant::now() + deadline);
        let threads = std::mem::take(&mut self.threads);
        let shared = Arc::clone(&self.shared);
        let (tx, rx) = oneshot::channel();
        thread::spawn(move || {
            threads.join(&shared.control);
            // The caller may have dropped the future.
            let _sent = tx.send(());
        });
        let _ended = rx.await;
        self.record()
    }

    fn spawn_threads(&mut self, plan: Plan, queue: usize) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (tx, rx) = mpsc::channel(queue);
        let shared = Arc::clone(&self.shared);
        let body = move || {
            let deadline = || shared.control.deadline();
            runtime.block_on(shared.worker.run(rx, deadline));
        };
        self.threads.senders.push(spawn("load-worker", body)?);
        let shared = Arc::clone(&self.shared);
        let body = move || pacer::run(plan, shared.started, &shared.control, &shared.worker, &tx);
        self.threads.senders.push(spawn("load-pacer", body)?);
        let shared = Arc::clone(&self.shared);
        let body = move || shared.collect_every_second();
        self.threads.recorder = Some(spawn("load-record", body)?);
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
        self.shared.collect();
    }
}

impl Shared {
    fn collect_every_second(&self) {
        let mut is_over = false;
        while !is_over {
            let into_second =
                Duration::from_nanos(u64::from(self.started.elapsed().subsec_nanos()));
            is_over = self
                .control
                .wait_for_end(Duration::from_secs(1) - into_second);
            self.collect();
        }
    }

    /// Moves the worker's outcomes to the journal and the record.
    fn collect(&self) {
        // Locked throughout, so that lines are complete and a reader sees every request.
        let recording = &mut *self.recording.lock();
        let fresh = self.worker.take_fresh();
        recording.write(&fresh);
        recording.record.merge(&fresh);
        let now_s = u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        recording
            .record
            .drop_before(now_s.saturating_sub(HISTORY_S));
    }
}

impl Recording {
    fn write(&mut self, fresh: &Record) {
        let Some(file) = &mut self.journal else {
            return;
        };
        let mut lines = Vec::new();
        let written = line::write_seconds(fresh, &mut lines).and_then(|()| file.write_all(&lines));
        if written.is_err() {
            // Nothing may follow an incomplete line, which would make the whole file unreadable. The record in memory is
            // still complete.
            self.journal = None;
        }
    }
}

impl Threads {
    /// Waits for all threads; the recorder continues while the others finish requests in flight.
    fn join(self, control: &Control) {
        for thread in self.senders {
            // A thread prints its own panic; the record shows what is missing.
            let _panicked = thread.join();
        }
        control.end();
        let _panicked = self.recorder.map(JoinHandle::join);
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}
