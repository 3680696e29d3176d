//! Arguments of the process manager, of the runner that uses managers, and of the probe for health checks.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use shop_api::Service;

use super::service;

/// `manage`: the parent of one service in a container.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill manage gateway --data /data --token-file /run/firedrill/token --bind 0.0.0.0:9400 --public 0.0.0.0:8080 --admin 0.0.0.0:9401 --host gateway
  firedrill manage checkout --data /tmp/shop --token-file /tmp/shop-token

Nothing of the service runs until a runner comes (`firedrill run --managers …`), and it ends when the runner is gone.
Whoever has the token can start processes of this program here: an address beyond loopback wants a network of its own.")]
pub struct Manage {
    /// The service whose processes it starts
    #[arg(value_parser = service())]
    pub service: Service,
    /// Where the runner finds the manager; loopback unless told otherwise
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9400")]
    pub bind: SocketAddr,
    /// Where callers find the service
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub public: SocketAddr,
    /// Where metrics and profiles of the newest process are found
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9401")]
    pub admin: SocketAddr,
    /// A name by which others reach this machine, besides its addresses; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Folder for databases; replicas of inventory share one
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// What the runner must show.
    #[command(flatten)]
    pub token: TokenFile,
}

/// Where the shared token is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct TokenFile {
    /// File with the token that the runner and all managers share; it is made if it is not there. Without it, the variable FIREDRILL_TOKEN
    #[arg(
        long,
        value_name = "FILE",
        env = "FIREDRILL_TOKEN_FILE",
        hide_env_values = true
    )]
    pub token_file: Option<PathBuf>,
}

/// How `run` and `up` use managers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Managers {
    /// Start the services through managers in other containers: NAME=URL for each instance
    #[arg(
        long,
        value_name = "NAME=URL,…",
        value_delimiter = ',',
        env = "FIREDRILL_MANAGERS",
        hide_env_values = true,
        help_heading = "Containers"
    )]
    pub managers: Vec<String>,
    /// Where the payment provider listens, so that services in other containers reach it [default: loopback]
    #[arg(
        long,
        value_name = "IP",
        env = "FIREDRILL_BIND",
        hide_env_values = true,
        help_heading = "Containers"
    )]
    pub bind: Option<IpAddr>,
    /// The token of the managers.
    #[command(flatten, next_help_heading = "Containers")]
    pub token: TokenFile,
}

/// The pager as a webhook of Alertmanager.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Pager {
    /// Take Alertmanager's webhook at this address (POST /v1/alerts), besides asking Prometheus
    #[arg(
        long,
        value_name = "ADDR",
        requires = "pager_token_file",
        help_heading = "Containers"
    )]
    pub pager: Option<SocketAddr>,
    /// A name by which Alertmanager reaches the pager, besides its addresses
    #[arg(
        long,
        value_name = "NAME",
        requires = "pager",
        help_heading = "Containers"
    )]
    pub pager_host: Vec<String>,
    /// File with the token that Alertmanager shows; it is made if it is not there
    #[arg(
        long,
        value_name = "FILE",
        requires = "pager",
        help_heading = "Containers"
    )]
    pub pager_token_file: Option<PathBuf>,
}

/// `probe`: one request, for health checks in an image that has nothing else.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill probe http://127.0.0.1:9400/healthz")]
pub struct Probe {
    /// What to ask
    #[arg(value_name = "URL")]
    pub url: String,
}
