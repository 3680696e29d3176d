//! Replicas that come and go while the shop runs.
//!
//! ```text
//! up:    socket ─> process, ready ─> supervised ─> scraped ─> callers are told
//! down:  callers are told ─> no more calls to it      ─> process drains, ends ─> not scraped
//! ```
//! So no request meets a replica that is not there yet, or not there any more.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use futures_util::future::join_all;
use serde_json::json;
use shop_api::Service;

use super::Fleet;
use super::operate::Refused;
use crate::slot::Slot;

impl Fleet {
    /// Has `service` run by `wanted` replicas; gives how many there were.
    pub async fn scale(&self, service: Service, wanted: usize) -> anyhow::Result<usize> {
        let _turn = self.pipeline.lock().await;
        let slots = self.slots_of(service)?;
        let before = slots.len();
        if slots.iter().any(|slot| !slot.is_here()) {
            let message =
                "the services run in containers, where `compose.yaml` sets the number of replicas";
            return Err(Refused(message.to_owned()).into());
        }
        if wanted > before {
            self.grow(service, &slots, wanted).await?;
        } else if wanted < before {
            let (stay, go) = slots.split_at(wanted);
            self.lead(service, stay).await?;
            self.end(go).await;
        }
        Ok(before)
    }

    /// Starts replicas like the last one there is, all of them or none.
    async fn grow(
        &self,
        service: Service,
        slots: &[Arc<Slot>],
        wanted: usize,
    ) -> anyhow::Result<()> {
        let last = slots.last().context("a service has a replica")?;
        let view = last.view().await;
        let release = view
            .with_context(|| format!("`{}` is not running", last.instance))?
            .release;
        let mut added = Vec::new();
        for number in slots.len() + 1..=wanted {
            let slot = last.another(format!("{service}-{number}"))?;
            slot.swap(&release, self.config(&slot, &release)?).await?;
            added.push(Arc::new(slot));
        }
        self.roster().add(&added);
        self.supervise(&added);
        self.follow().await;
        let told = self.lead(service, &[slots, &added].concat()).await;
        if told.is_err() {
            self.end(&added).await;
        }
        told
    }

    /// Ends replicas that get no more calls.
    async fn end(&self, slots: &[Arc<Slot>]) {
        join_all(slots.iter().map(|slot| slot.close())).await;
        self.roster().remove(slots);
        self.follow().await;
    }

    /// Leads the callers of `service` to these slots and no others, or leaves them where they were.
    async fn lead(&self, service: Service, slots: &[Arc<Slot>]) -> anyhow::Result<()> {
        let addresses: Vec<SocketAddr> = slots
            .iter()
            .map(|slot| slot.public())
            .collect::<Result<_, _>>()?;
        let before = self.roster().set_upstream(service, addresses);
        let told = self.tell(service).await;
        if told.is_err() {
            self.roster().set_upstream(service, before);
            // A caller that cannot be told this was not told the other either.
            let _ = self.tell(service).await;
        }
        told
    }

    /// Tells every other service where the replicas of `service` are: for what starts from now on first, then what runs,
    /// so that a process that comes back meanwhile is not left out.
    async fn tell(&self, service: Service) -> anyhow::Result<()> {
        let mut callers = self.roster().slots();
        callers.retain(|slot| slot.service() != Some(service));
        self.reconfigure(&callers).await?;
        let told = callers.iter().map(|slot| async move {
            let arguments = json!(self.upstreams(super::of(slot)?)?);
            self.ask_one(slot, "upstreams", &arguments).await
        });
        for answer in join_all(told).await {
            match answer {
                // It has exited, and gets the list when it is restarted.
                Err(error) if is_away(&error) => {}
                answer => drop(answer?),
            }
        }
        Ok(())
    }
}

/// Whether nothing listens there.
fn is_away(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(reqwest::Error::is_connect)
}
