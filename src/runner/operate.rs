//! What a responder does to running processes: caches, the outbox, clients, and how many there are. Releases stay.

use anyhow::bail;
use record::{Deploy, DeployKind, SettingChange};
use serde_json::json;
use shop_api::Service;
use stack::fleet::operate::Refused;
use stack::fleet::settings;
use text::format::counted;

use super::deploy_log::Draft;
use super::drill::Drill;
use crate::clock::now;
use crate::control::{ActionRequest, Failure, Settings};

/// An action as it was carried out.
pub(crate) struct Done {
    pub(crate) kind: DeployKind,
    pub(crate) service: Service,
    /// The release that runs after it.
    pub(crate) release: String,
    /// Its entry in the log; none where nothing was there to be changed.
    pub(crate) entry: Option<Deploy>,
    /// How much was changed, where that can be counted.
    pub(crate) count: Option<u64>,
    /// What came of it, for people.
    pub(crate) note: Option<String>,
}

/// What an operation changed.
struct Change {
    kind: DeployKind,
    service: Service,
    count: u64,
    /// For the log.
    summary: String,
    /// What to say where nothing was changed.
    otherwise: String,
    /// The settings that were changed.
    changes: Vec<SettingChange>,
}

impl Drill {
    /// Carries out what needs no other release, and logs it under that role if it changed anything.
    pub(super) async fn operate(
        &self,
        request: &ActionRequest,
        role: &str,
        command: Option<String>,
    ) -> anyhow::Result<Done> {
        let Change {
            kind,
            service,
            count,
            summary,
            otherwise,
            changes,
        } = self.change(request).await?;
        let release = self.current(service)?;
        let mut done = Done {
            kind,
            service,
            release: release.clone(),
            entry: None,
            count: Some(count),
            note: Some(otherwise),
        };
        if count == 0 {
            return Ok(done);
        }
        let draft = Draft {
            service: service.to_string(),
            release,
            role: role.to_owned(),
            kind,
            summary: summary.clone(),
            changes,
            command,
        };
        let entry = self.deploys.record(draft, now())?;
        self.announce(&entry).await?;
        done.entry = Some(entry);
        done.note = Some(summary);
        Ok(done)
    }

    /// The settings that a service runs with.
    pub(super) fn settings(&self, service: Service) -> anyhow::Result<Settings> {
        let release = self.current(service)?;
        Ok(Settings {
            service,
            settings: self.fleet.settings(service, &release)?,
            release,
        })
    }

    async fn change(&self, request: &ActionRequest) -> anyhow::Result<Change> {
        match request {
            ActionRequest::Flush { service } => self.flush(*service).await,
            ActionRequest::Skip {} => {
                let count = self.control(Service::Checkout, "outbox-skip").await?;
                Ok(Change {
                    kind: DeployKind::Skip,
                    service: Service::Checkout,
                    count,
                    summary: "moved the oldest message to the dead letters".to_owned(),
                    otherwise: "the oldest message has not failed yet".to_owned(),
                    changes: Vec::new(),
                })
            }
            ActionRequest::Replay {} => {
                let count = self.control(Service::Checkout, "outbox-replay").await?;
                Ok(Change {
                    kind: DeployKind::Replay,
                    service: Service::Checkout,
                    count,
                    summary: format!("moved {} back to the outbox", counted(count, "dead letter")),
                    otherwise: "there are no dead letters".to_owned(),
                    changes: Vec::new(),
                })
            }
            ActionRequest::Block { client } => self.block(client, true).await,
            ActionRequest::Unblock { client } => self.block(client, false).await,
            ActionRequest::Set { service, settings } => {
                let release = self.current(*service)?;
                Self::configured(*service, self.fleet.set(*service, &release, settings).await)
            }
            ActionRequest::Unset { service, keys } => {
                let release = self.current(*service)?;
                Self::configured(*service, self.fleet.unset(*service, &release, keys).await)
            }
            ActionRequest::Scale { service, replicas } => self.scale(*service, *replicas).await,
            ActionRequest::Rollback { .. }
            | ActionRequest::Restart { .. }
            | ActionRequest::Deploy { .. } => bail!("`{}` swaps processes", request.what()),
        }
    }

    async fn flush(&self, service: Service) -> anyhow::Result<Change> {
        if service == Service::Checkout {
            let message = "`checkout` has no cache";
            return Err(Failure::new(message, "`gateway` and `inventory` have one").into());
        }
        let count = self.control(service, "flush").await?;
        let entries = match count {
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        };
        Ok(Change {
            kind: DeployKind::Flush,
            service,
            count,
            summary: format!("flushed {entries}"),
            otherwise: "the caches are already empty".to_owned(),
            changes: Vec::new(),
        })
    }

    async fn block(&self, client: &str, is_blocked: bool) -> anyhow::Result<Change> {
        let changed = match self.fleet.set_blocked(client, is_blocked).await {
            Err(error) if error.is::<Refused>() => {
                let hint = "name the client by its `x-client-id` header";
                return Err(Failure::new(error.to_string(), hint).into());
            }
            changed => changed?,
        };
        let (kind, summary, otherwise) = match is_blocked {
            true => (DeployKind::Block, "blocked", "already blocked"),
            false => (DeployKind::Unblock, "unblocked", "not blocked"),
        };
        Ok(Change {
            kind,
            service: Service::Gateway,
            count: u64::from(changed),
            summary: format!("{summary} client `{client}`"),
            otherwise: format!("client `{client}` is {otherwise}"),
            changes: Vec::new(),
        })
    }

    /// What became of a change of settings.
    fn configured(
        service: Service,
        changed: anyhow::Result<Vec<SettingChange>>,
    ) -> anyhow::Result<Change> {
        let changes = changed.map_err(|error| match error.downcast::<settings::Refused>() {
            Ok(settings::Refused { message, hint }) => Failure::new(message, hint).into(),
            Err(error) => error,
        })?;
        let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
        Ok(Change {
            kind: DeployKind::Config,
            service,
            count: changes.len() as u64,
            summary: told.join(", "),
            otherwise: "already set".to_owned(),
            changes,
        })
    }

    async fn scale(&self, service: Service, replicas: u8) -> anyhow::Result<Change> {
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
        let before = match self.fleet.scale(service, wanted).await {
            Err(error) if error.is::<Refused>() => {
                let hint = "`firedrill status` shows what is running";
                return Err(Failure::new(error.to_string(), hint).into());
            }
            before => before?,
        };
        Ok(Change {
            kind: DeployKind::Scale,
            service,
            count: u64::try_from(before.abs_diff(wanted))?,
            summary: format!("scaled from {before} to {wanted} replicas"),
            otherwise: format!(
                "`{service}` already has {}",
                counted(u64::from(replicas), "replica")
            ),
            changes: Vec::new(),
        })
    }

    async fn control(&self, service: Service, name: &str) -> anyhow::Result<u64> {
        self.fleet.control(service, name, &json!({})).await
    }
}
