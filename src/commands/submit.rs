//! `firedrill submit`: the grade.

pub(super) mod amend;

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use grader::{Verdict, WriteUp};
use record::{Debriefed, VERDICT_PAGE};

use super::report::parsed;
use crate::cli::write::Submit;
use crate::context::Context;
use crate::control::Control;
use crate::error::Outcome;
use crate::recorded::Recorded;
use crate::report::{self, file};
use crate::terminal::{Ink, Terminal};
use drill::api::{Step, Submitted};

/// How long the runner may take to stop the shop.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How often that is looked at.
const END_EVERY: Duration = Duration::from_millis(100);
/// How often a grade is asked how far it is.
const STEP_EVERY: Duration = Duration::from_millis(300);

/// What to expect before the verdict: nothing else in the drill takes so long.
const EXPECT: &str = "grading takes between ten seconds and two minutes: it waits until your last action has had time to show, looks up every pointer, \
     ends the incident if you have not, to prove that the drill was valid, and runs your reproduction";

/// Hands the write-up in and shows the verdict.
pub(super) fn run(context: &Context, args: &Submit) -> anyhow::Result<Outcome> {
    if args.amend || args.run.is_some() {
        return of_a_record(context, args);
    }
    let session = context.state.load()?;
    let (text, _) = read(args)?;
    let submitted = submit(context, &Control::new(&session)?, text)?;
    let page = session.folder.join(VERDICT_PAGE);
    let next = format!(
        "next: `firedrill debrief`; to share the verdict: {}",
        page.display()
    );
    let outcome = show(context, args, &submitted, &next)?;
    wait_for_the_end(context);
    Ok(outcome)
}

/// The file, and the write-up in it.
fn read(args: &Submit) -> anyhow::Result<(String, WriteUp)> {
    let text = file::read(&args.file)?;
    let write_up = parsed(&args.file.display().to_string(), &text)?;
    Ok((text, write_up))
}

/// Grades by what a run recorded.
fn of_a_record(context: &Context, args: &Submit) -> anyhow::Result<Outcome> {
    let (text, write_up) = read(args)?;
    if args.amend {
        let folder = amend::folder(context, args.run.as_deref())?;
        let (mut verdict, title) = again(context, &folder, &write_up)?;
        verdict.amended = true;
        let page = report::html(&title, &write_up, &verdict);
        amend::keep(&folder, &text, &page, &verdict)?;
        return show(context, args, &graded(verdict), "next: `firedrill debrief`");
    }
    let run = args.run.as_deref().unwrap_or_default();
    let folder = context.run_folder(run)?;
    let (verdict, _) = again(context, &folder, &write_up)?;
    // Trying write-ups until one passes proves nothing.
    Debriefed::mark(&folder, context.now);
    show(context, args, &graded(verdict), "")
}

/// Waits for the grade, says what is being done for it, and then how long that took.
fn submit(context: &Context, control: &Control, text: String) -> anyhow::Result<Submitted> {
    context.terminal.note(EXPECT);
    let progress = context.terminal.progress("grading");
    let (over, is_over) = mpsc::channel::<()>();
    let label = &progress;
    let (submitted, steps) = std::thread::scope(|scope| {
        let steps = scope.spawn(move || {
            let mut steps: Vec<Step> = Vec::new();
            while is_over.recv_timeout(STEP_EVERY) == Err(RecvTimeoutError::Timeout) {
                // A runner that does not answer now has the verdict to tell what is wrong.
                let Ok(known) = control.grading() else {
                    continue;
                };
                let what = |steps: &[Step]| steps.last().map(|last| last.what.clone());
                if let Some(last) = known.last().filter(|_| what(&known) != what(&steps)) {
                    label.set(format!("grading: {}", last.what));
                }
                steps = known;
            }
            steps
        });
        let submitted = control.submit(text);
        drop(over);
        // A panic there has been told by its thread.
        (submitted, steps.join().unwrap_or_default())
    });
    drop(progress);
    let submitted = submitted?;
    let took = steps.iter().filter(|step| step.seconds >= 1.0).map(|step| {
        let seconds = text::format::elapsed(step.seconds.round() as u64);
        format!("{} {seconds}", step.what)
    });
    let took: Vec<String> = took.collect();
    if !took.is_empty() {
        let note = format!("graded: {}", took.join(", "));
        context.terminal.note(&note);
    }
    Ok(submitted)
}

/// One shape for every grade, of the running drill and from a record.
fn show(
    context: &Context,
    args: &Submit,
    submitted: &Submitted,
    next: &str,
) -> anyhow::Result<Outcome> {
    let terminal = &context.terminal;
    if args.format.json {
        terminal.json(submitted)?;
    } else {
        terminal.print(&shown(submitted, next, terminal))?;
    }
    Ok(match submitted {
        Submitted::Verdict { passed: true, .. } => Outcome::Done,
        Submitted::Verdict { passed: false, .. } => Outcome::NotPassed,
        Submitted::Void { .. } => Outcome::Void,
    })
}

fn shown(submitted: &Submitted, next: &str, terminal: &Terminal) -> String {
    match submitted {
        Submitted::Verdict { verdict, .. } => {
            let text = report::verdict(verdict, terminal.out, terminal.width);
            match next {
                "" => text,
                next => format!("{text}\n{}\n", terminal.out.paint(Ink::Faint, next)),
            }
        }
        Submitted::Void { reason } => {
            format!("{} {reason}\n", terminal.out.paint(Ink::Warning, "void:"))
        }
    }
}

fn graded(verdict: Verdict) -> Submitted {
    Submitted::Verdict {
        passed: verdict.passed,
        verdict: Box::new(verdict),
    }
}

/// Grades by what a run recorded; returns the drill's title as well. Nothing of that run changes.
fn again(
    context: &Context,
    folder: &Path,
    write_up: &WriteUp,
) -> anyhow::Result<(Verdict, String)> {
    let progress = context
        .terminal
        .progress("grading: loading the run and checking pointers");
    let runtime = crate::runtime::on_this_thread()?;
    let graded = runtime.block_on(async {
        let recorded = Recorded::open(folder).await?;
        let verdict = recorded.grade(write_up).await;
        let title = recorded.scenario.title.clone();
        recorded.close().await;
        anyhow::Ok((verdict, title))
    });
    drop(progress);
    graded
}

/// The runner ends with the grade; the next `debrief` finds it ended.
fn wait_for_the_end(context: &Context) {
    let deadline = Instant::now() + END_WITHIN;
    while matches!(context.state.find(), Ok(Some(_))) && Instant::now() < deadline {
        std::thread::sleep(END_EVERY);
    }
}
