//! Steps of a scenario's timeline, as their authors take them.

use anyhow::Context;
use record::{Deploy, DeployKind};
use scenario::{Action, Scenario, Target};

use super::Operator;
use crate::clock::now;
use crate::shop::Shop;

impl<S: Shop> Operator<S> {
    /// Begins a step: pushes settings, or logs a rollout, for what it does to the shop must not come before it.
    /// Gives the entry of the log, if there is one.
    pub(crate) async fn begin(
        &self,
        step: &Action,
        scenario: &Scenario,
    ) -> anyhow::Result<Option<Deploy>> {
        let entry = match step {
            Action::Deploy {
                service, release, ..
            } => {
                let known = scenario.release(*service, release);
                let known = known.context("a release of the history")?;
                let before = self.current(*service)?;
                Deploy {
                    id: String::new(),
                    service: service.to_string(),
                    release: release.clone(),
                    at: now(),
                    role: known.author.clone(),
                    summary: known.changelog.clone(),
                    kind: DeployKind::Deploy,
                    diff: known.diff.clone(),
                    changes: self.shop.release_changes(*service, &before, release)?,
                    command: None,
                }
            }
            Action::Config {
                target: Target::Service(service),
                settings,
                summary,
                author,
            } => {
                let release = self.current(*service)?;
                let settings = serde_json::to_value(settings).context("settings of a change")?;
                let changes = self.shop.push(*service, &release, settings).await?;
                Deploy {
                    id: String::new(),
                    service: service.to_string(),
                    release,
                    at: now(),
                    role: author.as_deref().unwrap_or("platform engineer").to_owned(),
                    summary: summary.clone().unwrap_or_default(),
                    kind: DeployKind::Config,
                    diff: String::new(),
                    changes,
                    command: None,
                }
            }
            Action::Config {
                target: Target::Outside(outside),
                settings,
                ..
            } => {
                let settings = serde_json::to_value(settings).context("settings of a change")?;
                self.shop.configure_outside(*outside, &settings).await?;
                return Ok(None);
            }
            Action::Import { .. } | Action::Load { .. } | Action::Note { .. } => return Ok(None),
        };
        Ok(Some(self.deploys.record(entry)))
    }

    /// Completes a step that was begun: rolls the release out, hands the import over.
    pub(crate) async fn complete(&self, step: &Action) -> anyhow::Result<()> {
        match step {
            Action::Deploy {
                service,
                release,
                instances,
            } => {
                let only = instances.as_deref().unwrap_or_default();
                self.shop.deploy(*service, release, only).await
            }
            Action::Import {
                source,
                imported,
                seed,
            } => {
                let (service, control) = imported.control();
                let arguments = imported.arguments(source, *seed);
                let count = self.shop.control(service, control, &arguments).await;
                count.map(drop)
            }
            Action::Config { .. } | Action::Load { .. } | Action::Note { .. } => Ok(()),
        }
    }
}
