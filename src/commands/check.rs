//! `check`: validate scenario files, all problems of all files at once.

use std::path::Path;

use anyhow::Context as _;
use scenario::{Scenario, catalogue, references};
use serde::Serialize;
use text::Problem;

use crate::cli::drill;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::Ink;

/// For how many seeds a file is checked: what is drawn around it differs.
const SEEDS: u64 = 8;
/// Those of the catalogue have some kilobytes.
const MOST_BYTES: u64 = 64 << 10;

#[derive(Debug, Serialize)]
struct Report<'a> {
    files: usize,
    problems: &'a [Problem],
}

/// Validates the files named, or the catalogue.
pub(super) fn run(context: &Context, args: &drill::Check) -> anyhow::Result<Outcome> {
    let mut checked = Vec::new();
    if args.files.is_empty() {
        let unusable = references::problems();
        checked.extend(catalogue::FILES.iter().map(|file| {
            let mut found = problems(file.path, file.text);
            let reference = references::file(file.id);
            let own = unusable.iter().filter(|one| one.file == reference);
            found.extend(own.cloned());
            (file.path.to_owned(), found)
        }));
    }
    for path in &args.files {
        let name = path.display().to_string();
        let found = problems(&name, &read(path)?);
        checked.push((name, found));
    }
    if !args.format.json {
        for (file, _) in checked.iter().filter(|(_, found)| found.is_empty()) {
            let mark = context.terminal.out.paint(Ink::Good, "ok");
            context.terminal.print(&format!("{mark} {file}\n"))?;
        }
    }
    let files = checked.len();
    let all: Vec<Problem> = checked.into_iter().flat_map(|(_, found)| found).collect();
    if args.format.json {
        context.terminal.json(&Report {
            files,
            problems: &all,
        })?;
    }
    if all.is_empty() {
        Ok(Outcome::Done)
    } else {
        Err(Error::Scenario(all).into())
    }
}

/// Of the drills that a file makes, those of the first seed that has some.
fn problems(file: &str, text: &str) -> Vec<Problem> {
    let mut drills = (0..SEEDS).map(|seed| Scenario::arranged(file, text, seed));
    drills.find_map(Result::err).unwrap_or_default()
}

/// The text of a scenario file.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    match record::private::bytes(path, MOST_BYTES) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| not_text(path, &error).into()),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            let message = format!("`{}` has more than {MOST_BYTES} bytes", path.display());
            Err(Error::usage(message, "a scenario file has some kilobytes").into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("no such file: `{}`", path.display());
            Err(Error::usage(
                message,
                "without a file, `firedrill check` checks the built-in drills",
            )
            .into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            let message = format!("scenario file `{}`: {error}", path.display());
            Err(Error::usage(message, "save it as a file, and name that").into())
        }
        Err(error) => Err(error).with_context(|| format!("scenario file `{}`", path.display())),
    }
}

fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let offset = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..offset]);
    let (line, column) = text::problem::position(&before, offset);
    Error::Scenario(vec![Problem {
        file: path.display().to_string(),
        line,
        column,
        key: String::new(),
        message: "is not UTF-8 text".to_owned(),
    }])
}
