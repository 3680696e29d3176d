//! One native program under its keeper: started, proven to be ours, restarted when it exits unexpectedly.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::keeper::Order;
use crate::backend::probe::Probe;
use crate::error::Error;
use crate::log_file::LogFile;
use crate::process::{Launch, Process};
use crate::slot::Notice;

/// The keeper itself is up at once.
const KEPT_WITHIN: Duration = Duration::from_secs(30);
/// Jaeger takes a second; a Prometheus that was killed reads its log of samples first.
const READY_WITHIN: Duration = Duration::from_secs(45);
/// Longer than the keeper grants the program.
const STOP_WITHIN: Duration = Duration::from_secs(6);
const POLL: Duration = Duration::from_millis(100);
/// The first pause before a program that exited unexpectedly is restarted.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A program that lived this long starts again with the first pause.
const STABLE_AFTER: Duration = Duration::from_secs(30);
/// Log lines that go with the message about a program that did not come up.
const TAIL: usize = 8;

/// By what an answer on the right port is known to come from the program that was started.
#[derive(Debug)]
pub(super) enum Proof {
    /// It sends the run's id in a header.
    Header { url: String, run: String },
    /// It says that it works on that database.
    Flag {
        ready: String,
        url: String,
        data: PathBuf,
    },
    /// It answers; only people read the text.
    Answer { url: String },
}

/// A program and the process that keeps it.
#[derive(Debug)]
pub(super) struct Member {
    name: &'static str,
    config: Value,
    proof: Proof,
    probe: Probe,
    log: LogFile,
    running: Mutex<Option<(Process, Instant)>>,
    closing: CancellationToken,
}

impl Member {
    /// Nothing runs yet. The log goes to `files`, apart from the shop's: it is not evidence.
    pub(super) fn new(
        name: &'static str,
        order: &Order,
        proof: Proof,
        probe: Probe,
        files: &Path,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            name,
            config: serde_json::to_value(order).context("configuration of a keeper")?,
            proof,
            probe,
            log: LogFile::open(files, name)?,
            running: Mutex::default(),
            closing: CancellationToken::new(),
        })
    }

    /// Starts the program and waits until it is proven to answer.
    pub(super) async fn start(&self) -> anyhow::Result<()> {
        let mut running = self.running.lock().await;
        let launch = Launch {
            role: "native",
            instance: self.name,
            config: &self.config,
            environment: &[],
            ready_within: KEPT_WITHIN,
        };
        let process = Process::start(launch, None, &self.log).await?;
        let answers = tokio::select! {
            answers = self.await_proof() => answers,
            status = process.exited() => {
                let how = status.map_or_else(|| "killed".to_owned(), |status| status.to_string());
                Err(format!("it exited immediately: {how}"))
            }
            () = self.closing.cancelled() => Err("it is no longer needed".to_owned()),
        };
        if let Err(why) = answers {
            process.stop(STOP_WITHIN).await;
            return Err(Error::Start {
                message: format!("`{}` did not start: {why}", self.name),
                log: self.log.tail(TAIL),
                hint: None,
            }
            .into());
        }
        *running = Some((process, Instant::now()));
        Ok(())
    }

    async fn await_proof(&self) -> Result<(), String> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let why = match self.is_proven().await {
                Ok(true) => return Ok(()),
                Ok(false) => "another program answers on its port".to_owned(),
                Err(why) => why,
            };
            if Instant::now() >= deadline {
                return Err(format!(
                    "{why}, {} s after its start",
                    READY_WITHIN.as_secs()
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn is_proven(&self) -> Result<bool, String> {
        Ok(match &self.proof {
            Proof::Header { url, run } => {
                let answer = self.probe.get(url).await?;
                answer.status == 200 && answer.is_of(run)
            }
            Proof::Flag { ready, url, data } => {
                if self.probe.get(ready).await?.status != 200 {
                    return Err("it is not ready".to_owned());
                }
                let flags = self.probe.get(url).await?.data().unwrap_or_default();
                flags["storage.tsdb.path"].as_str().map(Path::new) == Some(data)
            }
            Proof::Answer { url } => self.probe.get(url).await?.status == 200,
        })
    }

    /// Restarts the program whenever it exits unexpectedly, until it is closed.
    pub(super) async fn supervise(self: Arc<Self>, notices: mpsc::Sender<Notice>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some((exited, since)) = self.watch().await else {
                return;
            };
            let status = exited.await;
            if self.closing.is_cancelled() {
                return;
            }
            if since.elapsed() > STABLE_AFTER {
                pause = FIRST_PAUSE;
            }
            let instance = self.name.to_owned();
            let how = status.map_or_else(|| "killed".to_owned(), |status| status.to_string());
            // The receiver is gone only when the drill is ending, here and below.
            let _ = notices.send(Notice::Ended { instance, how }).await;
            loop {
                tokio::select! {
                    () = self.closing.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                // When it does not come up, its log says why, and the loop tries again after a longer pause.
                if self.start().await.is_ok() {
                    break;
                }
            }
            let instance = self.name.to_owned();
            let _ = notices.send(Notice::Restarted { instance }).await;
        }
    }

    async fn watch(
        &self,
    ) -> Option<(
        impl Future<Output = Option<std::process::ExitStatus>> + use<>,
        Instant,
    )> {
        let running = self.running.lock().await;
        let (process, since) = running.as_ref()?;
        Some((process.exited(), *since))
    }

    /// Ends the program and keeps it ended.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let running = self.running.lock().await.take();
        if let Some((process, _)) = running {
            process.stop(STOP_WITHIN).await;
        }
    }
}
