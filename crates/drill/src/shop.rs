//! What can be done to a shop: the one of the drill, a copy of it, or a stand-in in tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use record::SettingChange;
use scenario::Outside;
use serde_json::Value;
use shop_api::Service;
use stack::fleet::Fleet;
use stack::provider::Provider;

/// A shop that can be operated. Each call returns when it is complete.
pub(crate) trait Shop: Send + Sync {
    /// Swaps the instances of a service to a release; `only` limits that to some of them.
    fn deploy(
        &self,
        service: Service,
        release: &str,
        only: &[String],
    ) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Swaps the instances of a service for new processes of the same release.
    fn restart(&self, service: Service) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// What processes run with differently under another release.
    fn release_changes(
        &self,
        service: Service,
        before: &str,
        after: &str,
    ) -> anyhow::Result<Vec<SettingChange>>;

    /// Pushes settings as the owners of a service do; gives what that changed.
    fn push(
        &self,
        service: Service,
        release: &str,
        settings: Value,
    ) -> impl Future<Output = anyhow::Result<Vec<SettingChange>>> + Send;

    /// Sets these keys as a responder does; gives what that changed.
    fn set(
        &self,
        service: Service,
        release: &str,
        settings: &BTreeMap<String, String>,
    ) -> impl Future<Output = anyhow::Result<Vec<SettingChange>>> + Send;

    /// Takes back what a responder has set; gives what that changed.
    fn unset(
        &self,
        service: Service,
        release: &str,
        keys: &[String],
    ) -> impl Future<Output = anyhow::Result<Vec<SettingChange>>> + Send;

    /// Carries a control out on every instance of a service; gives what they count in all.
    fn control(
        &self,
        service: Service,
        name: &str,
        arguments: &Value,
    ) -> impl Future<Output = anyhow::Result<u64>> + Send;

    /// Blocks a client or lets it in again; false if that was so already.
    fn set_blocked(
        &self,
        client: &str,
        is_blocked: bool,
    ) -> impl Future<Output = anyhow::Result<bool>> + Send;

    /// Has a service run by so many replicas; gives how many there were.
    fn scale(
        &self,
        service: Service,
        replicas: usize,
    ) -> impl Future<Output = anyhow::Result<usize>> + Send;

    /// Changes how something outside of the shop behaves.
    fn configure_outside(
        &self,
        what: Outside,
        settings: &Value,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Real processes.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) provider: Arc<Provider>,
}

impl Shop for Processes {
    async fn deploy(&self, service: Service, release: &str, only: &[String]) -> anyhow::Result<()> {
        self.fleet.deploy(service, release, only).await
    }

    async fn restart(&self, service: Service) -> anyhow::Result<()> {
        self.fleet.restart(service).await
    }

    fn release_changes(
        &self,
        service: Service,
        before: &str,
        after: &str,
    ) -> anyhow::Result<Vec<SettingChange>> {
        self.fleet.release_changes(service, before, after)
    }

    async fn push(
        &self,
        service: Service,
        release: &str,
        settings: Value,
    ) -> anyhow::Result<Vec<SettingChange>> {
        self.fleet.push(service, release, settings).await
    }

    async fn set(
        &self,
        service: Service,
        release: &str,
        settings: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<SettingChange>> {
        self.fleet.set(service, release, settings).await
    }

    async fn unset(
        &self,
        service: Service,
        release: &str,
        keys: &[String],
    ) -> anyhow::Result<Vec<SettingChange>> {
        self.fleet.unset(service, release, keys).await
    }

    async fn control(
        &self,
        service: Service,
        name: &str,
        arguments: &Value,
    ) -> anyhow::Result<u64> {
        self.fleet.control(service, name, arguments).await
    }

    async fn set_blocked(&self, client: &str, is_blocked: bool) -> anyhow::Result<bool> {
        self.fleet.set_blocked(client, is_blocked).await
    }

    async fn scale(&self, service: Service, replicas: usize) -> anyhow::Result<usize> {
        self.fleet.scale(service, replicas).await
    }

    async fn configure_outside(&self, what: Outside, settings: &Value) -> anyhow::Result<()> {
        match what {
            Outside::Payment => self.provider.configure(settings).await,
            Outside::Wire => self.fleet.configure_wire(settings),
        }
    }
}
