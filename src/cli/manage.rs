//! Arguments of the process manager, of the runner that uses managers, and of the probe for health checks.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use shop_api::Service;

use super::service;

/// `manage`: supervises one service in a container.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  firedrill manage gateway --data /data --token-file /run/firedrill/token --bind 0.0.0.0:9400 --public 0.0.0.0:8080 --admin 0.0.0.0:9401 --host gateway
  firedrill manage checkout --data /tmp/shop --token-file /tmp/shop-token

The service starts when a runner connects (`firedrill run --managers …`) and ends when the runner is gone.
The token allows starting processes of this program here: bind beyond loopback only on a private network.")]
pub struct Manage {
    /// The service to supervise
    #[arg(value_parser = service())]
    pub service: Service,
    /// Address of the manager, for the runner
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9400")]
    pub bind: SocketAddr,
    /// Address of the service, for its callers
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub public: SocketAddr,
    /// Address for metrics and profiles of the newest process
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9401")]
    pub admin: SocketAddr,
    /// A host name by which others reach this machine; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Folder for databases; replicas of inventory share it
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// What the runner must show.
    #[command(flatten)]
    pub token: TokenFile,
}

/// Where the shared token is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct TokenFile {
    /// File with the token that the runner and all managers share; created if missing [default: the variable FIREDRILL_TOKEN]
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
    /// Start the services through managers in other containers, one NAME=URL per instance
    #[arg(
        long,
        value_name = "NAME=URL,…",
        value_delimiter = ',',
        env = "FIREDRILL_MANAGERS",
        hide_env_values = true,
        help_heading = "Containers"
    )]
    pub managers: Vec<String>,
    /// Listen address of the payment provider, for services in other containers [default: loopback]
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
    /// Also accept Alertmanager's webhook at this address (POST /v1/alerts)
    #[arg(
        long,
        value_name = "ADDR",
        requires = "pager_token_file",
        help_heading = "Containers"
    )]
    pub pager: Option<SocketAddr>,
    /// A host name by which Alertmanager reaches the pager
    #[arg(
        long,
        value_name = "NAME",
        requires = "pager",
        help_heading = "Containers"
    )]
    pub pager_host: Vec<String>,
    /// File with the token that Alertmanager must send; created if missing
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
    /// The URL
    #[arg(value_name = "URL")]
    pub url: String,
}
