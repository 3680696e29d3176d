//! Arguments of the commands that start, describe and check drills.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use scenario::{Degraded, Pace};

use super::manage::{Managers, Pager};
use super::{Format, degraded, pace};

/// `run`: a drill from start to grade.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(after_help = "Examples:
  firedrill run                              a blind drill
  firedrill run --level 2                    a blind drill of that level
  firedrill run slow-checkout --seed 7       the same drill with the same traffic each time
  firedrill run --degraded sampling          a blind drill in which few traces are kept
  firedrill run --pace fast --ports auto --json

The drill runs until `firedrill submit` or Ctrl-C. With --json, events are printed one JSON object
per line: ready, steady, page, action, process, void, verdict.")]
pub struct Run {
    /// The drill; see `firedrill list` [default: a blind choice]
    #[arg(value_name = "ID", conflicts_with = "level")]
    pub id: Option<String>,
    /// Run a scenario file that is not part of the catalogue
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "level"])]
    pub file: Option<PathBuf>,
    /// Choose blindly from the drills of this level
    #[arg(long, value_name = "1-4", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub level: Option<u8>,
    /// Practise with a part of the telemetry missing
    #[arg(long, value_name = "WHAT", value_parser = degraded())]
    pub degraded: Option<Degraded>,
    /// End when standard input ends, as on Ctrl-C (for programs that run drills)
    #[arg(long, hide = true)]
    pub until_eof: bool,
    /// What both kinds of start have in common.
    #[command(flatten)]
    pub stack: Stack,
}

/// `up`: the shop with no incident.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "Examples:
  firedrill up                       see what healthy looks like
  firedrill up --ports auto --json   for a script: the first line is the ready event")]
pub struct Up {
    /// What both kinds of start have in common.
    #[command(flatten)]
    pub stack: Stack,
    /// Requests per second instead of the usual rate (benchmarks)
    #[arg(long, value_name = "RATE", hide = true)]
    pub rate: Option<f64>,
    /// Start the services without traces and metrics (benchmarks)
    #[arg(long, hide = true)]
    pub no_telemetry: bool,
}

/// How to start the shop, its traffic and its backends.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Stack {
    /// Seed of traffic and data; the same seed gives the same run [default: random, and printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How fast the drill goes
    #[arg(long, value_parser = pace(), default_value_t = Pace::Real)]
    pub pace: Pace,
    /// Which ports to listen on
    #[arg(long, value_enum, default_value_t = Ports::Standard)]
    pub ports: Ports,
    /// Print JSON lines instead of text.
    #[command(flatten)]
    pub format: Format,
    /// Port of the gateway; fails if it is taken
    #[arg(long, value_name = "PORT", help_heading = "Fixed ports")]
    pub gateway_port: Option<u16>,
    /// Port of the incident console; fails if it is taken
    #[arg(long, value_name = "PORT", help_heading = "Fixed ports")]
    pub console_port: Option<u16>,
    /// Port of Jaeger; fails if it is taken
    #[arg(long, value_name = "PORT", help_heading = "Fixed ports")]
    pub jaeger_port: Option<u16>,
    /// Port of Prometheus; fails if it is taken
    #[arg(long, value_name = "PORT", help_heading = "Fixed ports")]
    pub prometheus_port: Option<u16>,
    /// Port of OTLP over gRPC; fails if it is taken
    #[arg(long, value_name = "PORT", help_heading = "Fixed ports")]
    pub otlp_grpc_port: Option<u16>,
    /// Port of OTLP over HTTP; fails if it is taken
    #[arg(long, value_name = "PORT", help_heading = "Fixed ports")]
    pub otlp_http_port: Option<u16>,
    /// Where the services' processes are, if not here.
    #[command(flatten)]
    pub managers: Managers,
    /// Where Alertmanager may tell the pager.
    #[command(flatten)]
    pub pager: Pager,
    /// Embedded, native or external backends.
    #[command(flatten)]
    pub backends: Backends,
}

/// Which Jaeger and which Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Backends {
    /// Which Jaeger and Prometheus to use
    #[arg(long, value_enum, default_value_t = Backend::Embedded, help_heading = "Backends")]
    pub backend: Backend,
    /// Jaeger's executable for native backends [default: `jaeger` on PATH]
    #[arg(long, value_name = "FILE", help_heading = "Backends")]
    pub jaeger_bin: Option<PathBuf>,
    /// Prometheus's executable for native backends [default: `prometheus` on PATH]
    #[arg(long, value_name = "FILE", help_heading = "Backends")]
    pub prometheus_bin: Option<PathBuf>,
    /// Alertmanager's executable for native backends [default: `alertmanager` on PATH, or none]
    #[arg(long, value_name = "FILE", help_heading = "Backends")]
    pub alertmanager_bin: Option<PathBuf>,
    /// OTLP receiver of an external backend, gRPC or HTTP
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Backends",
        required_if_eq("backend", "external")
    )]
    pub otlp: Option<String>,
    /// Address of an external Jaeger
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Backends",
        required_if_eq("backend", "external")
    )]
    pub jaeger: Option<String>,
    /// Address of an external Prometheus
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Backends",
        required_if_eq("backend", "external")
    )]
    pub prometheus: Option<String>,
}

/// Who runs Jaeger and Prometheus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Built in: one process stands in for both, nothing to install.
    #[default]
    Embedded,
    /// Start the real ones, found on PATH or by the flags below.
    Native,
    /// Use the ones that already run at the given addresses.
    External,
}

impl Default for Stack {
    fn default() -> Self {
        Self {
            seed: None,
            pace: Pace::Real,
            ports: Ports::Standard,
            gateway_port: None,
            console_port: None,
            jaeger_port: None,
            prometheus_port: None,
            otlp_grpc_port: None,
            otlp_http_port: None,
            managers: Managers::default(),
            pager: Pager::default(),
            backends: Backends::default(),
            format: Format::default(),
        }
    }
}

/// Which ports the stack listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ports {
    /// The well-known ports (16686, 9090, 4317, 4318, 8080), or a free one if taken.
    Standard,
    /// Free ports only, so that drills can run side by side.
    Auto,
}

/// `list`: the catalogue.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill list
  firedrill list --level 2 --json")]
pub struct List {
    /// Only drills of this level
    #[arg(long, value_name = "1-4", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub level: Option<u8>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `status`: the running drill.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill status
  firedrill status --watch
  firedrill status --json | jq .slis")]
pub struct Status {
    /// Show it again every two seconds until the drill ends
    #[arg(short, long, conflicts_with = "json")]
    pub watch: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `check`: validate scenario files.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill check                      the built-in drills
  firedrill check scenarios/*.toml     these files

Each problem is printed as FILE:LINE:COLUMN: KEY: MESSAGE. The exit code is 3 if there is any.")]
pub struct Check {
    /// Scenario files [default: the catalogue]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `open`: the backends over what an ended run recorded.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill open                 the newest run
  firedrill open RUN --ports auto
  firedrill open run.tar.gz      one that `firedrill pack` wrote")]
pub struct Open {
    /// The run's id or folder, or an archive [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Which ports to listen on
    #[arg(long, value_enum, default_value_t = Ports::Standard)]
    pub ports: Ports,
    /// Print JSON lines instead of text.
    #[command(flatten)]
    pub format: Format,
}

/// `serve`: one role, configured over standard input.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// What to serve
    #[arg(value_enum)]
    pub role: Role,
}

/// The roles that the executable can take as a child of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The public API.
    Gateway,
    /// Carts and orders.
    Checkout,
    /// Products, prices and stock.
    Inventory,
    /// The payment provider, a third party.
    Payment,
    /// Collector, Jaeger and Prometheus.
    Backend,
    /// The parent of a native Jaeger or Prometheus.
    Native,
}

/// `verify`: run drills and check that each one is sound.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill verify                          the whole catalogue
  firedrill verify slow-checkout --once
  firedrill verify --json > verified.json
  firedrill verify --record slow-checkout   after its scenario has changed

For each drill: the symptom shows, and ends with its cause; nothing names the cause; the evidence
tells it from all other drills, in this run and in the references; the run shows what its reference
shows; naive solvers fail as its level demands; the same seed gives the same run.
Exit codes: 0 all drills are sound, 10 at least one is not.

With --record, each drill is run and recorded instead, into scenarios/references of the checkout
that it is called in: ID.reference, which write-ups are graded against, and ID.txt, which says what
is in it. Build again afterwards: references are part of the program.")]
pub struct Verify {
    /// The drills [default: all built-in drills]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// How many drills to run side by side
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub jobs: u8,
    /// Seed of traffic and data
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub seed: u64,
    /// Run each drill once and skip the check that it repeats
    #[arg(long)]
    pub once: bool,
    /// Record the drills' references instead, into the checkout of the repository
    #[arg(long, conflicts_with_all = ["once", "json"])]
    pub record: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}
