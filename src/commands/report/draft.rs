//! `report pin` and `report set`: the draft is changed from the terminal, in place.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use grader::Kind;
use grader::moment::clock_text;
use grader::pointer::{Executed, Outcome as Found, Pointer};
use text::format::harmless_lines;
use time::OffsetDateTime;

use super::refused;
use crate::cli::write::{ReportPin, ReportSet};
use crate::commands::source::{self, Evidence};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report::edit::{Entry, Key};
use crate::report::{Draft, file};

/// Looks a pointer up and adds it.
pub(super) fn pin(context: &Context, args: &ReportPin) -> anyhow::Result<Outcome> {
    let key = Key::of_pointers(&args.to)?;
    let mut draft = read(&args.file)?;
    let evidence = Evidence::open(context, None)?;
    let now = evidence.place.now;
    let pointer = timed(&args.pointer, now);
    let frame = source::frame(&evidence.place.folder, now);
    let progress = context.terminal.progress("looking it up");
    let found = evidence.wait(grader::pointer::execute(
        &evidence.sources,
        &frame,
        &pointer,
    ));
    drop(progress);
    resolved(&found, &pointer)?;
    let address = draft.pin(&key, &pointer)?;
    if key.section == "timeline" && key.entry == Some(Entry::New) {
        let finding = found.finding();
        let at = finding.and_then(|finding| finding.at).unwrap_or(now);
        let what = args
            .what
            .clone()
            .unwrap_or_else(|| text::format::harmless(&found.sentence()).into_owned());
        for (name, value) in [("at", clock_text(at)), ("what", what)] {
            draft.set(&format!("timeline.{name}").parse()?, &value, false)?;
        }
    } else if args.what.is_some() {
        return Err(Error::usage(
            "`--what` is for a new entry of the timeline",
            "add `--to timeline`",
        )
        .into());
    }
    write(&args.file, &draft.finish()?)?;
    let sentence = found.sentence();
    let line = format!("{address}  {pointer}\n  {sentence}\n");
    context.terminal.print(&harmless_lines(&line))?;
    Ok(Outcome::Done)
}

/// Fills in fields: all of them, or none where one cannot be.
pub(super) fn set(context: &Context, args: &ReportSet) -> anyhow::Result<Outcome> {
    let mut draft = read(&args.file)?;
    let mut said = String::new();
    for field in &args.fields {
        let (key, value, add) = assignment(field)?;
        let value = match value {
            "now" if ["at", "start", "end"].contains(&key.name) => clock_text(context.now),
            value => value.to_owned(),
        };
        draft.set(&key, &value, add)?;
        said.push_str(&format!("{key} {} {value}\n", if add { "+=" } else { "=" }));
    }
    write(&args.file, &draft.finish()?)?;
    context.terminal.print(&harmless_lines(&said))?;
    Ok(Outcome::Done)
}

/// `KEY=VALUE` or `KEY+=VALUE`; the last says whether to add.
fn assignment(field: &str) -> Result<(Key, &str, bool), Error> {
    let Some((key, value)) = field.split_once('=') else {
        let hint = "write `KEY=VALUE`, such as `severity=sev2`";
        return Err(Error::usage(format!("`{field}` has no `=`"), hint));
    };
    let (key, add) = key
        .strip_suffix('+')
        .map_or((key, false), |key| (key, true));
    Ok((key.trim().parse()?, value.trim(), add))
}

/// A bare trace id gets its kind, and an expression without a time the present one.
fn timed(typed: &str, now: OffsetDateTime) -> String {
    let typed = typed.trim();
    if typed.len() == 32 && typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return format!("trace:{typed}");
    }
    if !typed.starts_with("promql:") || typed.parse::<Pointer>().is_ok() {
        return typed.to_owned();
    }
    let (expression, claim) = match typed.rsplit_once("=>") {
        Some((expression, claim)) => (expression.trim_end(), format!(" => {}", claim.trim())),
        None => (typed, String::new()),
    };
    format!("{expression}@{}{claim}", clock_text(now))
}

/// Refuses a pointer that proves nothing because it points to nothing; one that nobody can look up now may be right.
fn resolved(found: &Executed, pointer: &str) -> Result<(), Error> {
    let refuse = |why: String| {
        let hint = match found.kind {
            Some(Kind::Promql) => {
                "try it with `firedrill query --at`, and with `or vector(0)` if the series is gone; nothing was added"
            }
            Some(Kind::Log) => "try it with `firedrill logs`; nothing was added",
            _ => "nothing was added",
        };
        Err(Error::usage(format!("`{pointer}`: {why}"), hint))
    };
    match &found.outcome {
        Found::Malformed(_) | Found::Failed(_) => refuse(found.sentence()),
        Found::Found(_) if !found.resolves() => {
            refuse(format!("it has another value: {}", found.sentence()))
        }
        Found::Found(_) | Found::Unchecked(_) => Ok(()),
    }
}

/// Reads a draft; one that is damaged is refused with line and key.
fn read(path: &Path) -> anyhow::Result<Draft> {
    let text = file::regular(path)?;
    let draft = Draft::read(&path.display().to_string(), &text);
    Ok(draft.map_err(|problems| refused(&problems))?)
}

/// Puts the whole new text in the place of the old one, so that a full disk or a kill leaves one of them.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let about = || format!("write-up `{}`", file.display());
    let target = file.canonicalize().with_context(about)?;
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut fresh = tempfile::Builder::new()
        .prefix(".firedrill-draft-")
        .tempfile_in(folder)
        .with_context(about)?;
    fresh.write_all(text.as_bytes()).with_context(about)?;
    let mode = fs::metadata(&target).with_context(about)?.permissions();
    fresh.as_file().set_permissions(mode).with_context(about)?;
    fresh.as_file().sync_all().with_context(about)?;
    fresh
        .persist(&target)
        .map_err(|error| error.error)
        .with_context(about)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_gets_the_present_time_where_it_has_none() {
        let now = time::macros::datetime!(2026-11-23 13:04:41.5 UTC);
        for (typed, expected) in [
            ("promql:up", "promql:up@13:04:41"),
            ("promql:up@page+3s", "promql:up@page+3s"),
            ("promql:up => 1", "promql:up@13:04:41 => 1"),
            (
                "promql:up{a=\"b@c\"} > 0",
                "promql:up{a=\"b@c\"} > 0@13:04:41",
            ),
            (
                "4bf92f3577b34da6a3ce929d0e0e4736",
                "trace:4bf92f3577b34da6a3ce929d0e0e4736",
            ),
            ("log:level=error", "log:level=error"),
        ] {
            assert_eq!(timed(typed, now), expected);
        }
    }

    #[test]
    fn the_new_text_takes_the_place_of_the_old_one_through_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (
            folder.path().join("report.md"),
            folder.path().join("link.md"),
        );
        fs::write(&file, "old").expect("a draft");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        write(&link, "new").expect("it is written");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "new");
        assert!(
            fs::symlink_metadata(&link)
                .expect("it is there")
                .is_symlink()
        );
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
