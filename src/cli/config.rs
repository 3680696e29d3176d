//! Arguments of `config`: the settings that the shop runs with.

use clap::{Args, Subcommand};
use shop_api::Service;

use super::{Format, Recorded, service};

/// `config`: settings.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with settings.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Show a service's settings and where each value comes from
    Show(ConfigShow),
    /// Change settings; replaces the processes one instance at a time, on the same release
    Set(ConfigSet),
    /// Undo `config set`
    Unset(ConfigUnset),
}

/// `config show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill config show gateway
  firedrill config show inventory --json | jq '.settings[] | select(.from != \"default\")'")]
pub struct ConfigShow {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Of which run, and as text or JSON.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// `config set`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill config set checkout outbox.concurrency=8
  firedrill config set gateway limiter.burst=6000 pages.ttl_ms=10000
  firedrill config set gateway pages.capacity=none          no limit

Settings survive deploys, rollbacks and restarts until you unset them.")]
pub struct ConfigSet {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Keys as in `config show`, with their new values; `none` clears an optional setting
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = parse_pair)]
    pub settings: Vec<(String, String)>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `config unset`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill config unset checkout outbox.concurrency")]
pub struct ConfigUnset {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Keys to unset
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write KEY=VALUE, such as `cache.capacity=8000`".to_owned()),
    }
}
