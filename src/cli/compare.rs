//! Arguments of the command that compares the present with the baseline.

use std::time::Duration;

use clap::{Args, Subcommand};
use text::duration::parse as parse_duration;

use super::Recorded;
use super::evidence::{parse_limit, parse_tag};

/// `compare`: what differs from the baseline.
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// What to compare.
    #[command(subcommand)]
    pub command: CompareCommand,
}

/// What can be compared.
#[derive(Debug, Clone, Subcommand)]
pub enum CompareCommand {
    /// Rank metrics by how far they left their range
    Metrics(CompareMetrics),
    /// Rank attributes of slow, failed or chosen requests, and spans by self time
    Spans(CompareSpans),
    /// Rank log patterns: new ones, and those that multiplied
    Logs(CompareLogs),
}

/// `compare metrics`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill compare metrics
  firedrill compare metrics pool --json

The baseline is the first fifth of the time before the page, as in `report check`; without a page, everything before
the last half minute. It is compared with the last half minute; of an ended run, with that before the last action.")]
pub struct CompareMetrics {
    /// Only metrics whose name or labels contain this text
    #[arg(value_name = "PATTERN")]
    pub pattern: Option<String>,
    /// At most this many rows
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = parse_limit)]
    pub limit: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `compare spans`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill compare spans                                  slow requests with usual ones
  firedrill compare spans --failed
  firedrill compare spans http.request.header.x-client-id=client-0007
  firedrill compare spans --operation 'POST /v1/orders' --min-duration 500ms

Slow are requests that took longer than 19 of 20 requests of the same operation did in the baseline. The others are
requests of the same operations from the baseline; with --failed also those that did not fail meanwhile.")]
pub struct CompareSpans {
    /// Choose requests with a span that has this attribute
    #[arg(value_name = "KEY=VALUE", value_parser = parse_tag)]
    pub terms: Vec<(String, String)>,
    /// Choose failed requests
    #[arg(long)]
    pub failed: bool,
    /// Only requests with a span of this service [default: gateway]
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Only requests with a span of this name
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,
    /// Choose requests with a span at least this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub min_duration: Option<Duration>,
    /// Choose requests that began since this time [default: the last two minutes]
    #[arg(long, value_name = "TIME", value_parser = text::when::parse_when)]
    pub since: Option<text::when::When>,
    /// Choose requests that began before this time
    #[arg(long, value_name = "TIME", value_parser = text::when::parse_when)]
    pub until: Option<text::when::When>,
    /// At most this many rows of each list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 12, value_parser = parse_limit)]
    pub limit: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `compare logs`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill compare logs
  firedrill compare logs -n 5 --json")]
pub struct CompareLogs {
    /// At most this many patterns
    #[arg(short = 'n', long, value_name = "N", default_value_t = 12, value_parser = parse_limit)]
    pub limit: usize,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}
