//! The services of one drill: their slots, the releases they can run, and the swaps between them.

pub mod operate;
mod roster;
mod scale;
pub mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};

use ::settings::{merge, take_process};
use anyhow::Context;
use chassis::{Config, Listen};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::slot::{Notice, Slot, View};
use super::targets;
use roster::Roster;

/// What every service of a drill has in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// The run's id.
    pub(crate) run: String,
    /// Seed of everything random in a service.
    pub(crate) seed: u64,
    /// The token of the admin ports.
    pub(crate) token: String,
    /// Where services keep their databases.
    pub(crate) scratch: PathBuf,
    /// The scrape targets file.
    pub(crate) targets: PathBuf,
    /// False turns traces and metrics off (benchmarks).
    pub(crate) telemetry: bool,
}

/// The settings of each release of each service. Sealed: it never leaves the runner's memory except over
/// a child's standard input, or over the authenticated connection to the manager that has the child.
pub type Releases = BTreeMap<(String, String), Value>;

/// All slots of the drill.
#[derive(Debug)]
pub struct Fleet {
    common: Common,
    releases: Releases,
    /// Changes only while the pipeline is held.
    roster: std::sync::Mutex<Roster>,
    /// Configuration pushed since the start, by service; it outlives deploys, as configuration does.
    pushed: std::sync::Mutex<BTreeMap<String, Value>>,
    /// Configuration that responders made, by service; it lies over what was pushed.
    kept: std::sync::Mutex<BTreeMap<String, Value>>,
    /// Swaps happen one at a time, as a deploy pipeline would have it.
    pipeline: Mutex<()>,
    supervisors: std::sync::Mutex<JoinSet<()>>,
    /// Where supervisors tell what happened; known from the start of the shop on.
    notices: OnceLock<mpsc::Sender<Notice>>,
}

impl Fleet {
    /// Takes the bound slots and the addresses of what is not a service of ours.
    pub(crate) fn new(
        common: Common,
        releases: Releases,
        slots: Vec<Slot>,
        third_parties: &[(&str, SocketAddr)],
    ) -> anyhow::Result<Self> {
        let roster = std::sync::Mutex::new(Roster::new(slots, third_parties)?);
        let (pushed, kept, pipeline, supervisors, notices) = Default::default();
        Ok(Self {
            common,
            releases,
            roster,
            pushed,
            kept,
            pipeline,
            supervisors,
            notices,
        })
    }

    /// Starts `releases` (service to release), all slots at once, and supervises them from then on.
    pub(crate) async fn start(
        &self,
        releases: &BTreeMap<String, String>,
        notices: &mpsc::Sender<Notice>,
    ) -> anyhow::Result<()> {
        let slots = self.roster().slots();
        let starts = slots.iter().map(|slot| async move {
            let release = releases
                .get(&slot.service)
                .with_context(|| format!("`{}` has no release to start", slot.service))?;
            slot.swap(release, self.config(slot, release)?).await
        });
        futures_util::future::try_join_all(starts).await?;
        self.write_targets().await?;
        self.notices.get_or_init(|| notices.clone());
        self.supervise(&slots);
        Ok(())
    }

    /// Swaps the instances of `service` to `release`, one after the other.
    ///
    /// `only` limits the swap to some instances, as a half-finished rollout does.
    pub async fn deploy(
        &self,
        service: &str,
        release: &str,
        only: &[String],
    ) -> anyhow::Result<()> {
        let _turn = self.pipeline.lock().await;
        for slot in self.slots_of(service)? {
            if only.is_empty() || only.contains(&slot.instance) {
                slot.swap(release, self.config(&slot, release)?).await?;
                self.write_targets().await?;
            }
        }
        Ok(())
    }

    /// Swaps each instance of `service` for a fresh process of the release it runs.
    pub async fn restart(&self, service: &str) -> anyhow::Result<()> {
        let _turn = self.pipeline.lock().await;
        self.renew(service).await
    }

    /// The same for whoever has the pipeline already.
    async fn renew(&self, service: &str) -> anyhow::Result<()> {
        for slot in self.slots_of(service)? {
            let view = slot
                .view()
                .await
                .with_context(|| format!("`{}` is not running", slot.instance))?;
            slot.swap(&view.release, self.config(&slot, &view.release)?)
                .await?;
            self.write_targets().await?;
        }
        Ok(())
    }

    /// Ends every process, the edge of the shop first.
    pub(crate) async fn close(&self) {
        let slots = self.roster().slots();
        for service in ["gateway", "checkout", "inventory"] {
            let closing = slots
                .iter()
                .filter(|slot| slot.service == service)
                .map(|slot| slot.close());
            futures_util::future::join_all(closing).await;
        }
        let supervisors = std::mem::take(
            &mut *self
                .supervisors
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        drop(supervisors);
    }

    /// What runs now.
    pub async fn views(&self) -> Vec<View> {
        let slots = self.roster().slots();
        let views = futures_util::future::join_all(slots.iter().map(|slot| slot.view())).await;
        views.into_iter().flatten().collect()
    }

    /// Writes the addresses of what runs now where the scraper looks for them.
    pub async fn write_targets(&self) -> anyhow::Result<()> {
        targets::write(&self.common.targets, &self.views().await)
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots_of(&self, service: &str) -> anyhow::Result<Vec<Arc<Slot>>> {
        self.roster().of(service)
    }

    fn supervise(&self, slots: &[Arc<Slot>]) {
        let Some(notices) = self.notices.get() else {
            return; // Nothing was started yet.
        };
        let supervisors = self.supervisors.lock();
        let mut supervisors = supervisors.unwrap_or_else(PoisonError::into_inner);
        // Those of replicas that were ended.
        while supervisors.try_join_next().is_some() {}
        for slot in slots {
            supervisors.spawn(Arc::clone(slot).supervise(notices.clone()));
        }
    }

    /// Has processes of these slots that end by themselves come back with what was configured since their start.
    async fn reconfigure(&self, slots: &[Arc<Slot>]) -> anyhow::Result<()> {
        for slot in slots {
            if let Some(view) = slot.view().await {
                slot.reconfigure(self.config(slot, &view.release)?).await;
            }
        }
        Ok(())
    }

    fn config(&self, slot: &Slot, release: &str) -> anyhow::Result<Value> {
        let mut settings = json!({});
        for layer in self.layers(&slot.service, release)? {
            merge(&mut settings, &layer);
        }
        // A release may also change how its process runs, such as its worker threads.
        let process = take_process(&mut settings);
        let process = process
            .map(serde_json::from_value)
            .transpose()
            .context("settings of a process")?;
        let config = Config {
            service: slot.service.clone(),
            instance: slot.instance.clone(),
            release: release.to_owned(),
            listen: Listen::Inherited,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            scratch: slot.scratch().unwrap_or(&self.common.scratch).to_owned(),
            upstreams: self.roster().upstreams(),
            token: self.common.token.clone(),
            run: self.common.run.clone(),
            seed: self.common.seed,
            telemetry: self.common.telemetry,
            process: process.unwrap_or_default(),
            settings,
        };
        serde_json::to_value(config).context("configuration of a service")
    }
}
