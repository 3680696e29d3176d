//! A scenario file with `[pool]` made into one drill: the pool's innocent changes, drawn by the seed, around what is its own.
//!
//! ```text
//! scenarios/ID.toml ─┐                       ┌─ releases named, `{new}` is `2026.11.9` everywhere
//! scenarios/pool ────┴─> arrange(seed) ─> text ─ [arranged], [[history.*]] and [[timeline]] of the pool at its end
//! ```
//! The result is a scenario file as any other: the run keeps it, and no pool is needed to read it.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use settings::{changes, resolve};
use sha2::{Digest as _, Sha256};
use shop_api::Service;
use text::Problem;

use crate::pool::{Change, pool};
use crate::validate::{LATEST_CHANGE_S, SWAP_S};
use crate::{Action, Event, Release, Scenario, Target};

/// Releases of the pool that a service has behind it when the drill begins.
const PAST: std::ops::RangeInclusive<usize> = 2..=3;
/// How long ago those were deployed, in hours.
const AGE_H: std::ops::Range<u32> = 20..330;
/// Innocent changes while the drill runs.
const INNOCENT: std::ops::RangeInclusive<usize> = 3..=4;
/// Of them, how many are configuration changes.
const PUSHES: f64 = 0.15;
/// Of the others, for how many one is preferred that changes code only, as most drills' own change does.
const QUIET: f64 = 0.6;
/// The first comes this long after the start, so that there is a baseline without one; in seconds at the real pace, as all below.
const EARLIEST_S: f64 = 8.0;
/// All keep this distance from the drill's own change, and from one another.
const APART_S: f64 = 7.0;
/// Those of one service keep this distance, so that a Prometheus that learns of new targets every few seconds keeps up.
const AGAIN_S: f64 = 35.0;
/// The last comes this long after the change.
const LATEST_AFTER_S: f64 = 50.0;
/// By how much everything may come later than written.
const LATER_S: f64 = 10.0;
/// The factor from which a change of a setting is a bold one.
const BOLD: f64 = 20.0;
/// The longest burst of traffic that nothing is to come into.
const BURST_S: f64 = 30.0;
/// How often a place for a change is looked for.
const TRIES: usize = 60;

/// What was drawn, as it stands at the end of the file.
#[derive(Serialize)]
struct Drawn {
    arranged: Arranged,
    history: BTreeMap<&'static str, Vec<Row>>,
    timeline: Vec<Step>,
}

#[derive(Serialize)]
struct Arranged {
    /// By which it was drawn.
    seed: u64,
    /// The hash of the file that was arranged.
    recipe: String,
    /// How much later than written everything comes that is not there from the start, in seconds at the real pace.
    later_s: f64,
    /// The drill's own releases, by the name that its file uses for them, `new`.
    names: BTreeMap<String, String>,
    /// The same with their services, `checkout@2026.11.9`: two services may have a release of one name.
    own: Vec<String>,
    /// Who makes the drill's own changes: by the name of a release with its service, or by the service of a configuration change.
    authors: BTreeMap<String, &'static str>,
    /// What every shop runs with, by service.
    shop: toml::Table,
}

#[derive(Serialize)]
struct Row {
    release: String,
    author: &'static str,
    changelog: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    diff: &'static str,
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    settings: toml::Table,
}

#[derive(Serialize)]
struct Step {
    at_s: f64,
    service: &'static str,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum What {
    Deploy {
        release: String,
    },
    Config {
        author: &'static str,
        summary: &'static str,
        settings: toml::Table,
    },
}

/// A change of the pool, and when it comes: in seconds from the start at the real pace, negative for what was there before.
#[derive(Clone, Copy)]
struct Innocent {
    at_s: f64,
    is_push: bool,
    change: &'static Change,
}

/// The file as one drill of that seed; a file without `[pool]`, or that is arranged already, as it is.
///
/// # Errors
///
/// What cannot be read in the file.
pub fn arrange(file: &str, text: &str, seed: u64) -> Result<String, Vec<Problem>> {
    let scenario = Scenario::as_written(file, text)?;
    let Some(pool) = scenario.pool.as_ref().filter(|pool| !pool.is_drawn) else {
        return Ok(text.to_owned());
    };
    let mut draw = Draw::new(&scenario, &pool.avoid, seed);
    let mut innocent = draw.past();
    innocent.extend(draw.during());
    let drawn = draw.named(&innocent);
    let names = drawn.arranged.names.iter();
    let named = names.fold(text.to_owned(), |text, (name, release)| {
        text.replace(&format!("{{{name}}}"), release)
    });
    let drawn = toml::to_string_pretty(&drawn).expect("tables of texts and numbers");
    Ok(format!("{}\n\n{drawn}", named.trim_end()))
}

/// Draws from the pool for one drill.
struct Draw<'s> {
    scenario: &'s Scenario,
    seed: u64,
    rng: StdRng,
    /// Settings that are the drill's own, that it does not want changed, or that were drawn: `checkout.outbox`.
    taken: BTreeSet<String>,
    /// Changelogs that were drawn.
    drawn: BTreeSet<&'static str>,
}

impl<'s> Draw<'s> {
    fn new(scenario: &'s Scenario, avoid: &[String], seed: u64) -> Self {
        // Two drills of one seed have nothing in common.
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(&scenario.id);
        let releases = scenario.history.iter();
        let releases = releases.map(|release| (release.service, &release.settings));
        let pushes = scenario.timeline.iter().filter_map(pushed);
        let shop = Service::ALL.into_iter().filter_map(|service| {
            let own = scenario
                .shop
                .iter()
                .find_map(|shop| shop.get(service.name()));
            Some((service, own?.as_table()?))
        });
        let own = releases.chain(pushes).chain(shop);
        let own = own.flat_map(|(service, settings)| areas(service, settings));
        Self {
            scenario,
            seed,
            rng: StdRng::from_seed(hash.finalize().into()),
            taken: own.chain(avoid.iter().cloned()).collect(),
            drawn: BTreeSet::new(),
        }
    }

    /// A change that fits: not drawn yet, and of settings that nothing else touches; one that is preferred if there is one.
    fn change(
        &mut self,
        from: &'static [Change],
        service: Service,
        prefer: impl Fn(&Change) -> bool,
    ) -> Option<&'static Change> {
        let fits = |change: &&Change| {
            let is_new = !self.drawn.contains(change.changelog.as_str());
            let mut areas = areas(service, &change.settings);
            change.service == service && is_new && !areas.any(|area| self.taken.contains(&area))
        };
        let mut fitting: Vec<&Change> = from.iter().filter(fits).collect();
        if fitting.iter().any(|change| prefer(change)) {
            fitting.retain(|change| prefer(change));
        }
        let change = *fitting.choose(&mut self.rng)?;
        self.drawn.insert(&change.changelog);
        self.taken.extend(areas(service, &change.settings));
        Some(change)
    }

    /// Authors for these releases of the drill and for its configuration change: each team as often as in the pool, so that the
    /// author does not give the change away.
    fn authors(&mut self, ids: &[(String, Service)]) -> BTreeMap<String, &'static str> {
        let pushed = self.scenario.change().and_then(pushed);
        let pushed = pushed.map(|(service, _)| (service.to_string(), service));
        let changes = ids.iter().cloned().chain(pushed);
        let drawn = changes.filter_map(|(key, service)| {
            let all = pool().release.iter();
            let all: Vec<&Change> = all.filter(|change| change.service == service).collect();
            Some((key, all.choose(&mut self.rng)?.author.as_str()))
        });
        drawn.collect()
    }

    /// What was deployed before the drill.
    fn past(&mut self) -> Vec<Innocent> {
        let mut past = Vec::new();
        for service in Service::ALL {
            let count = self.rng.random_range(PAST);
            let mut ages = BTreeSet::new();
            while ages.len() < count {
                ages.insert(self.rng.random_range(AGE_H));
            }
            past.extend(ages.into_iter().filter_map(|age| {
                Some(Innocent {
                    at_s: -3600.0 * f64::from(age),
                    is_push: false,
                    change: self.change(&pool().release, service, |_| true)?,
                })
            }));
        }
        past
    }

    /// What happens during the drill: how much of it comes after the drill's own change is left to chance.
    fn during(&mut self) -> Vec<Innocent> {
        let count = self.rng.random_range(INNOCENT);
        let after = self.rng.random_range(0..=count);
        // One that a hurried responder takes for the cause.
        let bold = self.rng.random_range(0..count);
        let change_s = self.change_s();
        let mut during: Vec<Innocent> = Vec::new();
        for index in 0..count {
            let before = EARLIEST_S..change_s - APART_S;
            let later = change_s + APART_S..change_s + LATEST_AFTER_S;
            let (first, second) = match index < after {
                true => (later, before),
                false => (before, later),
            };
            let place = self.place(first, &during);
            let Some((at_s, service)) = place.or_else(|| self.place(second, &during)) else {
                continue;
            };
            let is_push = self.rng.random_bool(PUSHES);
            let from = if is_push {
                &pool().push
            } else {
                &pool().release
            };
            let is_quiet = self.rng.random_bool(QUIET);
            let change = self.change(from, service, |change| match index == bold {
                true => is_bold(change),
                false => !is_quiet || change.settings.is_empty(),
            });
            during.extend(change.map(|change| Innocent {
                at_s,
                is_push,
                change,
            }));
        }
        during
    }

    /// When the drill's own change comes, or what a control has in its place.
    fn change_s(&self) -> f64 {
        let mut own = self.scenario.timeline.iter();
        let first = own.find(|event| changed(event).is_some());
        let change = self.scenario.change().or(first);
        change.map_or(EARLIEST_S + SWAP_S, |event| event.at_s)
    }

    /// A time within a window, and a service that can be swapped then: its processes need a while to drain, and what the drill
    /// itself changes is left alone from then on, for a new process may hide the symptom.
    fn place(
        &mut self,
        window: std::ops::Range<f64>,
        during: &[Innocent],
    ) -> Option<(f64, Service)> {
        let own: Vec<(f64, Service)> = self.scenario.timeline.iter().filter_map(changed).collect();
        let bursts: Vec<(f64, f64)> = self.scenario.timeline.iter().filter_map(burst).collect();
        for _ in 0..TRIES {
            let at_s = self.rng.random_range(window.clone()).round();
            let service = *Service::ALL.choose(&mut self.rng)?;
            let is_before_own =
                |(own_s, of): &(f64, Service)| *of != service || at_s + AGAIN_S <= *own_s;
            let is_apart = |other: &Innocent| {
                let is_same = other.change.service == service;
                (at_s - other.at_s).abs() >= if is_same { AGAIN_S } else { APART_S }
            };
            // A process that was just replaced has counted nothing of it.
            let is_quiet = |(from_s, to_s): &(f64, f64)| at_s + SWAP_S < *from_s || at_s > *to_s;
            let is_free = own.iter().all(is_before_own) && bursts.iter().all(is_quiet);
            if is_free && during.iter().all(is_apart) {
                return Some((at_s, service));
            }
        }
        None
    }

    /// Names the releases of each service in the order in which they come.
    fn named(mut self, innocent: &[Innocent]) -> Drawn {
        let scenario = self.scenario;
        let mut names = BTreeMap::new();
        // The drill's own releases.
        let mut ids: Vec<(String, Service)> = Vec::new();
        let mut history: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
        let mut timeline: Vec<Step> = Vec::new();
        for service in Service::ALL {
            let of_service = |one: &&Innocent| one.change.service == service;
            let (pushes, releases): (Vec<&Innocent>, Vec<&Innocent>) = innocent
                .iter()
                .filter(of_service)
                .partition(|one| one.is_push);
            timeline.extend(pushes.into_iter().map(Step::push));
            let drawn = releases
                .into_iter()
                .map(|one| (one.at_s, Named::Drawn(one)));
            let own = scenario.history.iter().filter(|one| one.service == service);
            let own = own.map(|one| (came(scenario, one), Named::Own(&one.release)));
            let mut order: Vec<(f64, Named<'_>)> = drawn.chain(own).collect();
            order.sort_by(|one, other| one.0.total_cmp(&other.0));
            let mut number = self.rng.random_range(1..=3);
            for (_, one) in order {
                let release = format!("2026.11.{number}");
                number += self.rng.random_range(1..=3);
                match one {
                    Named::Own(name) => {
                        let name = name.trim_matches(['{', '}']);
                        ids.push((format!("{service}@{release}"), service));
                        names.insert(name.to_owned(), release);
                    }
                    Named::Drawn(one) => {
                        let is_past = one.at_s < 0.0;
                        timeline.extend((!is_past).then(|| Step::deploy(one, release.clone())));
                        let rows = history.entry(service.name()).or_default();
                        rows.push(Row::of(one, release));
                    }
                }
            }
        }
        let latest = (LATEST_CHANGE_S - self.change_s()).clamp(0.0, LATER_S);
        let later_s = self.rng.random_range(0.0..=latest).round();
        let authors = self.authors(&ids);
        let arranged = Arranged {
            seed: self.seed,
            recipe: scenario.recipe.clone(),
            later_s,
            names,
            own: ids.into_iter().map(|(id, _)| id).collect(),
            authors,
            shop: pool().shop.clone(),
        };
        Drawn {
            arranged,
            history,
            timeline,
        }
    }
}

/// A release that needs a name.
enum Named<'s> {
    /// By the name that the scenario file uses for it, `{new}`.
    Own(&'s str),
    Drawn(&'s Innocent),
}

impl Row {
    fn of(one: &Innocent, release: String) -> Self {
        Self {
            release,
            author: &one.change.author,
            changelog: &one.change.changelog,
            age: (one.at_s < 0.0).then(|| format!("{:.0}h", -one.at_s / 3600.0)),
            diff: &one.change.diff,
            settings: one.change.settings.clone(),
        }
    }
}

impl Step {
    fn deploy(one: &Innocent, release: String) -> Self {
        Self::of(one, What::Deploy { release })
    }

    fn push(one: &Innocent) -> Self {
        let what = What::Config {
            author: &one.change.author,
            summary: &one.change.changelog,
            settings: one.change.settings.clone(),
        };
        Self::of(one, what)
    }

    fn of(one: &Innocent, what: What) -> Self {
        Self {
            at_s: one.at_s,
            service: one.change.service.name(),
            what,
        }
    }
}

/// When a release of the scenario comes, in seconds.
fn came(scenario: &Scenario, release: &Release) -> f64 {
    let before = release.age.map(|age| -age.as_secs_f64());
    let during = || scenario.deployed_at(release);
    before.or_else(during).unwrap_or_default()
}

/// From when to when an event makes a short burst of traffic, if it does.
fn burst(event: &Event) -> Option<(f64, f64)> {
    match event.action {
        Action::Load {
            for_s: Some(for_s), ..
        } if for_s <= BURST_S => Some((event.at_s, event.at_s + for_s)),
        _ => None,
    }
}

/// When an event swaps processes, and whose.
fn changed(event: &Event) -> Option<(f64, Service)> {
    match &event.action {
        Action::Deploy { service, .. }
        | Action::Config {
            target: Target::Service(service),
            ..
        } => Some((event.at_s, *service)),
        _ => None,
    }
}

/// What an event pushes to a service.
fn pushed(event: &Event) -> Option<(Service, &toml::Table)> {
    match &event.action {
        Action::Config {
            target: Target::Service(service),
            settings,
            ..
        } => Some((*service, settings)),
        _ => None,
    }
}

/// Whether a change sets something to a value that is no number, or many times what it was.
fn is_bold(change: &Change) -> bool {
    let of = |layer: serde_json::Value| resolve(change.service, &[layer]).unwrap_or_default();
    let own = serde_json::to_value(&change.settings).unwrap_or_default();
    let changed = changes(change.service, &of(serde_json::json!({})), &of(own));
    changed.iter().any(|changed| changed.factor() >= BOLD)
}

/// The parts of a service's settings that a table touches: `checkout.outbox`; how the process runs is divided once more.
fn areas(service: Service, own: &toml::Table) -> impl Iterator<Item = String> {
    own.iter().flat_map(move |(name, value)| {
        let inner = value.as_table().filter(|_| name == settings::PROCESS);
        match inner {
            Some(inner) => inner
                .keys()
                .map(|key| format!("{service}.{name}.{key}"))
                .collect(),
            None => vec![format!("{service}.{name}")],
        }
    })
}

#[cfg(test)]
mod tests;
