//! The slots of a fleet, and where callers find each service: the two differ while a replica comes or goes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::bail;
use shop_api::Service;

use crate::slot::Slot;

/// Addresses by the name of the service.
pub(super) type Upstreams = BTreeMap<String, Vec<SocketAddr>>;

/// What there is at present.
#[derive(Debug)]
pub(super) struct Roster {
    slots: Vec<Arc<Slot>>,
    upstreams: Upstreams,
}

impl Roster {
    /// Callers find every slot, and the third parties.
    pub(super) fn new(
        slots: Vec<Slot>,
        third_parties: &[(&str, SocketAddr)],
    ) -> anyhow::Result<Self> {
        let mut upstreams = Upstreams::new();
        for slot in &slots {
            let Some(service) = slot.service() else {
                bail!("`{}` is not a service of the shop", slot.instance);
            };
            let addresses = upstreams.entry(service.to_string()).or_default();
            addresses.push(slot.public()?);
            if addresses.len() > Service::MOST_REPLICAS.into() {
                bail!("`{service}` has too many replicas");
            }
        }
        for (name, addr) in third_parties {
            upstreams.entry((*name).to_owned()).or_default().push(*addr);
        }
        Ok(Self {
            slots: slots.into_iter().map(Arc::new).collect(),
            upstreams,
        })
    }

    /// All slots, the replicas of a service beside each other.
    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.clone()
    }

    /// The slots of one service, in the order of their numbers.
    pub(super) fn of(&self, service: Service) -> anyhow::Result<Vec<Arc<Slot>>> {
        let of_service = |slot: &&Arc<Slot>| slot.service() == Some(service);
        let slots: Vec<_> = self.slots.iter().filter(of_service).cloned().collect();
        if slots.is_empty() {
            bail!("`{service}` does not run");
        }
        Ok(slots)
    }

    /// Where callers find what.
    pub(super) fn upstreams(&self) -> Upstreams {
        self.upstreams.clone()
    }

    /// Has callers find `service` at other addresses; gives those before.
    pub(super) fn set_upstream(
        &mut self,
        service: Service,
        addresses: Vec<SocketAddr>,
    ) -> Vec<SocketAddr> {
        let before = self.upstreams.insert(service.to_string(), addresses);
        before.unwrap_or_default()
    }

    /// Adds slots behind those of their service; callers do not find them yet.
    pub(super) fn add(&mut self, added: &[Arc<Slot>]) {
        for slot in added {
            let last = self
                .slots
                .iter()
                .rposition(|s| s.service() == slot.service());
            let place = last.map_or(self.slots.len(), |last| last + 1);
            self.slots.insert(place, Arc::clone(slot));
        }
    }

    /// Forgets slots; callers find them no more already.
    pub(super) fn remove(&mut self, removed: &[Arc<Slot>]) {
        self.slots
            .retain(|slot| !removed.iter().any(|gone| Arc::ptr_eq(gone, slot)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_file::LogFile;
    use crate::placement::Placement;
    use crate::slot::Role;

    fn slot(instance: &str) -> Slot {
        let name = instance.split('-').next().expect("a name");
        let service = Service::from_name(name).expect("a service");
        let log = LogFile::in_memory(instance);
        let placement = Placement::here(([127, 0, 0, 1], 0).into(), log).expect("a socket");
        Slot::new(
            Role::Service(service),
            instance.to_owned(),
            placement,
            Vec::new(),
        )
    }

    fn roster(instances: &[&str]) -> anyhow::Result<Roster> {
        let slots = instances.iter().map(|instance| slot(instance)).collect();
        Roster::new(slots, &[("payment", ([127, 0, 0, 1], 1).into())])
    }

    fn names(slots: &[Arc<Slot>]) -> Vec<&str> {
        slots.iter().map(|slot| slot.instance.as_str()).collect()
    }

    #[test]
    fn replicas_stand_beside_each_other_and_are_found_when_callers_are_told() {
        let mut roster = roster(&["gateway-1", "checkout-1", "inventory-1"]).expect("slots");
        let before = roster.upstreams();
        let added = [Arc::new(slot("checkout-2")), Arc::new(slot("inventory-2"))];
        roster.add(&added);
        let all = "gateway-1 checkout-1 checkout-2 inventory-1 inventory-2";
        assert_eq!(names(&roster.slots()).join(" "), all);
        assert_eq!(roster.upstreams(), before, "no caller knows yet");

        let of = roster.of(Service::Checkout).expect("a service");
        assert_eq!(names(&of), ["checkout-1", "checkout-2"]);
        let addresses: Vec<_> = of
            .iter()
            .map(|slot| slot.public().expect("bound"))
            .collect();
        let replaced = roster.set_upstream(Service::Checkout, addresses.clone());
        assert_eq!(replaced, before["checkout"]);
        assert_eq!(roster.upstreams()["checkout"], addresses);

        // A slot of the same name that came later is another one.
        let later = Arc::new(slot("inventory-2"));
        roster.add(&[Arc::clone(&later)]);
        roster.remove(&added);
        assert_eq!(
            names(&roster.slots()),
            ["gateway-1", "checkout-1", "inventory-1", "inventory-2"]
        );
        let last = roster.of(Service::Inventory).expect("a service").pop();
        assert!(last.is_some_and(|last| Arc::ptr_eq(&last, &later)));
    }

    #[test]
    fn a_service_has_a_replica_and_no_more_than_it_may() {
        let roster = |instances: &[&str]| roster(instances).map_err(|error| error.to_string());
        let three = ["checkout-1", "checkout-2", "checkout-3"];
        let found = roster(&three).expect("three").of(Service::Gateway).err();
        assert_eq!(
            found.map(|error| error.to_string()).as_deref(),
            Some("`gateway` does not run")
        );
        let four = [&three[..], &["checkout-4"]].concat();
        let expected = "`checkout` has too many replicas";
        assert_eq!(roster(&four).err().as_deref(), Some(expected));
    }
}
