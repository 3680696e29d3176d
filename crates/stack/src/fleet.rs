//! The services of one drill: their slots, the releases they can run, and the swaps between them.

pub mod halfway;
pub mod operate;
mod roster;
mod scale;
pub mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ::settings::{merge, take_process};
use anyhow::Context;
use chassis::{Config, Listen};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use shop_api::Service;
use shop_api::path::upstream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::slot::{Notice, Slot, View};
use super::targets;
use super::wire::Wire;
use halfway::Halfway;
use roster::{Roster, Upstreams};

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
    /// The instance that is in no scrape configuration.
    pub(crate) unscraped: Option<&'static str>,
}

/// The settings of each release of each service. Sealed: it never leaves the runner's memory except over
/// a child's standard input, or over the authenticated connection to the manager that has the child.
pub type Releases = BTreeMap<(Service, String), Value>;

/// All slots of the drill.
#[derive(Debug)]
pub struct Fleet {
    common: Common,
    releases: Releases,
    /// What checkout's calls to inventory go over; none where the services run on several hosts, with a network of their own.
    wire: Option<Wire>,
    /// Changes only while the pipeline is held.
    roster: Mutex<Roster>,
    /// Configuration pushed since the start, by service; it outlives deploys, as configuration does.
    owner_layer: Mutex<BTreeMap<Service, Value>>,
    /// Configuration that responders made, by service; it lies over what was pushed.
    responder_layer: Mutex<BTreeMap<Service, Value>>,
    /// Swaps happen one at a time, as a deploy pipeline would have it.
    pipeline: tokio::sync::Mutex<()>,
    supervisors: Mutex<JoinSet<()>>,
    /// Where supervisors tell what happened; known from the start of the shop on.
    notices: OnceLock<mpsc::Sender<Notice>>,
}

impl Fleet {
    /// Takes the bound slots and the addresses of third parties.
    pub(crate) fn new(
        common: Common,
        releases: Releases,
        slots: Vec<Slot>,
        third_parties: &[(&str, SocketAddr)],
    ) -> anyhow::Result<Self> {
        let is_here = slots.iter().all(Slot::is_here);
        let wire = is_here.then(|| Wire::new(common.seed));
        let roster = Mutex::new(Roster::new(slots, third_parties)?);
        let (owner_layer, responder_layer, pipeline, supervisors, notices) = Default::default();
        Ok(Self {
            common,
            releases,
            wire,
            roster,
            owner_layer,
            responder_layer,
            pipeline,
            supervisors,
            notices,
        })
    }

    /// Starts `releases` (service to release), all slots at once, and supervises them from then on.
    pub(crate) async fn start(
        &self,
        releases: &BTreeMap<Service, String>,
        notices: &mpsc::Sender<Notice>,
    ) -> anyhow::Result<()> {
        let slots = self.roster().slots();
        let starts = slots.iter().map(|slot| async move {
            let service = of(slot)?;
            let release = releases
                .get(&service)
                .with_context(|| format!("`{service}` has no release to start"))?;
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
    /// `only` limits the swap to some instances, as a half-finished rollout does. If one does not come up, those before it
    /// are swapped back.
    pub async fn deploy(
        &self,
        service: Service,
        release: &str,
        only: &[String],
    ) -> anyhow::Result<()> {
        let _turn = self.pipeline.lock().await;
        let mut done = Vec::new();
        for slot in self.slots_of(service)? {
            if only.is_empty() || only.contains(&slot.instance) {
                let before = slot.view().await.map(|view| view.release);
                if let Err(error) = self.swap_to(&slot, release).await {
                    return Err(self.swap_back(done, error).await);
                }
                done.push((slot, before));
            }
        }
        Ok(())
    }

    /// Swaps each instance of `service` for a fresh process of the release it runs.
    pub async fn restart(&self, service: Service) -> anyhow::Result<()> {
        let _turn = self.pipeline.lock().await;
        self.renew(service).await
    }

    /// The same for a caller that has the pipeline already.
    async fn renew(&self, service: Service) -> anyhow::Result<()> {
        let mut done = Vec::new();
        for slot in self.slots_of(service)? {
            if let Err(error) = self.renew_one(&slot).await {
                return Err(Halfway::after(done, error));
            }
            done.push(slot.instance.clone());
        }
        Ok(())
    }

    async fn renew_one(&self, slot: &Slot) -> anyhow::Result<()> {
        let view = slot.view().await;
        let view = view.with_context(|| format!("`{}` is not running", slot.instance))?;
        self.swap_to(slot, &view.release).await
    }

    /// Ends every process, the edge of the shop first.
    pub(crate) async fn close(&self) {
        let slots = self.roster().slots();
        for service in Service::ALL {
            let closing = slots
                .iter()
                .filter(|slot| slot.service() == Some(service))
                .map(|slot| slot.close());
            futures_util::future::join_all(closing).await;
        }
        drop(std::mem::take(&mut *self.supervisors.lock()));
    }

    /// What runs now.
    pub async fn views(&self) -> Vec<View> {
        let slots = self.roster().slots();
        let views = futures_util::future::join_all(slots.iter().map(|slot| slot.view())).await;
        views.into_iter().flatten().collect()
    }

    /// Writes the addresses of what runs now where the scraper looks for them.
    pub async fn write_targets(&self) -> anyhow::Result<()> {
        targets::write(&self.common.targets, &self.scraped().await)
    }

    /// What runs now and is scraped.
    pub(crate) async fn scraped(&self) -> Vec<View> {
        let mut views = self.views().await;
        views.retain(|view| Some(view.instance.as_str()) != self.common.unscraped);
        views
    }

    /// Leads the scraper to what was just swapped. The swap is done, so that a targets file that cannot be written is no
    /// failure of it; the next change writes the file again.
    async fn follow(&self) {
        let _ = self.write_targets().await;
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock()
    }

    fn slots_of(&self, service: Service) -> anyhow::Result<Vec<Arc<Slot>>> {
        self.roster().of(service)
    }

    fn supervise(&self, slots: &[Arc<Slot>]) {
        let Some(notices) = self.notices.get() else {
            return; // Nothing was started yet.
        };
        let mut supervisors = self.supervisors.lock();
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

    /// Changes the network between checkout and inventory, for what is on its way as well.
    pub fn configure_wire(&self, properties: &Value) -> anyhow::Result<()> {
        let wire = self.wire.as_ref();
        let wire =
            wire.context("the services run on several hosts, over a network that is not ours")?;
        wire.configure(properties)
    }

    /// Where `caller` finds what. Checkout has two routes to inventory, of which the usual one goes over the wire.
    fn upstreams(&self, caller: Service) -> anyhow::Result<Upstreams> {
        let mut all = self.roster().upstreams();
        if caller == Service::Checkout
            && let Some(inventory) = all.get(upstream::INVENTORY).cloned()
        {
            if let Some(wire) = &self.wire {
                let over = inventory.iter().map(|addr| wire.toward(*addr));
                let over = over.collect::<anyhow::Result<_>>()?;
                all.insert(upstream::INVENTORY.to_owned(), over);
            }
            all.insert(upstream::INVENTORY_STANDBY.to_owned(), inventory);
        }
        Ok(all)
    }

    fn config(&self, slot: &Slot, release: &str) -> anyhow::Result<Value> {
        let mut settings = json!({});
        for layer in self.layers(of(slot)?, release)? {
            merge(&mut settings, &layer);
        }
        // A release may also change how its process runs, such as its worker threads.
        let process = take_process(&mut settings);
        let process = process
            .map(serde_json::from_value)
            .transpose()
            .context("settings of a process")?;
        let config = Config {
            service: of(slot)?.to_string(),
            instance: slot.instance.clone(),
            release: release.to_owned(),
            listen: Listen::Inherited,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            scratch: slot.scratch().unwrap_or(&self.common.scratch).to_owned(),
            upstreams: self.upstreams(of(slot)?)?,
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

/// The service of a slot of the fleet.
fn of(slot: &Slot) -> anyhow::Result<Service> {
    slot.service()
        .with_context(|| format!("`{}` is not a service of the shop", slot.instance))
}
