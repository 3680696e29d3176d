//! The commands that take and read heap snapshots and CPU profiles.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::evidence::parse_limit;
use super::{Format, Recorded};

/// `heap`: snapshots by allocation site.
#[derive(Debug, Clone, Args)]
pub struct Heap {
    /// What to do.
    #[command(subcommand)]
    pub command: HeapCommand,
}

/// What can be done with heap snapshots.
#[derive(Debug, Clone, Subcommand)]
pub enum HeapCommand {
    /// Take a heap snapshot of a running service and save it under a name
    Snapshot(HeapSnapshot),
    /// List the snapshots of a run
    #[command(after_help = "Examples:
  firedrill heap list")]
    List(Recorded),
    /// Show the functions that use the most memory in a snapshot
    Show(HeapShow),
    /// Show the growth between two snapshots, by function
    Diff(HeapDiff),
}

/// `heap snapshot`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill heap snapshot before checkout
  firedrill heap snapshot after inventory-2")]
pub struct HeapSnapshot {
    /// The snapshot's name: letters, digits, `-` and `_`
    #[arg(value_name = "NAME", value_parser = parse_snapshot_name)]
    pub name: String,
    /// The service, or one instance of it such as `inventory-2`
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// Overwrite an existing snapshot of that name
    #[arg(long)]
    pub force: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `heap show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill heap show before --top 10")]
pub struct HeapShow {
    /// The snapshot's name
    #[arg(value_name = "NAME", value_parser = parse_snapshot_name)]
    pub name: String,
    /// How many functions
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = parse_limit)]
    pub top: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `heap diff`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill heap diff before after
  firedrill heap diff before after --top 5 --json")]
pub struct HeapDiff {
    /// The earlier snapshot
    #[arg(value_name = "A", value_parser = parse_snapshot_name)]
    pub before: String,
    /// The later snapshot
    #[arg(value_name = "B", value_parser = parse_snapshot_name)]
    pub after: String,
    /// How many functions
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = parse_limit)]
    pub top: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `profile`: where CPU time goes.
#[derive(Debug, Clone, Args)]
pub struct Profile {
    /// What to do.
    #[command(subcommand)]
    pub command: ProfileCommand,
}

/// What can be done with CPU profiles.
#[derive(Debug, Clone, Subcommand)]
pub enum ProfileCommand {
    /// Sample the CPU of a running service and draw a flame graph
    Cpu(ProfileCpu),
    /// List the profiles of a run
    #[command(after_help = "Examples:
  firedrill profile list")]
    List(Recorded),
    /// Show the functions that use the most CPU in a profile
    Show(ProfileShow),
    /// Show which functions take a larger share of the CPU than before
    Diff(ProfileDiff),
}

/// `profile cpu`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill profile cpu inventory
  firedrill profile cpu inventory-1 --seconds 30 -o inventory.svg")]
pub struct ProfileCpu {
    /// The service, or one instance of it such as `inventory-2`
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// How long to sample
    #[arg(long, value_name = "1-120", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub seconds: u32,
    /// What write-ups call it: `profile:BEFORE..AFTER` [default: INSTANCE-TIME]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where to write the flame graph [default: profile/NAME.svg in the run's folder]
    #[arg(short, long, value_name = "FILE.svg")]
    pub output: Option<PathBuf>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `profile show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill profile show before --top 10")]
pub struct ProfileShow {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How many functions, and how many stacks with `--json`
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = parse_limit)]
    pub top: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `profile diff`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill profile diff before after
  firedrill profile diff before after --top 5 --json")]
pub struct ProfileDiff {
    /// The earlier profile
    #[arg(value_name = "A")]
    pub before: String,
    /// The later profile
    #[arg(value_name = "B")]
    pub after: String,
    /// How many functions
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = parse_limit)]
    pub top: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

fn parse_snapshot_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    // The name becomes a file name in the run's folder.
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("use up to 64 letters, digits, `-` and `_`".to_owned())
    }
}
