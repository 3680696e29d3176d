//! `firedrill report`: the write-up before it is graded.

mod check;
mod draft;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use grader::WriteUp;
use grader::evidence::{Deploys, Snapshots};
use record::Chronicle;
use text::Problem;

use super::source::{self, Evidence, Place};
use crate::cli::write::{Report, ReportCommand, ReportNew};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::{self, Known};

/// Starts or checks a write-up.
pub(super) fn run(context: &Context, args: &Report) -> anyhow::Result<Outcome> {
    match &args.command {
        ReportCommand::New(args) => new(context, args),
        ReportCommand::Pin(args) => draft::pin(context, args),
        ReportCommand::Set(args) => draft::set(context, args),
        ReportCommand::Check(args) => check::run(context, args),
    }
}

fn new(context: &Context, args: &ReportNew) -> anyhow::Result<Outcome> {
    let text = report::template(&known(context)?);
    if args.output == Path::new("-") {
        context.terminal.print(&text)?;
        return Ok(Outcome::Done);
    }
    let mut options = File::options();
    options
        .write(true)
        .create(true)
        .truncate(args.force)
        .create_new(!args.force);
    let mut file = options
        .open(&args.output)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::usage(
                format!("`{}` already exists", args.output.display()),
                "choose another file with `-o FILE`, or overwrite it with `--force`",
            )
            .into(),
            _ => anyhow::Error::new(error).context(format!("write-up `{}`", args.output.display())),
        })?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("write-up `{}`", args.output.display()))?;
    context
        .terminal
        .print(&format!("{}\n", args.output.display()))?;
    Ok(Outcome::Done)
}

/// What the run's own record and the gateway's metrics say so far.
fn known(context: &Context) -> anyhow::Result<Known> {
    let place = Place::of(context, None)?;
    let folder = place.folder.clone();
    let frame = source::frame(&folder, place.now);
    let chronicle = Chronicle::read(&folder)?;
    let mut known = Known {
        run: record::run_of(&folder),
        page: frame.page,
        alert: chronicle.page.map(|page| page.alert).unwrap_or_default(),
        deploys: Deploys::open(&folder).all()?,
        snapshots: Snapshots::open(&folder)
            .list()?
            .into_iter()
            .map(|meta| meta.name)
            .collect(),
        started: Some(chronicle.started),
        impact: None,
    };
    // The numbers are a help; a backend that does not answer must not keep anyone from writing.
    let measured = Evidence::at(context, place).and_then(|evidence| {
        evidence.ask(report::impact::measured(
            &evidence.sources.prometheus,
            &frame,
        ))
    });
    match measured {
        Ok(impact) => known.impact = impact,
        Err(error) => context
            .terminal
            .note(&format!("the impact is left empty: {error:#}")),
    }
    Ok(known)
}

/// Reads a write-up's head; every problem of it is said at once.
pub(super) fn parsed(name: &str, text: &str) -> Result<WriteUp, Error> {
    report::parse(name, text).map_err(|problems| refused(&problems))
}

fn refused(problems: &[Problem]) -> Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Error::usage(lines.join("\n"), "correct the front matter and try again")
}
