//! The payment provider. It stands outside the shop: no admin port, no telemetry, no releases, no entry in the deploy log.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::log_file::LogFile;
use super::port::{Choice, choose};
use super::slot::{Notice, Slot};

/// The running provider.
#[derive(Debug)]
pub(crate) struct Provider {
    slot: Arc<Slot>,
}

impl Provider {
    /// Starts the provider on a free port, with its usual behaviour.
    pub(crate) async fn start(logs: &Path) -> anyhow::Result<Self> {
        let addr = choose(Choice::Free, "the payment provider")?;
        let log = LogFile::open(logs, "payment")?;
        let slot = Slot::bind("payment", "payment".to_owned(), addr, log, Vec::new())
            .context("payment provider")?;
        let provider = Self {
            slot: Arc::new(slot),
        };
        provider.configure(&json!({})).await?;
        Ok(provider)
    }

    /// Swaps it for one with these settings; keys that are absent keep their defaults.
    pub(crate) async fn configure(&self, settings: &Value) -> anyhow::Result<()> {
        let config = json!({"instance": "payment", "listen": "inherited", "settings": settings});
        self.slot.swap("external", config).await
    }

    /// Where it answers.
    pub(crate) fn addr(&self) -> anyhow::Result<SocketAddr> {
        self.slot.public()
    }

    /// Starts it again whenever it ends by itself.
    pub(crate) fn supervise(&self, notices: &mpsc::Sender<Notice>) {
        tokio::spawn(Arc::clone(&self.slot).supervise(notices.clone()));
    }

    /// Ends it.
    pub(crate) async fn close(&self) {
        self.slot.close().await;
    }
}
