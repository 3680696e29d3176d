//! What the user caused, typed, with a hint where there is one; and the exit codes.
//!
//! Everything else travels as `anyhow::Error` and ends with exit code 1.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use scenario::catalogue;
use text::Problem;
use text::format::{counted, harmless_lines, harmless_output};

use crate::terminal::{Ink, Style};

/// How a command ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or the write-up passed.
    Done,
    /// The drill was graded as not passed.
    NotPassed,
    /// The drill does not count: its symptom did not show, or its baseline was not steady.
    Void,
}

/// Exit code of [`Outcome::Done`].
pub const EXIT_DONE: u8 = 0;
/// Exit code of an unexpected error.
pub const EXIT_UNEXPECTED: u8 = 1;
/// Exit code of a wrong argument, name or input; clap uses the same.
pub const EXIT_USAGE: u8 = 2;
/// Exit code of a scenario file with problems.
pub const EXIT_SCENARIO: u8 = 3;
/// Exit code of a stack that did not come up.
pub const EXIT_STACK: u8 = 4;
/// Exit code of [`Outcome::NotPassed`].
pub const EXIT_NOT_PASSED: u8 = 10;
/// Exit code of [`Outcome::Void`].
pub const EXIT_VOID: u8 = 11;

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::from(EXIT_DONE),
            Outcome::NotPassed => Self::from(EXIT_NOT_PASSED),
            Outcome::Void => Self::from(EXIT_VOID),
        }
    }
}

/// What the user caused, or can do something about.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// An argument that clap could not know to be wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A name that matches nothing.
    #[error("there is no {kind} `{name}`")]
    UnknownName {
        /// What it should have named: `drill`, `service`, `run`, `snapshot`.
        kind: &'static str,
        /// What was typed.
        name: String,
        /// Names that look like it, best first.
        nearest: Vec<String>,
    },
    /// A command that needs a running drill, and there is none.
    #[error("no drill is running")]
    NotRunning {
        /// The state folder that was searched.
        state_dir: PathBuf,
    },
    /// A second drill in the same state folder.
    #[error("a drill is already running: {run}, process {pid}")]
    AlreadyRunning {
        /// The running drill.
        run: String,
        /// Its runner.
        pid: u32,
    },
    /// A file of the user's with something wrong at a place.
    #[error("{path}:{line}:{column}: {message}", path = .path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, with the key if there is one.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// An expression with something wrong in it.
    #[error("{message}")]
    Expression {
        /// What is wrong.
        message: String,
        /// The expression.
        text: String,
        /// Where, as a byte offset, when it is known.
        offset: Option<usize>,
    },
    /// Scenario files with problems.
    #[error("{count} in {files}", count = counted(.0.len(), "problem"), files = counted(files(.0), "scenario file"))]
    Scenario(Vec<Problem>),
    /// The stack did not come up.
    #[error("{message}")]
    Stack {
        /// What did not come up.
        message: String,
        /// The last lines that it logged.
        log: Vec<String>,
        /// What to do.
        hint: Option<String>,
    },
    /// A backend or service of the drill did not answer as it should.
    #[error("{what} at {url} did not answer: {reason}")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// Where.
        url: String,
        /// What came instead.
        reason: String,
    },
}

impl Error {
    /// A wrong argument, with what to do about it.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// A name that is not among `known`, with the names that look like it.
    pub fn unknown<'a>(
        kind: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::UnknownName {
            kind,
            name: name.to_owned(),
            nearest: text::nearest(name, known)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The exit code of the program.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. }
            | Self::UnknownName { .. }
            | Self::NotRunning { .. }
            | Self::Input { .. }
            | Self::Expression { .. } => EXIT_USAGE,
            Self::Scenario(_) => EXIT_SCENARIO,
            Self::AlreadyRunning { .. } | Self::Stack { .. } => EXIT_STACK,
            Self::Unreachable { .. } => EXIT_UNEXPECTED,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Input { hint, .. } | Self::Stack { hint, .. } => {
                hint.clone()
            }
            Self::UnknownName { kind, nearest, .. } => Some(match nearest.as_slice() {
                [] if *kind == "drill" => "`firedrill list` shows the drills".to_owned(),
                [] => return None,
                names => format!("did you mean {}?", either(names)),
            }),
            Self::NotRunning { state_dir } => Some(format!(
                "start one with `firedrill run` or `firedrill up`, open an ended run with `firedrill open`, or pass its `--state-dir` (searched: {})",
                state_dir.display()
            )),
            Self::AlreadyRunning { pid, .. } => Some(format!(
                "stop it with Ctrl-C in its terminal or `kill {pid}`, or use another `--state-dir` for this one"
            )),
            Self::Unreachable { .. } => Some("`firedrill status` shows what is running".to_owned()),
            Self::Scenario(_) | Self::Expression { .. } => None,
        }
    }

    /// Lines that belong above the message: problems, log lines, the expression with a caret.
    fn detail(&self) -> Vec<String> {
        match self {
            Self::Scenario(problems) => problems.iter().map(ToString::to_string).collect(),
            Self::Stack { log, .. } => log.iter().map(|line| format!("  {line}")).collect(),
            _ => Vec::new(),
        }
    }
}

/// The exit code for an error that reached `main`.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    user_error(error).map_or(EXIT_UNEXPECTED, |error| error.exit_code())
}

/// Whether the reader of our output has gone.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// The text for standard error: detail, `error: …`, causes, `hint: …`.
pub fn render(error: &anyhow::Error, style: Style) -> String {
    let mut text = String::new();
    let user = user_error(error);
    let user = user.as_ref();
    for line in user.map(Error::detail).unwrap_or_default() {
        // Errors quote files, logs and answers that others wrote.
        text.push_str(&harmless_lines(&line));
        text.push('\n');
    }
    // Writing to a string cannot fail.
    let shown = harmless_lines(&format!("{error:#}"));
    let _ = writeln!(text, "{} {shown}", style.paint(Ink::Error, "error:"));
    if let Some(Error::Expression {
        text: expr,
        offset: Some(offset),
        ..
    }) = user
    {
        text.push_str(&harmless_output(&caret(expr, *offset, style)));
    }
    if let Some(hint) = user.and_then(Error::hint) {
        let hint = harmless_lines(&hint);
        let _ = writeln!(text, "{} {hint}", style.paint(Ink::Heading, "hint:"));
    }
    text
}

/// What the user can do something about, also where a library says it in a type of its own.
fn user_error(error: &anyhow::Error) -> Option<Error> {
    error.chain().find_map(|cause| {
        let own = cause.downcast_ref::<Error>().cloned();
        let of_stack = || cause.downcast_ref::<stack::Error>().map(Error::from);
        let of_catalogue = || cause.downcast_ref::<catalogue::Error>().map(Error::from);
        let of_drill = || cause.downcast_ref::<drill::Error>().map(Error::from);
        own.or_else(of_stack)
            .or_else(of_catalogue)
            .or_else(of_drill)
    })
}

impl From<&stack::Error> for Error {
    fn from(error: &stack::Error) -> Self {
        match error.clone() {
            stack::Error::Usage { message, hint } => Self::usage(message, hint),
            stack::Error::Start { message, log, hint } => Self::Stack { message, log, hint },
        }
    }
}

impl From<&drill::Error> for Error {
    fn from(error: &drill::Error) -> Self {
        match error.clone() {
            drill::Error::NoStateDir => {
                Self::usage(error.to_string(), "name one with `--state-dir DIR`")
            }
            drill::Error::StateDir { message, hint } => Self::usage(message, hint),
            drill::Error::NotRunning { state_dir } => Self::NotRunning { state_dir },
            drill::Error::AlreadyRunning { run, pid } => Self::AlreadyRunning { run, pid },
            drill::Error::UnknownName {
                kind,
                name,
                nearest,
            } => Self::UnknownName {
                kind,
                name,
                nearest,
            },
        }
    }
}

impl From<&catalogue::Error> for Error {
    fn from(error: &catalogue::Error) -> Self {
        match error {
            catalogue::Error::Unknown { id, nearest } => Self::UnknownName {
                kind: "drill",
                name: id.clone(),
                nearest: nearest.iter().copied().map(str::to_owned).collect(),
            },
            catalogue::Error::Invalid(problems) => Self::Scenario(problems.clone()),
        }
    }
}

/// The line of `text` that holds the byte `offset`, with a caret under it.
fn caret(text: &str, offset: usize, style: Style) -> String {
    let offset = (0..=offset.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let before = crate::terminal::column::width(&text[start..offset]);
    format!(
        "  {line}\n  {}{}\n",
        " ".repeat(before),
        style.paint(Ink::Error, "^")
    )
}

fn either(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn files(problems: &[Problem]) -> usize {
    let mut files: Vec<&str> = problems
        .iter()
        .map(|problem| problem.file.as_str())
        .collect();
    files.sort_unstable();
    files.dedup();
    files.len()
}

#[cfg(test)]
mod tests;
