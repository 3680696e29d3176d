//! What the releases of a scenario are made of: each has the settings of the one before it, with its own over them.

use std::collections::BTreeMap;

use record::{Deploy, GAME_MASTER, SettingChange};
use serde_json::Value;
use settings::{by_release, changes, resolve};
use shop_api::Service;

use super::{Action, Event, Release, Scenario, Target};

impl Release {
    /// What the deploy log calls it: `checkout@2026.11.9`. Two services may have a release of one name.
    pub fn id(&self) -> String {
        format!("{}@{}", self.service, self.release)
    }
}

impl Scenario {
    /// The entries of a run's deploy log that the timeline made and that had no part in the incident.
    pub fn innocent<'d>(&self, log: &'d [Deploy]) -> Vec<&'d Deploy> {
        let others = self.timeline.iter().filter(|event| !event.change);
        let others: Vec<(&str, &str)> = others
            .filter_map(|event| match &event.action {
                Action::Deploy {
                    service, release, ..
                } => {
                    let release = self.release(*service, release)?;
                    (!self.own.contains(&release.id()))
                        .then_some((service.name(), release.changelog.as_str()))
                }
                Action::Config {
                    target: Target::Service(service),
                    summary,
                    ..
                } => Some((service.name(), summary.as_deref()?)),
                _ => None,
            })
            .collect();
        // A rollback has the changelog of the release that it leads to.
        let of_authors = log
            .iter()
            .filter(|entry| entry.command.is_none() && entry.role != GAME_MASTER);
        of_authors
            .filter(|entry| others.contains(&(&entry.service, &entry.summary)))
            .collect()
    }

    /// The releases of a service, oldest first: those deployed before the drill, then those that are never deployed, which
    /// `check` refuses, then those of the timeline as it deploys them.
    pub fn releases_of(&self, service: Service) -> Vec<&Release> {
        let of_service = self.history.iter().filter(|one| one.service == service);
        let mut to_come: Vec<&Release> = of_service.filter(|one| one.age.is_none()).collect();
        let at_s = |one: &Release| self.deployed_at(one).unwrap_or(f64::NEG_INFINITY);
        to_come.sort_by(|one, other| at_s(one).total_cmp(&at_s(other)));
        let before = self.deployed_before(service).into_iter();
        before.chain(to_come).collect()
    }

    /// What a write-up may name: the release that each service runs when the drill begins, by the service's name, and the drill's
    /// own, by the names that its file uses for them.
    pub fn named_releases(&self) -> BTreeMap<String, String> {
        let at_the_start = Service::ALL.into_iter().filter_map(|service| {
            let newest = self.deployed_before(service).pop()?;
            Some((service.name().to_owned(), newest.release.clone()))
        });
        at_the_start.chain(self.names.clone()).collect()
    }

    /// When the timeline first deploys a release, in seconds; none if it never does.
    pub(crate) fn deployed_at(&self, release: &Release) -> Option<f64> {
        let is_it = |event: &&Event| match &event.action {
            Action::Deploy {
                service,
                release: id,
                ..
            } => *service == release.service && *id == release.release,
            _ => false,
        };
        self.timeline.iter().find(is_it).map(|event| event.at_s)
    }

    /// The settings of each release of a service, as far as they are set, oldest first.
    pub fn settings_of(&self, service: Service) -> Result<Vec<(&str, Value)>, serde_json::Error> {
        let own = self.releases_of(service).into_iter().map(|release| {
            let own = serde_json::to_value(&release.settings)?;
            Ok((release.release.as_str(), own))
        });
        let mut base = Value::Object(serde_json::Map::new());
        for shop in &self.shop {
            if let Some(own) = shop.get(service.name()) {
                settings::merge(&mut base, &serde_json::to_value(own)?);
            }
        }
        let own = own.collect::<Result<Vec<_>, serde_json::Error>>()?;
        Ok(by_release(base, own))
    }

    /// The settings that a release changes against the one before it; none for the oldest of its service, before which nothing
    /// is known.
    pub fn changes_of(&self, release: &Release) -> Result<Vec<SettingChange>, serde_json::Error> {
        let all = self.settings_of(release.service)?;
        let of = |settings: &Value| resolve(release.service, std::slice::from_ref(settings));
        let at = all.iter().position(|(name, _)| *name == release.release);
        match at.and_then(|at| Some((all.get(at.checked_sub(1)?)?, &all[at]))) {
            Some(((_, before), (_, after))) => {
                Ok(changes(release.service, &of(before)?, &of(after)?))
            }
            None => Ok(Vec::new()),
        }
    }
}
