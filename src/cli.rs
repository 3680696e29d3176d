//! Every command, flag and default of `firedrill`, as clap definitions.
//!
//! Help, completions and man pages all come from here.

pub mod act;
pub mod compare;
pub mod config;
pub mod drill;
pub mod evidence;
pub mod manage;
pub mod profile;
pub mod write;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use scenario::{Degraded, Pace};
use shop_api::Service;

use crate::terminal::Color;

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
    // Read by hand: clap prints a flag that the environment sets as a required one in every usage line.
    /// State folder, where runs are kept [env: FIREDRILL_STATE_DIR] [default: `firedrill` in the XDG state folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// When to colour the output; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// The choice between text for people and JSON for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Format {
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// What every command that reads the record of a run takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Recorded {
    /// Read an ended run: id, folder or archive
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// Reads the name of a service; help and completions list the names.
fn service() -> impl TypedValueParser<Value = Service> {
    let about = |service| match service {
        Service::Gateway => "The public API",
        Service::Checkout => "Carts and orders",
        Service::Inventory => "Products, prices and stock",
    };
    let names = Service::ALL.map(|service| PossibleValue::new(service.name()).help(about(service)));
    PossibleValuesParser::new(names)
        .try_map(|name| Service::from_name(&name).ok_or("not a service of the shop"))
}

/// Reads a pace; help and completions list them.
fn pace() -> impl TypedValueParser<Value = Pace> {
    let about = |pace| match pace {
        Pace::Real => "The page comes 2 to 6 minutes after the start: time to learn the baseline",
        Pace::Fast => "The page comes within 60 s of the start",
    };
    let names = Pace::ALL.map(|pace| PossibleValue::new(pace.name()).help(about(pace)));
    PossibleValuesParser::new(names).try_map(|name| Pace::from_name(&name).ok_or("not a pace"))
}

fn degraded() -> impl TypedValueParser<Value = Degraded> {
    let names = Degraded::ALL.map(|one| PossibleValue::new(one.name()).help(one.about()));
    PossibleValuesParser::new(names).try_map(|name| Degraded::from_name(&name).ok_or("not a kind"))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a drill, chosen blindly or by name
    Run(drill::Run),
    /// Start the shop, its traffic and the backends without an incident
    Up(drill::Up),
    /// List the drills by id, family and level, without spoilers
    List(drill::List),
    /// Show what is running, its health, pages and actions
    Status(drill::Status),
    /// Search or follow the services' logs
    Logs(evidence::Logs),
    /// Search traces
    Traces(evidence::Traces),
    /// Show one trace as a waterfall
    Trace(evidence::Trace),
    /// Rank what differs from the baseline: metrics, spans, log lines
    Compare(compare::Compare),
    /// Show the alerts that are pending or firing
    Alerts(evidence::Alerts),
    /// List the metrics that can be queried, with type, labels and help
    Metrics(evidence::Metrics),
    /// Evaluate a PromQL expression
    Query(evidence::Query),
    /// List deploys and configuration changes
    Deploys(evidence::Deploys),
    /// Take, show and compare heap snapshots
    Heap(profile::Heap),
    /// Take, show and compare CPU profiles
    Profile(profile::Profile),
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
    /// Restore the prices from before an import
    Prices(act::Prices),
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
    /// Show what happened, the shortest path through the evidence, and what was misleading
    Debrief(write::Debrief),
    /// Show the graded runs and their scores over time
    History(write::History),
    /// Propose the drill to run next
    Next(write::Next),
    /// Open the evidence of an ended run in Jaeger and Prometheus
    Open(drill::Open),
    /// Pack a run into one compressed file
    Pack(write::Pack),
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
