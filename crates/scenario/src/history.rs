//! What the releases of a scenario are made of: each has the settings of the one before it, with its own over them.

use record::SettingChange;
use serde_json::Value;
use settings::{by_release, changes, resolve};
use shop_api::Service;

use super::{Action, Event, Release, Scenario, Target};

impl Scenario {
    /// What changed while the drill ran and had no part in the incident, in words, oldest first.
    pub fn innocent(&self) -> Vec<String> {
        let own: Vec<&String> = self.names.values().collect();
        let others = self.timeline.iter().filter(|event| !event.change);
        let others = others.filter_map(|event| match &event.action {
            Action::Deploy {
                service, release, ..
            } if !own.contains(&release) => {
                let changelog = &self.release(*service, release)?.changelog;
                Some(format!("{service} {release}: {changelog}"))
            }
            Action::Config {
                target: Target::Service(service),
                summary: Some(summary),
                ..
            } => Some(format!("{service}, configuration: {summary}")),
            _ => None,
        });
        others.collect()
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
