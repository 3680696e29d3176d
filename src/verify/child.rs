//! One drill, run from start to end by a child of this process.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use record::{Event, FACTS, MEASURED, SCRATCH};
use scenario::Scenario;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::heap;
use super::silence::{self, Searched};
use crate::control::Control;
use drill::api::Submitted;
use drill::session::StateDir;

/// A start on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// The fast pace promises a page within a minute; a machine that runs several drills gets more.
const PAGED_WITHIN: Duration = Duration::from_secs(150);
/// How long the incident is looked at after the page: what its debrief points to must be there by then.
const LOOK: Duration = Duration::from_secs(25);
/// From a submission to the end, the removal of the cause included.
const ENDS_WITHIN: Duration = Duration::from_secs(240);
/// An empty write-up. It also leaves it to the runner to remove the cause.
pub(super) const NOTHING: &str = "+++\nverdict = \"no incident\"\nseverity = \"none\"\n+++\n";

/// A drill that was run.
#[derive(Debug)]
pub(super) struct Run {
    /// The run's folder, below [`Run::state`].
    pub(super) folder: PathBuf,
    /// The state folder of this drill alone; removed with this value.
    _state: TempDir,
    /// What the runner measured of the indicator.
    pub(super) measured: BTreeMap<String, f64>,
    pub(super) page_s: f64,
    /// When everything that is looked for had been looked at.
    pub(super) looked: OffsetDateTime,
    pub(super) silence: Searched,
    /// Why the drill is void, what did not page, what stayed behind.
    pub(super) problems: Vec<String>,
    /// Every event, oldest first.
    pub(super) events: Vec<Event>,
}

/// What a drill is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be checked: everything that it exports is searched.
    Check,
    /// To be recorded: heap snapshots are taken before and in the incident.
    Record,
}

/// Starts the drill, waits for its page, looks around, hands in that nothing was wrong, and waits for its end.
pub(super) fn run(scenario: &Scenario, seed: u64, purpose: Purpose) -> anyhow::Result<Run> {
    let state = tempfile::tempdir().context("a folder for the drill")?;
    let mut drill = Running::start(state.path(), &scenario.id, seed)?;
    let folder = drill.ready(READY_WITHIN)?;
    let session = || StateDir::locate(Some(state.path()), |_| None)?.load();
    if purpose == Purpose::Record {
        drill.steady(READY_WITHIN)?;
        heap::snapshots(&session()?, "before")?;
    }
    let page = drill.page(&scenario.page.alert, PAGED_WITHIN)?;
    std::thread::sleep(LOOK);
    let session = session()?;
    let silence = match purpose {
        Purpose::Check => {
            crate::runtime::on_this_thread()?.block_on(silence::search(&session, scenario))?
        }
        Purpose::Record => {
            heap::snapshots(&session, "after")?;
            Searched::default()
        }
    };
    let looked = OffsetDateTime::now_utc();
    let mut problems = Vec::new();
    match Control::new(&session)?.submit(NOTHING.to_owned())? {
        Submitted::Void { reason } => problems.push(format!("void: {reason}")),
        Submitted::Verdict { verdict, .. } if verdict.passed => {
            problems.push("an empty write-up passes".to_owned());
        }
        Submitted::Verdict { .. } => {}
    }
    let pids: Vec<u32> = session.services.iter().map(|service| service.pid).collect();
    drill.end()?;
    problems.extend(left_behind(&folder, &pids));
    Ok(Run {
        measured: MEASURED.read(&folder)?,
        page_s: (page - FACTS.read(&folder)?.frame.started).as_seconds_f64(),
        looked,
        folder,
        _state: state,
        silence,
        problems,
        events: std::mem::take(&mut drill.events),
    })
}

/// A drill that was run to its page and no further.
#[derive(Debug)]
pub(super) struct PagedRun {
    pub(super) folder: PathBuf,
    /// The state folder of this drill alone; removed with this value.
    _state: TempDir,
    pub(super) events: Vec<Event>,
}

/// Starts the drill, waits for its page and ends it.
pub(super) fn run_to_page(scenario: &Scenario, seed: u64) -> anyhow::Result<PagedRun> {
    let state = tempfile::tempdir().context("a folder for the drill")?;
    let mut drill = Running::start(state.path(), &scenario.id, seed)?;
    let folder = drill.ready(READY_WITHIN)?;
    drill.page(&scenario.page.alert, PAGED_WITHIN)?;
    drill.lifeline.take();
    drill.end()?;
    Ok(PagedRun {
        folder,
        _state: state,
        events: std::mem::take(&mut drill.events),
    })
}

/// What a drill must not leave: processes and databases.
fn left_behind(folder: &Path, pids: &[u32]) -> Vec<String> {
    let alive = pids.iter().filter(|pid| {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed());
        pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    });
    let mut left: Vec<String> = alive
        .map(|pid| format!("process {pid} of the shop is still running"))
        .collect();
    if folder.join(SCRATCH).exists() {
        left.push("its databases were not removed".to_owned());
    }
    left
}

/// A drill that runs; it ends when this is dropped, and when this process dies.
struct Running {
    child: Child,
    /// Open for as long as the drill is to run.
    lifeline: Option<ChildStdin>,
    lines: Receiver<Event>,
    events: Vec<Event>,
}

impl Running {
    fn start(state: &Path, id: &str, seed: u64) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe().context("this program")?)
            .args(["run", id, "--pace", "fast", "--ports", "auto", "--json"])
            .args(["--until-eof", "--seed", &seed.to_string()])
            .arg("--state-dir")
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("a drill")?;
        let lifeline = child.stdin.take();
        let output = child.stdout.take().context("the drill's output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(event) = serde_json::from_str(&line) else {
                    continue;
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            lifeline,
            lines,
            events: Vec::new(),
        })
    }

    /// Waits until everything is up; answers the run's folder.
    fn ready(&mut self, within: Duration) -> anyhow::Result<PathBuf> {
        self.event("`ready`", within, |event| match event {
            Event::Ready { folder, .. } => Some(PathBuf::from(folder)),
            _ => None,
        })
    }

    /// Waits until the baseline begins.
    fn steady(&mut self, within: Duration) -> anyhow::Result<()> {
        self.event("`steady`", within, |event| {
            matches!(event, Event::Steady { .. }).then_some(())
        })
    }

    /// Waits for the page of that alert, and answers when it came; on a busy machine another one may page first.
    fn page(&mut self, wanted: &str, within: Duration) -> anyhow::Result<OffsetDateTime> {
        let page = self.event("`page`", within, |event| match event {
            Event::Page { at, alert, .. } if alert == wanted => Some(*at),
            _ => None,
        });
        page.with_context(|| format!("`{wanted}` did not page"))
    }

    /// Waits for an event; a drill that is void before it is an error that says why.
    fn event<T>(
        &mut self,
        name: &str,
        within: Duration,
        pick: impl Fn(&Event) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = match self.lines.recv_timeout(left) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => bail!("no {name} within {within:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended before {name}"),
            };
            let picked = pick(&event);
            self.events.push(event.clone());
            if let Some(picked) = picked {
                return Ok(picked);
            }
            if let Event::Void { reason, .. } = event {
                bail!("void: {reason}");
            }
        }
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + ENDS_WITHIN;
        while self.child.try_wait().context("the drill")?.is_none() {
            if Instant::now() > deadline {
                bail!("it did not end within {ENDS_WITHIN:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.events.extend(self.lines.try_iter());
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lifeline.take();
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        // One that does not end when it is asked to is ended; its own children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
