//! `firedrill report`: the write-up before it is graded.

mod check;
mod draft;

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
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
use crate::report::{self, Known, Noticed};

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
    write(&args.output, &text, args.force)?;
    context
        .terminal
        .print(&format!("{}\n", args.output.display()))?;
    Ok(Outcome::Done)
}

/// Puts a new file there, whole. What is replaced with `--force` is a file: a link would lead to one that was not named.
fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let (name, about) = (path.display(), || format!("write-up `{}`", path.display()));
    let there = path.symlink_metadata().ok();
    let refuse = |message: String, hint: &str| Err(Error::usage(message, hint).into());
    match there {
        Some(_) if !force => {
            let hint = "choose another file with `-o FILE`, or overwrite it with `--force`";
            return refuse(format!("`{name}` already exists"), hint);
        }
        Some(there) if !there.is_file() => {
            let message = format!("`{name}` is not a regular file");
            return refuse(message, "choose another file with `-o FILE`");
        }
        _ => {}
    }
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let mut fresh = tempfile::Builder::new()
        .prefix(".firedrill-report-")
        // As for any file: what the user's mask takes away is taken away.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(parent.unwrap_or(Path::new(".")))
        .with_context(about)?;
    fresh.write_all(text.as_bytes()).with_context(about)?;
    let placed = match force {
        true => fresh.persist(path),
        // Another one may have come meanwhile.
        false => fresh.persist_noclobber(path),
    };
    placed.map_err(|error| error.error).with_context(about)?;
    Ok(())
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
            .map(|meta| (meta.name, meta.service))
            .collect(),
        started: Some(chronicle.started),
        impact: Noticed::Unknown,
    };
    // The numbers are a help; a backend that does not answer must not keep anyone from writing.
    let measured = Evidence::at(context, place).and_then(|evidence| {
        evidence.ask(report::impact::measured(
            &evidence.sources.prometheus,
            &frame,
        ))
    });
    match measured {
        Ok(Some(impact)) => known.impact = Noticed::Impact(impact),
        Ok(None) if known.page.is_some() => known.impact = Noticed::Nothing,
        Ok(None) => {}
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_new_write_up_replaces_files_only_and_only_when_told() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| place.path().join(name);
        fs::write(path("file"), "old").expect("a file");
        fs::write(path("theirs"), "old").expect("a file");
        std::os::unix::fs::symlink("theirs", path("link")).expect("a link");
        std::os::unix::fs::symlink("nothing", path("dangling")).expect("a link");
        fs::create_dir(path("folder")).expect("a folder");
        for (name, force, expected) in [
            ("fresh", false, None),
            ("other", true, None),
            ("file", false, Some("already exists")),
            ("file", true, None),
            ("link", false, Some("already exists")),
            ("link", true, Some("is not a regular file")),
            ("dangling", false, Some("already exists")),
            ("dangling", true, Some("is not a regular file")),
            ("folder", true, Some("is not a regular file")),
        ] {
            let refused = write(&path(name), "new", force)
                .err()
                .map(|error| error.to_string());
            match expected {
                None => assert_eq!(
                    fs::read_to_string(path(name)).ok().as_deref(),
                    Some("new"),
                    "{refused:?}"
                ),
                Some(reason) => {
                    assert!(refused.is_some_and(|text| text.ends_with(reason)), "{name}")
                }
            }
        }
        assert_eq!(fs::read_to_string(path("theirs")).expect("a file"), "old");
        let left = fs::read_dir(place.path()).expect("a folder").count();
        assert_eq!(left, 7, "no temporary file is left");
    }
}
