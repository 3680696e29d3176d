//! Every command, flag and default of `firedrill`, as clap definitions.
//!
//! Help, completions and man pages all come from here; no other file names a flag.

pub mod act;
pub mod config;
pub mod drill;
pub mod evidence;
pub mod manage;
pub mod write;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Practise incidents on a real, instrumented shop.
///
/// With no command, `firedrill` runs a blind drill: it starts the shop, traffic, Jaeger and Prometheus, and pages you
/// when something breaks. Read the evidence from a second terminal, act, write it up, and submit.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, styles = STYLES, max_term_width = 100)]
#[command(after_help = "Examples:
  firedrill                        a blind drill
  firedrill list                   the drills, without spoilers
  firedrill run slow-checkout      one drill by name
  firedrill logs level=error       from a second terminal: read the evidence
  firedrill submit report.md       the grade

Exit codes: 0 done or passed, 1 unexpected, 2 usage, 3 scenario invalid,
4 the stack failed to start, 10 the drill was graded as not passed, 11 the drill is void.")]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do; a blind drill when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder that holds the runs and the mark of the running drill [default: the XDG state folder]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "FIREDRILL_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
    /// When to use colour; `auto` means on a terminal, and NO_COLOR turns it off
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always, also into a pipe.
    Always,
    /// Never.
    Never,
}

/// The choice between text for people and JSON for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Format {
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// A service of the shop that can be deployed, restarted and rolled back.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The public API.
    Gateway,
    /// Carts and orders.
    Checkout,
    /// Products, prices and stock.
    Inventory,
}

impl Service {
    /// Every service, from the edge inwards.
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Checkout, Self::Inventory];

    /// The name used in telemetry, in scenario files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Checkout => "checkout",
            Self::Inventory => "inventory",
        }
    }

    /// The instances that the drill starts of it.
    pub const fn instances(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["gateway-1"],
            Self::Checkout => &["checkout-1"],
            Self::Inventory => &["inventory-1", "inventory-2"],
        }
    }

    /// The most replicas that one can be scaled to.
    pub const MOST_REPLICAS: u8 = 3;

    /// The service of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a drill: blind, or the one named
    Run(drill::Run),
    /// Start the shop, the traffic and the backends with no incident
    Up(drill::Up),
    /// List the drills: id, symptom, level; no spoilers
    List(drill::List),
    /// Show what runs, since when, how it does and what was paged
    Status(drill::Status),
    /// Read the services' logs
    Logs(evidence::Logs),
    /// Search traces
    Traces(evidence::Traces),
    /// Show one trace as a waterfall
    Trace(evidence::Trace),
    /// Evaluate a PromQL expression
    Query(evidence::Query),
    /// List deploys and configuration changes
    Deploys(evidence::Deploys),
    /// Take, show and compare heap snapshots
    Heap(evidence::Heap),
    /// Profile a running service
    Profile(evidence::Profile),
    /// Send one request through the gateway and show its trace
    Request(evidence::Request),
    /// Put the release back that ran before
    Rollback(act::Rollback),
    /// Restart a service on the release it runs
    Restart(act::Restart),
    /// Deploy a release of a service
    Deploy(act::Deploy),
    /// Empty the caches of a service
    Flush(act::Flush),
    /// Set the message aside that is stuck, or try dead letters again
    Outbox(act::Outbox),
    /// Turn a client away at the gateway
    Block(act::Block),
    /// Let a client in again
    Unblock(act::Unblock),
    /// Show or change the settings of a service
    Config(config::Config),
    /// Run more or fewer replicas of a service
    Scale(act::Scale),
    /// Start or check the write-up
    Report(write::Report),
    /// Grade a write-up and end the drill
    Submit(write::Submit),
    /// What happened, the shortest path through the evidence, what misled
    Debrief(write::Debrief),
    /// Show progress over the graded runs, as a plot
    History(write::History),
    /// Open the evidence of an ended run in Jaeger and Prometheus
    Open(drill::Open),
    /// Pack a run into one compressed file, to keep it or to send it on
    Pack(write::Pack),
    /// Validate scenario files: all problems at once
    Check(drill::Check),
    /// Hold drills and prove that they hold water
    Verify(drill::Verify),
    /// Print a completion script for a shell
    Completions(write::Completions),
    /// Print the manual, or write one page for each command
    Man(write::Man),
    /// Be the parent of one service in a container, for a runner elsewhere
    Manage(manage::Manage),
    /// Ask one URL, for health checks
    #[command(hide = true)]
    Probe(manage::Probe),
    /// Serve as one process of the shop; the runner starts these
    #[command(hide = true)]
    Serve(drill::Serve),
}

#[cfg(test)]
mod tests;
