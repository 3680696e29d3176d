//! The payment provider. It stands outside the shop: no admin port, no telemetry, no releases, no entry in the deploy log.
//! It runs beside the runner also where the shop runs elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::log_file::LogFile;
use super::placement::Placement;
use super::slot::{Notice, Role, Slot};

/// The running provider.
#[derive(Debug)]
pub struct Provider {
    slot: Arc<Slot>,
}

impl Provider {
    /// Starts the provider on a free port of that address, with its usual behaviour.
    pub(crate) async fn start(logs: &Path, ip: IpAddr) -> anyhow::Result<Self> {
        let log = LogFile::open(logs, "payment")?;
        let placement = Placement::here((ip, 0).into(), log)
            .with_context(|| format!("payment provider at {ip}"))?;
        let slot = Slot::new(Role::Payment, "payment".to_owned(), placement, Vec::new());
        let provider = Self {
            slot: Arc::new(slot),
        };
        provider.configure(&json!({})).await?;
        Ok(provider)
    }

    /// Swaps it for one with these settings; keys that are absent keep their defaults.
    pub async fn configure(&self, settings: &Value) -> anyhow::Result<()> {
        let config = json!({"instance": "payment", "listen": "inherited", "settings": settings});
        self.slot.swap("external", config).await
    }

    /// Where it answers.
    pub(crate) fn addr(&self) -> anyhow::Result<SocketAddr> {
        self.slot.public()
    }

    /// Restarts it whenever it exits unexpectedly.
    pub(crate) fn supervise(&self, notices: &mpsc::Sender<Notice>) {
        tokio::spawn(Arc::clone(&self.slot).supervise(notices.clone()));
    }

    /// Ends it.
    pub(crate) async fn close(&self) {
        self.slot.close().await;
    }
}
