//! One drill from start to end.
//!
//! ```text
//! up -> steady state -> timeline -> PAGE -> the responder acts -> write-up -> grade -> end
//!        (checked)      deploys     Prometheus's alert              submit, or Ctrl-C before it
//! ```
//! Everything that runs beside each other (timeline, pager, control API, notices) is a task of this
//! module's set; when the drill ends, the set is dropped and the processes are stopped.

mod audience;
mod control;
pub(crate) mod deploy_log;
mod drill;
pub(crate) mod folder;
mod grade;
mod impact;
mod load;
mod measure;
mod operate;
mod pager;
mod plan;
mod reproduction;
mod status;
mod timeline;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use record::Event;
use stack::Stack;
use stack::backend::{Backend, JAEGER, Pager};
use stack::slot::Notice;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::now;
use crate::error::Outcome;
use crate::session::StateDir;
pub(crate) use audience::Audience;
use drill::{Drill, Phase};
pub(crate) use plan::Options;
pub(crate) use webhook::Webhook;

/// How long the first process of a container waits for the commands in it, once the drill is over.
const OTHERS_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks whether there are any.
const OTHERS_EVERY: Duration = Duration::from_millis(50);
/// Notices wait here for the terminal; more than this at once means that a process dies in a loop, and then it waits.
const NOTICES: usize = 64;

/// Runs a drill, or the shop alone, until it is graded or ended.
pub(crate) fn run(
    options: Options,
    state: &StateDir,
    audience: Arc<dyn Audience>,
) -> anyhow::Result<Outcome> {
    let lock = state.lock()?;
    folder::sweep(&state.runs());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("runtime")?;
    let outcome = runtime.block_on(drive(options, state, lock, audience));
    // What still waits for an answer of a process that is gone has nothing to wait for.
    runtime.shutdown_background();
    if std::process::id() == 1 {
        wait_for_the_others();
    }
    outcome
}

/// The first process of a container takes all others with it when it ends: someone who submitted a write-up from within
/// the container gets to read the grade.
fn wait_for_the_others() {
    let deadline = Instant::now() + OTHERS_WITHIN;
    let is_process = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        name.parse::<u32>().is_ok_and(|id| id != 1)
    };
    while Instant::now() < deadline
        && std::fs::read_dir("/proc").is_ok_and(|all| all.flatten().any(is_process))
    {
        std::thread::sleep(OTHERS_EVERY);
    }
}

async fn drive(
    options: Options,
    state: &StateDir,
    lock: crate::session::Lock,
    audience: Arc<dyn Audience>,
) -> anyhow::Result<Outcome> {
    let mut interrupts = signal(SignalKind::interrupt()).context("interrupt signal")?;
    let mut terminations = signal(SignalKind::terminate()).context("termination signal")?;
    let (notices, noticed) = mpsc::channel(NOTICES);
    let (events, telling) = tell_events(Arc::clone(&audience));
    audience.step("starting the shop");

    let webhook = webhook::open(&options).await?;
    let mut unattended = std::pin::pin!(end_of_input(options.until_eof));
    let prepared = plan::prepare(options, state)?;
    let pager = webhook.as_ref().map(webhook::Bound::pager);
    let starting = start(&prepared, pager, &notices, &*audience);
    let stack = tokio::select! {
        stack = starting => stack.map_err(|error| folder::discard_on(error, &prepared.folder))?,
        _ = interrupts.recv() => return folder::discard(&prepared.folder),
        _ = terminations.recv() => return folder::discard(&prepared.folder),
        () = &mut unattended => return folder::discard(&prepared.folder),
    };
    let mut stack = stack;
    let drill =
        Arc::new(plan::assemble(prepared, &stack, lock, events, Arc::clone(&audience)).await?);
    let mut tasks = begin(&drill, webhook, noticed).await?;
    loop {
        tokio::select! {
            () = drill.ended.cancelled() => break,
            _ = interrupts.recv() => break,
            _ = terminations.recv() => break,
            () = &mut unattended => break,
            () = stack.wanted.cancelled() => {
                audience.note("a drill takes over the shop");
                break;
            }
            status = stack.backend.exited() => {
                let how = status.map_or_else(|| "killed".to_owned(), |status| status.to_string());
                bring_back(&drill, &mut stack.backend, how).await;
            }
        }
    }
    tasks.shutdown().await;
    drill.load.stop().await;
    stack.stop().await;
    let outcome = drill.outcome();
    drill.close();
    drill.say_no_more();
    telling.await.context("terminal output")?;
    Ok(outcome)
}

/// Lets everything begin that runs beside each other; the set ends it when it is dropped.
async fn begin(
    drill: &Arc<Drill>,
    webhook: Option<webhook::Bound>,
    mut noticed: mpsc::Receiver<Notice>,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let (addr, control) = control::serve(Arc::clone(drill)).await?;
    tasks.spawn(control);
    if let Some(webhook) = webhook {
        tasks.spawn(webhook.serve(Arc::clone(drill)));
    }
    drill.publish(addr).await?;
    drill.announce_ready();
    tasks.spawn(timeline::play(Arc::clone(drill)));
    tasks.spawn(pager::watch(Arc::clone(drill)));
    tasks.spawn(folder::watch_disk(Arc::clone(drill)));
    let telling = Arc::clone(drill);
    tasks.spawn(async move {
        while let Some(notice) = noticed.recv().await {
            tell(&telling, notice).await;
        }
    });
    Ok(tasks)
}

/// Completes when standard input ends, if that is to end the drill; else never.
async fn end_of_input(is_wanted: bool) {
    if !is_wanted {
        return std::future::pending().await;
    }
    // An error is an end too.
    let read = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    let _ = tokio::task::spawn_blocking(read).await;
}

async fn start(
    prepared: &plan::Prepared,
    pager: Option<Pager>,
    notices: &mpsc::Sender<Notice>,
    audience: &dyn Audience,
) -> anyhow::Result<Stack> {
    Stack::start(prepared.stack_plan(pager)?, notices, &|step| {
        audience.step(step)
    })
    .await
}

async fn tell(drill: &Drill, notice: Notice) {
    let (instance, what) = match notice {
        Notice::Ended { instance, how } => (instance, format!("exited unexpectedly ({how})")),
        Notice::Restarted { instance } => (instance, "restarted".to_owned()),
        Notice::Silent { instance, reason } => (instance, format!("stopped answering ({reason})")),
        Notice::Answers { instance } => (instance, "answers again".to_owned()),
    };
    if instance == JAEGER {
        // What it had in memory may be gone: that a trace is not there proves nothing any more.
        drill.sources.jaeger.forgets(now());
    }
    // The new process has another admin port: scraper and terminals must find it.
    let _ = drill.fleet.write_targets().await;
    let _ = drill.refresh_session().await;
    drill.say(Event::Process {
        at: now(),
        instance,
        what,
    });
}

/// Starts the backend again on its own ports; what it had not written down for a second is lost.
async fn bring_back(drill: &Drill, backend: &mut Backend, how: String) {
    tell(
        drill,
        Notice::Ended {
            instance: "backend".to_owned(),
            how,
        },
    )
    .await;
    match backend.revive().await {
        Ok(()) => {
            tell(
                drill,
                Notice::Restarted {
                    instance: "backend".to_owned(),
                },
            )
            .await
        }
        Err(error) => drill.void(format!("the backend cannot be restarted: {error:#}")),
    }
}

/// A task that tells events until it hears that there are no more (`None`);
/// a connection that is still open to the control API may keep a sender for longer.
fn tell_events(
    audience: Arc<dyn Audience>,
) -> (
    mpsc::UnboundedSender<Option<Event>>,
    tokio::task::JoinHandle<()>,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Option<Event>>();
    let telling = tokio::spawn(async move {
        while let Some(Some(event)) = receiver.recv().await {
            audience.event(&event);
        }
    });
    (sender, telling)
}

impl Drill {
    /// How the program ends.
    fn outcome(&self) -> Outcome {
        self.update(|state| match (state.phase, state.passed) {
            (Phase::Ended, Some(true)) => Outcome::Done,
            (Phase::Ended, Some(false)) => Outcome::NotPassed,
            (Phase::Ended, None) => Outcome::Void,
            _ => Outcome::Done,
        })
    }
}
