//! What each action does: to which release it leads, which control it calls, and how that is told.

use record::SettingChange;
use serde_json::json;
use shop_api::Service;
use stack::fleet::operate::Refused;
use stack::fleet::settings;
use text::format::counted;

use super::{Effect, Operator};
use crate::api::{Action, Failure};
use crate::shop::Shop;

impl<S: Shop> Operator<S> {
    pub(super) async fn effect(&self, action: &Action) -> anyhow::Result<Effect> {
        match action {
            Action::Rollback { service } => {
                let release = self.before(*service)?;
                self.swap(*service, release).await
            }
            Action::Deploy { service, release } => {
                let release = self.known(*service, release)?;
                self.swap(*service, release).await
            }
            Action::Restart { service } => {
                let release = self.current(*service)?;
                self.shop.restart(*service).await?;
                self.swapped(*service, &release.clone(), release)
            }
            Action::Flush { service } => self.flush(*service).await,
            Action::Skip {} => {
                let count = self.control(Service::Checkout, "outbox-skip").await?;
                let summary = "moved the oldest message to the dead letters";
                let unchanged = "the oldest message has not failed yet";
                self.counted(Service::Checkout, count, summary, unchanged)
            }
            Action::Replay {} => {
                let count = self.control(Service::Checkout, "outbox-replay").await?;
                let summary = format!("moved {} back to the outbox", counted(count, "dead letter"));
                let unchanged = "there are no dead letters";
                self.counted(Service::Checkout, count, summary, unchanged)
            }
            Action::Revert {} => {
                let count = self.control(Service::Inventory, "price-revert").await?;
                let summary = format!(
                    "restored {} from before the last import",
                    counted(count, "price")
                );
                let unchanged = "no imported price list is in force";
                self.counted(Service::Inventory, count, summary, unchanged)
            }
            Action::Block { client } => self.block(client, true).await,
            Action::Unblock { client } => self.block(client, false).await,
            Action::Set { service, settings } => {
                let release = self.current(*service)?;
                self.configured(*service, self.shop.set(*service, &release, settings).await)
            }
            Action::Unset { service, keys } => {
                let release = self.current(*service)?;
                self.configured(*service, self.shop.unset(*service, &release, keys).await)
            }
            Action::Scale { service, replicas } => self.scale(*service, *replicas).await,
        }
    }

    /// A control without arguments.
    async fn control(&self, service: Service, name: &str) -> anyhow::Result<u64> {
        self.shop.control(service, name, &json!({})).await
    }

    /// The release to roll back to.
    fn before(&self, service: Service) -> anyhow::Result<String> {
        let previous = self.deploys.previous(service.name());
        previous.ok_or_else(|| {
            let message = format!("`{service}` has no previous release");
            Failure::new(message, "`firedrill deploys` lists the releases").into()
        })
    }

    fn known(&self, service: Service, release: &str) -> anyhow::Result<String> {
        let known = self.deploys.releases(service.name());
        if known.iter().any(|known| known == release) {
            return Ok(release.to_owned());
        }
        let message = format!(
            "`{service}` has no release `{release}`; its releases are {}",
            known.join(", ")
        );
        Err(Failure::new(message, "`firedrill deploys` lists the releases").into())
    }

    /// Swaps the processes of a service for some of that release.
    async fn swap(&self, service: Service, release: String) -> anyhow::Result<Effect> {
        let before = self.current(service)?;
        self.shop.deploy(service, &release, &[]).await?;
        self.swapped(service, &before, release)
    }

    fn swapped(&self, service: Service, before: &str, release: String) -> anyhow::Result<Effect> {
        Ok(Effect {
            changes: self.shop.release_changes(service, before, &release)?,
            summary: self.deploys.summary(service.name(), &release),
            release,
            count: None,
        })
    }

    async fn flush(&self, service: Service) -> anyhow::Result<Effect> {
        if service == Service::Checkout {
            let message = "`checkout` has no cache";
            return Err(Failure::new(message, "`gateway` and `inventory` have one").into());
        }
        let count = self.control(service, "flush").await?;
        let entries = match count {
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        };
        let summary = format!("flushed {entries}");
        let unchanged = "the caches are already empty";
        self.counted(service, count, summary, unchanged)
    }

    async fn block(&self, client: &str, is_blocked: bool) -> anyhow::Result<Effect> {
        let hint = "name the client by its `x-client-id` header";
        let changed = self.shop.set_blocked(client, is_blocked).await;
        let changed = changed.map_err(|error| refused(error, hint))?;
        let (summary, unchanged) = match is_blocked {
            true => ("blocked", "already blocked"),
            false => ("unblocked", "not blocked"),
        };
        self.counted(
            Service::Gateway,
            u64::from(changed),
            format!("{summary} client `{client}`"),
            format!("client `{client}` is {unchanged}"),
        )
    }

    /// What became of a change of settings.
    fn configured(
        &self,
        service: Service,
        changed: anyhow::Result<Vec<SettingChange>>,
    ) -> anyhow::Result<Effect> {
        let changes = changed.map_err(|error| match error.downcast::<settings::Refused>() {
            Ok(settings::Refused { message, hint }) => Failure::new(message, hint).into(),
            Err(error) => error,
        })?;
        let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let count = changes.len() as u64;
        let unchanged = "already set";
        let effect = self.counted(service, count, told.join(", "), unchanged)?;
        Ok(Effect { changes, ..effect })
    }

    async fn scale(&self, service: Service, replicas: u8) -> anyhow::Result<Effect> {
        if service == Service::Gateway {
            let message = "`gateway` cannot be scaled: there is no load balancer in front of it";
            return Err(Failure::new(message, "`checkout` and `inventory` can be scaled").into());
        }
        if !(1..=Service::MOST_REPLICAS).contains(&replicas) {
            let message = format!("cannot run {replicas} replicas");
            let hint = format!("a service has 1 to {} replicas", Service::MOST_REPLICAS);
            return Err(Failure::new(message, hint).into());
        }
        let wanted = usize::from(replicas);
        let before = self.shop.scale(service, wanted).await;
        let before =
            before.map_err(|error| refused(error, "`firedrill status` shows what is running"))?;
        let there = counted(u64::from(replicas), "replica");
        self.counted(
            service,
            u64::try_from(before.abs_diff(wanted))?,
            format!("scaled from {before} to {wanted} replicas"),
            format!("`{service}` already has {there}"),
        )
    }

    /// Something that was done to running processes, of which the release stays.
    fn counted(
        &self,
        service: Service,
        count: u64,
        summary: impl Into<String>,
        unchanged: impl Into<String>,
    ) -> anyhow::Result<Effect> {
        Ok(Effect {
            release: self.current(service)?,
            changes: Vec::new(),
            summary: summary.into(),
            count: Some((count, unchanged.into())),
        })
    }
}

/// What cannot be done whoever asks is the responder's to change; anything else is not.
fn refused(error: anyhow::Error, hint: &str) -> anyhow::Error {
    match error.is::<Refused>() {
        true => Failure::new(error.to_string(), hint).into(),
        false => error,
    }
}
