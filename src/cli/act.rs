//! Arguments of the commands that change the running shop.

use clap::Args;

use super::{Format, Service};

/// `rollback`: back to the release before.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill rollback inventory")]
pub struct Rollback {
    /// The service
    #[arg(value_enum)]
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
    #[arg(value_enum)]
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
    #[arg(value_enum)]
    pub service: Service,
    /// The release, as `firedrill deploys` shows it
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// Text or JSON.
    #[command(flatten)]
    pub format: Format,
}
