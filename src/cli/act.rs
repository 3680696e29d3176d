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
  firedrill deploys --service checkout          which releases there are
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
  firedrill flush gateway          the pages that it has kept
  firedrill flush inventory        the products that it has read, on every instance")]
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
    /// Put the head of the outbox with the dead letters, if a delivery of it has failed
    #[command(after_help = "Examples:
  firedrill outbox skip")]
    Skip(Format),
    /// Put the dead letters back into the outbox, due at once
    #[command(after_help = "Examples:
  firedrill outbox replay --json")]
    Replay(Format),
}

/// `block`: turn a client away.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill block client-0007

The gateway answers 403 to it from then on, also after a deploy or a restart.")]
pub struct Block {
    /// The client, as it calls itself in the header `x-client-id`; `anonymous` for all that do not
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}

/// `unblock`: let a client in again.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill unblock client-0007")]
pub struct Unblock {
    /// The client, as it was blocked
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

A new replica runs what the last one runs, and is called when it is ready.
The gateway stays one: the shop has one address, and nothing balances in front of it.")]
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
