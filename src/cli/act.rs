//! Arguments of the commands that change the running shop.

use clap::{Args, Subcommand};
use shop_api::Service;

use super::{Format, service};

/// `rollback`: back to the release before.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill rollback inventory")]
pub struct Rollback {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `restart`: the same release, new processes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill restart checkout")]
pub struct Restart {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `deploy`: a release by id.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill deploys --service checkout          list the releases
  firedrill deploy checkout 2026.11.3")]
pub struct Deploy {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// The release, as `firedrill deploys` shows it
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `flush`: empty caches.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill flush gateway          its page cache
  firedrill flush inventory        the product cache of every instance")]
pub struct Flush {
    /// The service
    #[arg(value_parser = service())]
    pub service: Service,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `outbox`: messages that are stuck.
#[derive(Debug, Clone, Args)]
pub struct Outbox {
    /// What to do.
    #[command(subcommand)]
    pub command: OutboxCommand,
}

/// What can be done with the outbox.
#[derive(Debug, Clone, Subcommand)]
pub enum OutboxCommand {
    /// Move the oldest message to the dead letters, if a delivery of it has failed
    #[command(after_help = "Examples:
  firedrill outbox skip")]
    Skip(Format),
    /// Move the dead letters back to the outbox, for delivery now
    #[command(after_help = "Examples:
  firedrill outbox replay --json")]
    Replay(Format),
}

/// `prices`: price lists that other systems hand over.
#[derive(Debug, Clone, Args)]
pub struct Prices {
    /// What to do.
    #[command(subcommand)]
    pub command: PricesCommand,
}

/// What can be done with imported prices.
#[derive(Debug, Clone, Subcommand)]
pub enum PricesCommand {
    /// Restore the prices from before the last import of a price list
    #[command(after_help = "Examples:
  firedrill prices revert")]
    Revert(Format),
}

/// `block`: refuse a client's requests.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill block client-0007

The gateway then answers 403 to this client, also after a deploy or a restart.")]
pub struct Block {
    /// The client's `x-client-id` header; `anonymous` stands for requests without one
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `unblock`: answer a client again.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill unblock client-0007")]
pub struct Unblock {
    /// The client, as given to `block`
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `scale`: more or fewer replicas.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill scale inventory 3
  firedrill scale checkout 1

A new replica runs the release and settings of the last one, and gets requests once it is ready.
`gateway` cannot be scaled: there is no load balancer in front of it.")]
pub struct Scale {
    /// The service: checkout or inventory
    #[arg(value_parser = service(), hide_possible_values = true)]
    pub service: Service,
    /// How many replicas, 1 to 3
    #[arg(value_name = "REPLICAS", value_parser = clap::value_parser!(u8).range(1..=i64::from(Service::MOST_REPLICAS)))]
    pub replicas: u8,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}
