//! Arguments of the commands around the write-up, and of those that print documentation.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

/// `report`: the write-up before it is graded.
#[derive(Debug, Clone, Args)]
pub struct Report {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ReportCommand,
}

/// What can be done with a write-up before it is graded.
#[derive(Debug, Clone, Subcommand)]
pub enum ReportCommand {
    /// Write a template, filled in with what is already known
    New(ReportNew),
    /// Add a pointer to the draft, after looking it up
    Pin(ReportPin),
    /// Fill in fields of the draft
    Set(ReportSet),
    /// Check the form of a write-up, what its pointers show, and how many known drills would show the same
    Check(ReportCheck),
}

/// `report new`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill report new                  writes report.md to this folder
  firedrill report new -o - | less")]
pub struct ReportNew {
    /// Where to write it; `-` prints it
    #[arg(short, long, value_name = "FILE", default_value = "report.md")]
    pub output: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// `report pin`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill report pin deploy:checkout@2026.11.10 --to trigger
  firedrill report pin trace:4bf92f3577b34da6a3ce929d0e0e4736
  firedrill report pin 'log:service=inventory \"no such column\"' --to ruled_out
  firedrill report pin 'promql:sum(rate(outbox_processed_total[30s]))' --to timeline

A `promql:` pointer without a time gets the present one. `timeline` adds an entry with the time of what was found;
`ruled_out` and `contributing` take the last entry, `ruled_out[0]` names one, `ruled_out[+]` adds one.")]
pub struct ReportPin {
    /// The pointer: `trace:…`, `promql:…@TIME`, `log:…`, `deploy:…`, `heap:…` or `profile:…`
    #[arg(value_name = "POINTER")]
    pub pointer: String,
    /// The part of the write-up that it is evidence for
    #[arg(long, value_name = "FIELD", default_value = "cause")]
    pub to: String,
    /// For a new entry of the timeline: what happened [default: what the pointer shows]
    #[arg(long, value_name = "TEXT")]
    pub what: Option<String>,
    /// The draft
    #[arg(short, long, value_name = "FILE", default_value = "report.md")]
    pub file: PathBuf,
}

/// `report set`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill report set verdict=incident severity=sev2 confidence=0.8
  firedrill report set cause.component=inventory cause.mechanism=missing-index
  firedrill report set 'ruled_out[+].hypothesis=The payment provider.' 'ruled_out.because=Failing orders never reach it.'
  firedrill report set impact.end=now impact.failed=33
  firedrill report set 'reproduction.command+=firedrill request GET /v1/products'

Keys are those of the write-up; comments and everything else in it stay.")]
pub struct ReportSet {
    /// `KEY=VALUE` sets a field, `KEY+=VALUE` adds to a list; the time `now` is the present
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub fields: Vec<String>,
    /// The draft
    #[arg(short, long, value_name = "FILE", default_value = "report.md")]
    pub file: PathBuf,
}

/// `report check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill report check report.md
  firedrill report check report.md --run RUN    by the record of an ended run")]
pub struct ReportCheck {
    /// The write-up; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// An ended run: id, folder or archive [default: the running drill, else the newest run]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `submit`: the verdict.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill submit report.md            exit code 0: passed, 10: not passed
  firedrill submit report.md --json
  firedrill submit other.md --run RUN   grade another write-up of an ended run
  firedrill submit other.md --amend     replace the graded one, once, before the debrief")]
pub struct Submit {
    /// The write-up; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Grade it against the record of a graded run (id, folder or archive), which keeps its own verdict
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Replace the graded write-up and its verdict, once per run and before `debrief` has shown the answer
    #[arg(long)]
    pub amend: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `debrief`: what happened.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill debrief                     the drill just submitted
  firedrill debrief --run RUN           an earlier one")]
pub struct Debrief {
    /// An ended run: id, folder or archive [default: the newest]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Show the answer without a submitted write-up: give the drill up
    #[arg(long)]
    pub give_up: bool,
    /// Print only; do not serve the run's evidence for the links
    #[arg(long)]
    pub no_serve: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `pack`: a run as one file.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill pack                        the newest run, as RUN.tar.gz in this folder
  firedrill pack RUN incident.tar.gz
  firedrill open incident.tar.gz        on any machine

Every command that takes a RUN also takes this file. Any tar program unpacks it.")]
pub struct Pack {
    /// An ended run: id or folder [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Where to write it [default: RUN.tar.gz in this folder]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long)]
    pub force: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `history`: progress over runs.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill history
  firedrill history --svg history.svg
  firedrill history --json | jq .[].score")]
pub struct History {
    /// Also draw the scores into this SVG file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `next`: the drill to run next.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill next
  firedrill next --json | jq -r .id")]
pub struct Next {
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `completions`: a script for a shell.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill completions bash > ~/.local/share/bash-completion/completions/firedrill
  firedrill completions zsh > ~/.zfunc/_firedrill
  firedrill completions fish > ~/.config/fish/completions/firedrill.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`: the manual.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill man | man -l -
  firedrill man --dir ~/.local/share/man/man1")]
pub struct Man {
    /// Write one man page per command to this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
