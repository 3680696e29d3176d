//! Arguments of the commands that read evidence.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use shop_api::Service;
use text::duration::parse as parse_duration;
use text::when::{When, parse_when};

use super::{Format, Recorded, service};
use crate::call::Call;

/// `logs`: the services' log lines.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill logs --level warn --since 5m
  firedrill logs --service checkout --follow
  firedrill logs --trace 4bf92f3577b34da6a3ce929d0e0e4736
  firedrill logs --level warn --since 1m --by message
  firedrill logs service=inventory 'no such column' --json
  firedrill logs service=checkout 'deliveries>8'

A query combines `key=value`, `key!=value`, `key~part`, `key>8` (also >=, < and <=, for numbers and levels) and plain
text; all terms must match. Put quotes around < and >, which a shell takes for files.
A time is `5m` (ago), `14:05:10` (today, UTC), RFC 3339, or Unix seconds.")]
pub struct Logs {
    /// Query terms, `key=value` or text; all must match
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Only this service or instance
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Only this level and above
    #[arg(long, value_enum)]
    pub level: Option<Level>,
    /// Only lines since this time
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub since: Option<When>,
    /// Only lines before this time
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub until: Option<When>,
    /// Only lines of this trace
    #[arg(long, value_name = "ID")]
    pub trace: Option<String>,
    /// Only lines whose message or fields contain this text
    #[arg(long)]
    pub text: Option<String>,
    /// Keep printing new lines as they arrive
    #[arg(short, long)]
    pub follow: bool,
    /// At most this many lines, the newest; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Count the matching lines by message, without what varies in it, or by a field
    #[arg(long, value_name = "FIELD", num_args = 0..=1, default_missing_value = "message", conflicts_with = "follow")]
    pub by: Option<String>,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// A log level, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// Someone should look.
    Error,
    /// Unusual, handled.
    Warn,
    /// Normal operation.
    Info,
    /// Details.
    Debug,
    /// Everything.
    Trace,
}

/// `traces`: search.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill traces --service checkout --min-duration 500ms
  firedrill traces --errors --since 2m                     the same as: firedrill traces error=true --since 2m
  firedrill traces service=inventory http.response.status_code=500 --limit 5 --json")]
pub struct Traces {
    /// Only traces with a span that has this attribute; `error=true` is `--errors`, `service=NAME` is `--service NAME`
    #[arg(value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub terms: Vec<(String, String)>,
    /// Only traces with a span of this service [default: gateway]
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Only traces with a span of this name
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,
    /// Only traces with a span that has this attribute; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub tags: Vec<(String, String)>,
    /// Only traces with a span at least this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub min_duration: Option<Duration>,
    /// Only traces with a span at most this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_duration: Option<Duration>,
    /// Look back this far
    #[arg(long, value_name = "TIME", value_parser = parse_when, default_value = "1h")]
    pub since: When,
    /// Only traces that began before this time
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub until: Option<When>,
    /// At most this many traces, the newest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = parse_limit)]
    pub limit: usize,
    /// Only traces with a failed span
    #[arg(long)]
    pub errors: bool,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `trace`: one trace.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill trace 4bf92f3577b34da6a3ce929d0e0e4736
  firedrill trace 4bf92f3577b34da6a3ce929d0e0e4736 -v     with the attributes of every span")]
pub struct Trace {
    /// The trace id, 32 hexadecimal digits
    #[arg(value_name = "ID", value_parser = parse_trace_id)]
    pub id: String,
    /// Show the attributes and events of every span
    #[arg(short, long)]
    pub verbose: bool,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `alerts`: what pages, or is about to.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill alerts
  firedrill alerts --json")]
pub struct Alerts {
    /// Text, or JSON as Prometheus returns it.
    #[command(flatten)]
    pub format: Format,
}

/// `metrics`: what can be queried.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill metrics
  firedrill metrics pool
  firedrill metrics outbox --json")]
pub struct Metrics {
    /// Only metrics whose name or help contains this text
    #[arg(value_name = "PATTERN")]
    pub pattern: Option<String>,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `query`: PromQL.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill query 'sum by (service) (rate(http_server_request_duration_seconds_count[1m]))'
  firedrill query 'histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket[1m])))' --since 10m
  firedrill query --exemplars 'http_server_request_duration_seconds_bucket{service=\"gateway\"}' --since 5m
  firedrill query 'up' --at 14:05:10 --json")]
pub struct Query {
    /// The expression
    #[arg(value_name = "EXPR")]
    pub expr: String,
    /// Evaluate at this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_when, conflicts_with_all = ["since", "step"])]
    pub at: Option<When>,
    /// Evaluate from this time until now and draw a sparkline [default with --exemplars: 15m]
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub since: Option<When>,
    /// Step between points of a range [default: 1/60 of the range]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "since")]
    pub step: Option<Duration>,
    /// List exemplars: single requests behind a histogram, with their traces, highest value first
    #[arg(long, conflicts_with_all = ["at", "step"])]
    pub exemplars: bool,
    /// At most this many exemplars
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = parse_limit, requires = "exemplars")]
    pub limit: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `deploys`: the deploy log.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill deploys
  firedrill deploys --service checkout --since 1h --json
  firedrill deploys show checkout@2026.11.3")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Deploys {
    /// What to do instead of listing.
    #[command(subcommand)]
    pub command: Option<DeploysCommand>,
    /// Only this service
    #[arg(long, value_parser = service())]
    pub service: Option<Service>,
    /// Only entries since this time
    #[arg(long, value_name = "TIME", value_parser = parse_when)]
    pub since: Option<When>,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// What can be done with the deploy log instead of listing it.
#[derive(Debug, Clone, Subcommand)]
pub enum DeploysCommand {
    /// Show one entry in full, with the service's numbers in the minute before and after
    Show(DeploysShow),
}

/// `deploys show`: one entry.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill deploys show checkout@2026.11.3
  firedrill deploys show 'gateway@2026.11.9#2' --json")]
pub struct DeploysShow {
    /// The entry, as `firedrill deploys` shows it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `request`: one request and its trace.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill request GET /v1/products/sku-000001
  firedrill request PUT /v1/carts/c1 -d '{\"lines\":[{\"sku\":\"sku-000001\",\"quantity\":1}]}'
  firedrill request POST /v1/orders -d '{\"cart\":\"c1\"}' -H 'Idempotency-Key: k1'
  firedrill request GET '/v1/products?visit={\u{1b}[0mn}' --times 100 --rate 20")]
pub struct Request {
    /// What to send, and how often.
    #[command(flatten)]
    pub call: Call,
    /// Do not wait for the trace
    #[arg(long)]
    pub no_trace: bool,
    /// Show the attributes and events of every span
    #[arg(short, long)]
    pub verbose: bool,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

pub(super) fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write an attribute as `key=value`".to_owned()),
    }
}

fn parse_trace_id(text: &str) -> Result<String, String> {
    let id = text.to_ascii_lowercase();
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Jaeger strips leading zeros in places, so a shorter id is a trace id too.
    if is_hex && (1..=32).contains(&id.len()) && id.bytes().any(|byte| byte != b'0') {
        Ok(format!("{id:0>32}"))
    } else {
        Err("a trace id is 32 hexadecimal digits".to_owned())
    }
}

pub(super) fn parse_limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit @ 1..=10_000) => Ok(limit),
        _ => Err("use a number from 1 to 10000".to_owned()),
    }
}
