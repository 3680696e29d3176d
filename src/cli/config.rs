//! Arguments of `config`: the settings that the shop runs with.

use clap::{Args, Subcommand};
use shop_api::Service;

use super::{Format, service};

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
    /// Show every setting of a service, and who says so
    Show(ConfigShow),
    /// Change settings: new processes of the same release, one instance after the other
    Set(ConfigSet),
    /// Take back what `config set` has set
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
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `config set`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill config set checkout outbox.concurrency=8
  firedrill config set gateway limiter.burst=6000 pages.ttl_ms=10000
  firedrill config set gateway pages.capacity=none          no limit

What is set stays over deploys, rollbacks and restarts, until it is unset.")]
pub struct ConfigSet {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Keys as `config show` names them, with the new values; `none` for what may be absent
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
    /// Keys that were set
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
