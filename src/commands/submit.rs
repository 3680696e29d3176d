//! `firedrill submit`: the grade.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use record::VERDICT_PAGE;

use super::report::parsed;
use crate::cli::write::Submit;
use crate::context::Context;
use crate::control::{Control, Submitted};
use crate::error::{Error, Outcome};
use crate::recorded::Recorded;
use crate::report;
use crate::terminal::{Console, Ink};

/// How long the runner may take to stop the shop.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How often that is looked at.
const END_EVERY: Duration = Duration::from_millis(100);

/// Hands the write-up in and shows the verdict.
pub(super) fn run(context: &Context, args: &Submit) -> anyhow::Result<Outcome> {
    let bytes = std::fs::read(&args.file).map_err(|error| {
        Error::usage(
            format!("write-up `{}`: {error}", args.file.display()),
            "`firedrill report new` starts one",
        )
    })?;
    let write_up = String::from_utf8(bytes)
        .with_context(|| format!("write-up `{}` is not UTF-8", args.file.display()))?;
    if let Some(run) = &args.run {
        return again(context, args, run, &write_up);
    }
    let session = context.state.load()?;
    let progress = context
        .console
        .progress("grading: measuring the live system and checking pointers");
    let submitted = Control::new(&session)?.submit(write_up)?;
    drop(progress);
    if args.format.json {
        context.console.json(&submitted)?;
    } else {
        let page = session.folder.join(VERDICT_PAGE);
        context
            .console
            .print(&shown(&submitted, &page, &context.console))?;
    }
    wait_for_the_end(context);
    Ok(match submitted {
        Submitted::Verdict { passed: true, .. } => Outcome::Done,
        Submitted::Verdict { passed: false, .. } => Outcome::NotPassed,
        Submitted::Void { .. } => Outcome::Void,
    })
}

fn shown(submitted: &Submitted, page: &Path, console: &Console) -> String {
    match submitted {
        Submitted::Verdict { verdict, .. } => {
            let next = format!(
                "next: `firedrill debrief`; to share the verdict: {}",
                page.display()
            );
            format!(
                "{}\n{}\n",
                report::verdict(verdict, console.out, console.width),
                console.out.paint(Ink::Faint, &next)
            )
        }
        Submitted::Void { reason } => {
            format!("{} {reason}\n", console.out.paint(Ink::Warning, "void:"))
        }
    }
}

/// Grades by what a run recorded; nothing of that run changes.
fn again(context: &Context, args: &Submit, run: &str, write_up: &str) -> anyhow::Result<Outcome> {
    let name = args.file.display().to_string();
    let write_up = parsed(&name, write_up)?;
    let folder = context.run_folder(run)?;
    let progress = context
        .console
        .progress("grading: loading the run and checking pointers");
    let runtime = crate::runtime::on_this_thread()?;
    let verdict = runtime.block_on(async {
        let recorded = Recorded::open(&folder).await?;
        let verdict = recorded.grade(&write_up).await;
        recorded.close().await;
        anyhow::Ok(verdict)
    })?;
    drop(progress);
    if args.format.json {
        context.console.json(&verdict)?;
    } else {
        let text = report::verdict(&verdict, context.console.out, context.console.width);
        context.console.print(&text)?;
    }
    Ok(match verdict.passed {
        true => Outcome::Done,
        false => Outcome::NotPassed,
    })
}

/// The runner ends with the grade; the next `debrief` finds it ended.
fn wait_for_the_end(context: &Context) {
    let deadline = Instant::now() + END_WITHIN;
    while matches!(context.state.find(), Ok(Some(_))) && Instant::now() < deadline {
        std::thread::sleep(END_EVERY);
    }
}
