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

/// Practise incident response on a real, instrumented shop.
///
/// Without a command, `firedrill` runs a blind drill: it starts the shop, traffic, Jaeger and Prometheus, and pages you
/// when something breaks. Read the evidence from a second terminal, act, write it up, and submit.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, styles = STYLES, max_term_width = 100)]
#[command(after_help = "Examples:
  firedrill                        a blind drill
  firedrill list                   all drills, without spoilers
  firedrill run slow-checkout      one drill by name
  firedrill logs level=error       read the evidence, from a second terminal
  firedrill submit report.md       submit the write-up and get the verdict

Exit codes: 0 done or passed, 1 unexpected error, 2 usage error, 3 invalid scenario,
4 the stack did not start, 10 the write-up did not pass, 11 the drill is void.")]
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
    /// State folder, where runs are kept [default: `firedrill` in the XDG state folder]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "FIREDRILL_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
    /// When to colour the output; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always, even into a pipe.
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
    /// Run a drill: a blind choice, or by name
    Run(drill::Run),
    /// Start the shop, its traffic and the backends without an incident
    Up(drill::Up),
    /// List the drills by id, symptom and level, without spoilers
    List(drill::List),
    /// Show what is running, how healthy it is, and what paged
    Status(drill::Status),
    /// Search or follow the services' logs
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
    /// Send a request through the gateway and show its trace
    Request(evidence::Request),
    /// Roll a service back to its previous release
    Rollback(act::Rollback),
    /// Restart a service on its current release
    Restart(act::Restart),
    /// Deploy a release of a service
    Deploy(act::Deploy),
    /// Flush the caches of a service
    Flush(act::Flush),
    /// Skip the message that blocks the outbox, or replay dead letters
    Outbox(act::Outbox),
    /// Block a client at the gateway
    Block(act::Block),
    /// Unblock a client
    Unblock(act::Unblock),
    /// Show or change the settings of a service
    Config(config::Config),
    /// Scale a service to more or fewer replicas
    Scale(act::Scale),
    /// Start or check a write-up
    Report(write::Report),
    /// Submit a write-up for its verdict and end the drill
    Submit(write::Submit),
    /// Show what happened, the shortest path through the evidence, and what misled
    Debrief(write::Debrief),
    /// Show the graded runs and how the scores develop
    History(write::History),
    /// Open the evidence of an ended run in Jaeger and Prometheus
    Open(drill::Open),
    /// Validate scenario files and list every problem
    Check(drill::Check),
    /// Run drills and check that each one is sound
    Verify(drill::Verify),
    /// Print a completion script for a shell
    Completions(write::Completions),
    /// Print the manual, or write one man page per command
    Man(write::Man),
    /// Supervise one service in a container for a remote runner
    Manage(manage::Manage),
    /// Request one URL, for health checks
    #[command(hide = true)]
    Probe(manage::Probe),
    /// Run as one process of the shop; the runner starts these
    #[command(hide = true)]
    Serve(drill::Serve),
}

#[cfg(test)]
mod tests;
