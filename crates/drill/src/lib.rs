//! One drill from start to end.
//!
//! ```text
//! up -> steady state -> timeline -> PAGE -> the responder acts -> write-up -> grade -> end
//!        (checked)      deploys     Prometheus's alert              submit, or Ctrl-C before it
//! ```
//! A drill has three parts, which know nothing of each other: the *course* (where it stands; pure), the *operator* (what
//! is done to the shop) and the *scribe* (what is told and recorded). Tasks drive them: timeline, pager, control API.
//! What is told goes to an [`Audience`]; nothing here knows a command line, and nothing is rendered.

pub mod api;
mod audience;
pub mod burst;
mod clock;
mod control;
mod course;
mod deploy_log;
mod disk;
mod drill;
mod end;
mod error;
mod folder;
mod gate;
mod grade;
mod impact;
mod jump;
mod load;
mod measure;
mod operator;
mod pager;
mod plan;
mod progress;
mod proof;
mod reproduction;
mod scribe;
pub mod session;
mod shop;
mod status;
mod timeline;
mod webhook;

use std::sync::Arc;

use anyhow::Context;
use record::Event;
use stack::Stack;
use stack::backend::Backend;
use stack::slot::Notice;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use audience::Audience;
pub use course::Ending;
pub use error::Error;
pub use plan::{Chosen, Options, Reader, Webhook};

use drill::{BACKEND, Drill};
use end::Ends;
use jump::Clocks;
use session::{Lock, StateDir};

/// Notices wait here; more than this at once means that a process dies in a loop, and then it waits.
const NOTICES: usize = 64;

/// Runs a drill, or the shop alone, until it is graded or ended.
pub fn run(
    options: Options,
    state: &StateDir,
    audience: Arc<dyn Audience>,
) -> anyhow::Result<Ending> {
    let lock = state.lock()?;
    folder::sweep(&state.runs());
    disk::check(state.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("runtime")?;
    let ending = runtime.block_on(live(options, state, lock, audience));
    // What still waits for an answer of a process that is gone has nothing to wait for.
    runtime.shutdown_background();
    end::wait_for_the_others();
    ending
}

/// The life of a drill.
async fn live(
    options: Options,
    state: &StateDir,
    lock: Lock,
    audience: Arc<dyn Audience>,
) -> anyhow::Result<Ending> {
    let mut ends = Ends::listen(options.until_eof)?;
    audience.step("starting the shop");
    let webhook = webhook::open(options.webhook.clone(), &options.backend).await?;
    let pager = webhook.as_ref().map(webhook::Bound::pager);
    let plan = plan::prepare(options, state, pager)?;

    let folder = plan.stack.folder.clone();
    let (notices, noticed) = mpsc::channel(NOTICES);
    let step = |what: &str| audience.step(what);
    let mut stack = tokio::select! {
        stack = Stack::start(plan.stack, &notices, &step) => {
            stack.map_err(|error| folder::discard_on(error, &folder))?
        }
        () = ends.wanted() => return folder::discard(&folder),
    };
    let (events, telling) = tell(Arc::clone(&audience));
    let drill = Drill::open(plan.opening, &stack, lock, events, audience)?;
    let drill = Arc::new(drill);
    let mut tasks = begin(&drill, webhook, noticed, &stack.backend).await?;
    until_over(&drill, &mut stack, &mut ends).await;

    tasks.shutdown().await;
    drill.load.stop().await;
    stack.stop().await;
    drill.scribe.close();
    telling.await.context("terminal output")?;
    Ok(drill.course(|course| course.ending()))
}

/// Lets everything begin that goes on side by side; the set ends it when it is dropped.
async fn begin(
    drill: &Arc<Drill>,
    webhook: Option<webhook::Bound>,
    mut noticed: mpsc::Receiver<Notice>,
    backend: &Backend,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    // Before anybody is told that the run has begun: a jump at that moment would be in the first reading.
    let clocks = Clocks::read();
    let (addr, control) = control::serve(Arc::clone(drill)).await?;
    tasks.spawn(control);
    if let Some(webhook) = webhook {
        tasks.spawn(webhook.serve(Arc::clone(drill)));
    }
    drill.scribe.listens(addr);
    drill.publish().await?;
    drill.scribe.ready(backend.about());
    tasks.spawn(timeline::play(Arc::clone(drill)));
    tasks.spawn(pager::watch(Arc::clone(drill)));
    tasks.spawn(disk::watch(Arc::clone(drill)));
    tasks.spawn(jump::watch(Arc::clone(drill), clocks));
    let noticing = Arc::clone(drill);
    tasks.spawn(async move {
        while let Some(notice) = noticed.recv().await {
            noticing.notice(notice).await;
        }
    });
    Ok(tasks)
}

/// Waits for the grade, or for what ends a drill without one; brings the backend back meanwhile.
async fn until_over(drill: &Drill, stack: &mut Stack, ends: &mut Ends) {
    loop {
        tokio::select! {
            () = drill.ended.cancelled() => return,
            () = ends.wanted() => return,
            () = stack.wanted.cancelled() => {
                drill.audience.note("a drill takes over the shop");
                return;
            }
            how = stack.backend.exited() => {
                bring_back(drill, &mut stack.backend, how).await;
            }
        }
    }
}

/// Starts the backend again on its own ports; what it had not written down for a second is lost.
async fn bring_back(drill: &Drill, backend: &mut Backend, how: String) {
    let instance = || BACKEND.to_owned();
    drill
        .notice(Notice::Ended {
            instance: instance(),
            how,
        })
        .await;
    match backend.revive().await {
        Ok(()) => {
            let instance = instance();
            drill.notice(Notice::Restarted { instance }).await;
        }
        Err(error) => drill.void(format!("the backend cannot be restarted: {error:#}")),
    }
}

/// A task that tells events until it hears that there are no more (`None`);
/// a connection that is still open to the control API may keep a sender for longer.
fn tell(
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
