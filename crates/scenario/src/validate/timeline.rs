//! The timeline played through: what cannot happen in that order, and what a drill could not be without.

use std::collections::BTreeMap;

use shop_api::Service;
use text::table::unknown_word;

use super::{Findings, unknown_release};
use crate::{Action, Event, Imported, Scenario, Target};

/// The page must come within 6 minutes of the start at the real pace, and an alert needs a while to fire.
pub(crate) const LATEST_CHANGE_S: f64 = 85.0;
/// No drill is that long.
const LATEST_EVENT_S: f64 = 3600.0;
/// A swap of processes needs a while to drain, also at the fast pace, where this is 3 s.
pub(crate) const SWAP_S: f64 = 15.0;
/// With fewer, the newest deploy would be the answer.
const INNOCENT_DEPLOYS: usize = 2;

/// How many releases of a service are live at some time, the ones before the drill included.
pub(super) fn ever_deployed(scenario: &Scenario, service: Service) -> usize {
    let releases = scenario
        .history
        .iter()
        .filter(|release| release.service == service);
    releases
        .filter(|release| release.age.is_some() || scenario.deployed_at(release).is_some())
        .count()
}

pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    let events = &scenario.timeline;
    findings.expect(
        !events.is_empty(),
        "timeline",
        "is missing; add the events as `[[timeline]]`",
    );
    times(findings, events);
    change(findings, scenario);
    innocent(findings, events);
    play(findings, scenario);
}

fn times(findings: &mut Findings<'_>, events: &[Event]) {
    for event in events {
        let key = format!("timeline[{}].at_s", event.row);
        let at_s = event.at_s;
        findings.expect(
            at_s >= 0.0,
            &key,
            format!("must not be negative, but is {at_s}; 0 is the steady state"),
        );
        findings.expect(
            at_s <= LATEST_EVENT_S,
            &key,
            format!("must be at most {LATEST_EVENT_S}, but is {at_s}"),
        );
    }
}

fn change(findings: &mut Findings<'_>, scenario: &Scenario) {
    let changes = scenario.timeline.iter().filter(|event| event.change);
    let changes: Vec<(usize, &Event)> = changes.map(|event| (event.row, event)).collect();
    match (scenario.is_control(), changes.as_slice()) {
        (true, []) => {}
        (true, [(index, _), ..]) => {
            findings.say(
                &format!("timeline[{index}].change"),
                "must be left out: this is a control, so nothing changes",
            );
        }
        (false, []) if !findings.is_read("timeline") => {}
        (false, []) => findings.say(
            "timeline",
            "has no event with `change = true`; mark the one that starts the symptom",
        ),
        (false, [(index, event)]) => {
            let key = format!("timeline[{index}]");
            findings.expect(
                event.at_s <= LATEST_CHANGE_S,
                &format!("{key}.at_s"),
                format!("is too late for the change: it must be at most {LATEST_CHANGE_S}, so that the page comes within 6 minutes"),
            );
            let is_note = matches!(event.action, Action::Note { .. });
            findings.expect(
                !is_note,
                &format!("{key}.change"),
                "cannot be a note: a note changes nothing",
            );
        }
        (false, [_, rest @ ..]) => {
            for (index, _) in rest {
                findings.say(
                    &format!("timeline[{index}].change"),
                    "is a second change; a drill has only one",
                );
            }
        }
    }
}

fn innocent(findings: &mut Findings<'_>, events: &[Event]) {
    let is_visible = |event: &&Event| match &event.action {
        Action::Deploy { .. } => true,
        Action::Config { summary, .. } => summary.is_some(),
        Action::Import { .. } | Action::Load { .. } | Action::Note { .. } => false,
    };
    let count = events
        .iter()
        .filter(|event| !event.change)
        .filter(is_visible)
        .count();
    findings.expect(
        !findings.is_read("timeline") || events.is_empty() || count >= INNOCENT_DEPLOYS,
        "timeline",
        format!("has {count} innocent deploys and needs {INNOCENT_DEPLOYS}: with fewer, the deploy log would give the answer away"),
    );
}

/// What runs where while the timeline is played through.
struct Shop<'s> {
    scenario: &'s Scenario,
    /// Release by instance.
    running: BTreeMap<&'static str, &'s str>,
    /// When an instance was last changed, in seconds.
    swapped: BTreeMap<&'static str, f64>,
}

/// Plays the timeline through, instance by instance.
fn play(findings: &mut Findings<'_>, scenario: &Scenario) {
    let mut shop = Shop::at_start(scenario);
    for event in &scenario.timeline {
        let index = event.row;
        let key = |field: &str| format!("timeline[{index}].{field}");
        match &event.action {
            Action::Deploy {
                service,
                release,
                instances,
            } => {
                let slots = slots(findings, &key("instances"), *service, instances.as_deref());
                shop.deploy(findings, &key("release"), *service, release, &slots);
                shop.swap(findings, &key("at_s"), &slots, event.at_s);
            }
            Action::Config {
                target,
                settings,
                summary,
                author,
            } => {
                findings.expect(
                    !settings.is_empty(),
                    &key("settings"),
                    "must change something",
                );
                if let Target::Service(service) = target {
                    findings.expect(
                        summary.is_some() && author.is_some(),
                        &key("summary"),
                        "is missing, or `author` is; both appear in the deploy log",
                    );
                    shop.swap(findings, &key("at_s"), service.instances(), event.at_s);
                }
            }
            Action::Import {
                source, imported, ..
            } => import(findings, index, source, imported),
            Action::Load { traffic, for_s } => load(findings, index, traffic, *for_s),
            Action::Note { text } => {
                findings.expect(!text.trim().is_empty(), &key("text"), "must not be empty");
            }
        }
    }
}

fn import(findings: &mut Findings<'_>, index: usize, source: &str, imported: &Imported) {
    let key = |field: &str| format!("timeline[{index}].{field}");
    findings.expect(
        !source.trim().is_empty() || !findings.is_read(&key("source")),
        &key("source"),
        "must not be empty; it is in the service's log",
    );
    let (what, count, among) = imported.size();
    findings.expect(
        (1..=Imported::MOST).contains(&count),
        &key(what),
        format!("must be 1 to {}, not {count}", Imported::MOST),
    );
    findings.expect(
        count <= among,
        &key(what),
        format!("are {count} products of only {among}"),
    );
}

fn load(findings: &mut Findings<'_>, index: usize, traffic: &loadgen::Traffic, for_s: Option<f64>) {
    let key = |field: &str| format!("timeline[{index}].{field}");
    for problem in traffic.problems() {
        findings.expect(false, &key(&problem.key), &problem.message);
    }
    let is_rate = traffic.rate.is_none_or(|rate| rate > 0.0);
    findings.expect(is_rate, &key("rate"), "must be more than 0");
    let is_time = for_s.is_none_or(|for_s| for_s > 0.0);
    findings.expect(is_time, &key("for_s"), "must be more than 0");
    let has_traffic = *traffic != loadgen::Traffic::default()
        || for_s.is_none()
        || !findings.is_read(&key("rate"));
    findings.expect(
        has_traffic,
        &key("for_s"),
        "needs a `rate` or a `partner` for that time",
    );
}

impl<'s> Shop<'s> {
    fn at_start(scenario: &'s Scenario) -> Self {
        let youngest =
            Service::ALL.map(|service| (service, scenario.deployed_before(service).pop()));
        let running = youngest
            .into_iter()
            .filter_map(|(service, release)| Some((service, release?)));
        let running = running.flat_map(|(service, release)| {
            let instances = service.instances().iter();
            instances.map(|instance| (*instance, release.release.as_str()))
        });
        Self {
            scenario,
            running: running.collect(),
            swapped: BTreeMap::new(),
        }
    }

    fn deploy(
        &mut self,
        findings: &mut Findings<'_>,
        key: &str,
        service: Service,
        release: &'s str,
        slots: &[&'static str],
    ) {
        if self.scenario.release(service, release).is_none() {
            findings.say(key, unknown_release(self.scenario, service, release));
        }
        let is_news = slots
            .iter()
            .any(|slot| self.running.get(slot) != Some(&release));
        findings.expect(
            is_news || slots.is_empty(),
            key,
            format!(
                "`{release}` already runs on {}; deploy another release",
                slots.join(" and ")
            ),
        );
        self.running
            .extend(slots.iter().map(|slot| (*slot, release)));
    }

    fn swap(&mut self, findings: &mut Findings<'_>, key: &str, slots: &[&'static str], at_s: f64) {
        for slot in slots {
            let before = self.swapped.insert(slot, at_s);
            findings.expect(
                before.is_none_or(|before| at_s - before >= SWAP_S),
                key,
                format!("must be at least {SWAP_S} s after the last change of {slot}, which needs that long to drain"),
            );
        }
    }
}

/// The instances that a deploy reaches.
fn slots(
    findings: &mut Findings<'_>,
    key: &str,
    service: Service,
    asked: Option<&[String]>,
) -> Vec<&'static str> {
    let known = service.instances();
    let Some(asked) = asked else {
        return known.to_vec();
    };
    findings.expect(
        !asked.is_empty(),
        key,
        "must name an instance; leave it out to mean all",
    );
    for name in asked {
        if !known.contains(&name.as_str()) {
            findings.say(key, unknown_word(name, known));
        }
    }
    known
        .iter()
        .copied()
        .filter(|instance| asked.iter().any(|name| name == instance))
        .collect()
}
