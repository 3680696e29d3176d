//! From what was asked for to what is started: once, before anything runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use grader::WriteUp;
use rand::RngExt;
use record::{Deploy, DeployKind, FORMAT, HEAD, Head, SCRATCH, Urls};
use scenario::degraded::UNSCRAPED;
use scenario::{Degraded, Pace, Scenario, seal};
use serde_json::json;
use shop_api::Service;
use stack::backend::{Kind, Pager, Ports};
use stack::fleet::Releases;
use stack::port::Choice;
use stack::remote::Managers;
use stack::token::Token;
use stack::{Gaps, Plan as StackPlan, copy};
use time::OffsetDateTime;

use crate::burst::Request;
use crate::clock::now;
use crate::folder;
use crate::session::{Session, StateDir};

/// The release of everything when there is no scenario.
const PLAIN_RELEASE: &str = "2026.11.1";

/// What was asked for, parsed.
#[derive(Debug)]
pub struct Options {
    /// The drill; `None` starts the shop alone.
    pub drill: Option<Chosen>,
    /// Whether it was asked for by name: then its id is no secret.
    pub named: bool,
    /// Seed of traffic and data; random when absent.
    pub seed: Option<u64>,
    /// How much time to give.
    pub pace: Pace,
    /// What of the telemetry is missing.
    pub degraded: Option<Degraded>,
    /// The gateway's port.
    pub gateway: Choice,
    /// Which backends to take.
    pub backend: Kind,
    /// The backends' ports.
    pub ports: Ports,
    /// The cache folder.
    pub cache: PathBuf,
    /// Who starts the services' processes, where that is not us.
    pub managers: Option<Managers>,
    /// Where Alertmanager may tell the pager, if it does.
    pub webhook: Option<Webhook>,
    /// False turns telemetry off (benchmarks).
    pub telemetry: bool,
    /// Requests a second instead of the scenario's.
    pub rate: Option<f64>,
    /// Whether the end of standard input ends the drill.
    pub until_eof: bool,
    /// How write-ups are read.
    pub reader: Reader,
    /// Where the incident console answers; empty where there is none.
    pub console: String,
}

/// The drill that was chosen.
#[derive(Debug)]
pub struct Chosen {
    /// What it is.
    pub scenario: Scenario,
    /// Its file as it is, which the hash that is told at the start is of.
    pub original: Vec<u8>,
    /// That file as it was arranged for the seed, which the run keeps.
    pub arranged: Vec<u8>,
}

/// Where the webhook listens, and to whom.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The address.
    pub addr: SocketAddr,
    /// Names by which Alertmanager reaches it.
    pub hosts: Vec<String>,
    /// What Alertmanager must show.
    pub token: Token,
}

/// How a write-up is read; its text format is not the drill's business.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The whole of it; the problems are sentences, each with its line.
    pub write_up: fn(&str) -> Result<WriteUp, Vec<String>>,
    /// The command lines of a reproduction; the error is a sentence without its full stop.
    pub reproduction: fn(&[String]) -> Result<Vec<Request>, String>,
}

/// A run that has a folder and a seed, before anything is started.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What the stack is started from.
    pub(crate) stack: StackPlan,
    /// What else the drill is opened with, once the stack is up.
    pub(crate) opening: Opening,
}

/// What a drill is about; sealed until it is graded.
#[derive(Debug)]
pub(crate) struct Incident {
    pub(crate) scenario: Scenario,
    /// The scenario file as it was arranged for the seed.
    pub(crate) file: Vec<u8>,
}

/// All that a drill knows before its processes run.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) incident: Option<Incident>,
    pub(crate) head: Head,
    pub(crate) nonce: Option<String>,
    /// Without addresses.
    pub(crate) session: Session,
    /// The deploys that were there before the drill began.
    pub(crate) history: Vec<Deploy>,
    pub(crate) traffic: loadgen::Load,
    pub(crate) copies: copy::Plan,
    pub(crate) reader: Reader,
    pub(crate) up_since: Instant,
}

/// Creates the run's folder, writes down what may be known of it, and works out everything that is started.
pub(crate) fn prepare(
    options: Options,
    state: &StateDir,
    pager: Option<Pager>,
) -> anyhow::Result<Plan> {
    let (started, up_since) = (now(), Instant::now());
    let run = folder::id(started, rand::random());
    let folder = folder::create(&state.runs(), &run)?;
    let (head, nonce) = head(&options, &run, started);
    HEAD.replace(&folder, &head)?;
    let token = hex::encode(rand::random::<[u8; 32]>());
    let session = session(&options, &head, &folder, &token);
    let chosen = options
        .drill
        .map(|chosen| (chosen.scenario, chosen.arranged));
    let (scenario, file) = chosen.unzip();
    let load = scenario.as_ref().map(|scenario| scenario.load.clone());
    let mut traffic = load.unwrap_or_default();
    traffic.rate = options.rate.unwrap_or(traffic.rate);
    let copies = copy::Plan {
        run: run.clone(),
        seed: head.seed,
        scratch: folder.join(SCRATCH),
        cache: options.cache.clone(),
        releases: releases(scenario.as_ref())?,
        current: current(scenario.as_ref()),
    };
    let stack = StackPlan {
        run,
        seed: head.seed,
        folder,
        cache: options.cache,
        token,
        gateway: options.gateway,
        backend: options.backend,
        ports: options.ports,
        pager,
        releases: copies.releases.clone(),
        current: copies.current.clone(),
        telemetry: options.telemetry,
        gaps: gaps(options.degraded, options.pace),
        managers: options.managers,
        is_drill: scenario.is_some(),
    };
    let opening = Opening {
        history: history(scenario.as_ref(), started)?,
        incident: scenario
            .zip(file)
            .map(|(scenario, file)| Incident { scenario, file }),
        head,
        nonce,
        session,
        traffic,
        copies,
        reader: options.reader,
        up_since,
    };
    Ok(Plan { stack, opening })
}

/// What that means for the processes.
fn gaps(degraded: Option<Degraded>, pace: Pace) -> Gaps {
    let Some(degraded) = degraded else {
        return Gaps::default();
    };
    Gaps {
        environment: degraded.environment(),
        logs_late: degraded.logs_late(pace),
        unscraped: (degraded == Degraded::Scrape).then_some(UNSCRAPED),
    }
}

/// The head of the run, and the nonce in the hash of its scenario.
fn head(options: &Options, run: &str, started: OffsetDateTime) -> (Head, Option<String>) {
    let file = options.drill.as_ref().map(|chosen| &chosen.original);
    let nonce = file.map(|_| hex::encode(rand::random::<[u8; 16]>()));
    let sealed = nonce.as_deref().zip(file);
    // Small enough to be typed again.
    let new_seed = || rand::rng().random_range(1..1_000_000);
    let head = Head {
        format: FORMAT,
        run: run.to_owned(),
        firedrill: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        seed: options.seed.unwrap_or_else(new_seed),
        pace: match options.pace {
            Pace::Real => "real".to_owned(),
            Pace::Fast => "fast".to_owned(),
        },
        degraded: options.degraded.map(|one| one.name().to_owned()),
        backend: options.backend.kind(),
        urls: options.backend.urls(),
        scenario_hash: sealed.map(|(nonce, file)| seal::commitment(nonce, file)),
        ended: None,
        nonce: None,
    };
    (head, nonce)
}

/// What other terminals are told, before anything listens.
fn session(options: &Options, head: &Head, folder: &Path, token: &str) -> Session {
    let chosen = options.drill.as_ref().filter(|_| options.named);
    Session {
        run: head.run.clone(),
        pid: std::process::id(),
        started: head.started,
        control: SocketAddr::from(([127, 0, 0, 1], 0)),
        token: token.to_owned(),
        folder: folder.to_owned(),
        urls: Urls {
            console: options.console.clone(),
            ..no_urls()
        },
        services: Vec::new(),
        pace: options.pace,
        scenario: chosen.map(|chosen| chosen.scenario.id.clone()),
    }
}

/// Before anything listens.
fn no_urls() -> Urls {
    Urls {
        gateway: String::new(),
        jaeger: String::new(),
        prometheus: String::new(),
        otlp_grpc: String::new(),
        otlp_http: String::new(),
        console: String::new(),
    }
}

/// The settings of every release of the history: those of the release before it, with its own over them.
fn releases(scenario: Option<&Scenario>) -> anyhow::Result<Releases> {
    let plain = Service::ALL.map(|service| ((service, PLAIN_RELEASE.to_owned()), json!({})));
    let Some(scenario) = scenario else {
        return Ok(Releases::from(plain));
    };
    let mut all = Releases::new();
    for service in Service::ALL {
        for (release, settings) in scenario.settings_of(service)? {
            all.insert((service, release.to_owned()), settings);
        }
    }
    Ok(all)
}

/// The release of each service before the timeline begins.
fn current(scenario: Option<&Scenario>) -> BTreeMap<Service, String> {
    let newest = |service: Service| {
        let before = scenario?.deployed_before(service);
        before.last().map(|release| release.release.clone())
    };
    let release = |service: Service| newest(service).unwrap_or_else(|| PLAIN_RELEASE.to_owned());
    Service::ALL
        .map(|service| (service, release(service)))
        .into()
}

/// The deploys that were there before the drill began, oldest first.
fn history(scenario: Option<&Scenario>, started: OffsetDateTime) -> anyhow::Result<Vec<Deploy>> {
    let entry = |service: Service, release: &str, role: &str, summary: &str| Deploy {
        id: String::new(),
        service: service.to_string(),
        release: release.to_owned(),
        at: started,
        role: role.to_owned(),
        summary: summary.to_owned(),
        kind: DeployKind::Deploy,
        diff: String::new(),
        changes: Vec::new(),
        command: None,
    };
    let Some(scenario) = scenario else {
        let plain = |service| Deploy {
            at: started - time::Duration::days(3),
            ..entry(
                service,
                PLAIN_RELEASE,
                "release engineer",
                "first release of the month",
            )
        };
        return Ok(Service::ALL.map(plain).into());
    };
    let releases = scenario.history.iter();
    let mut aged: Vec<_> = releases
        .filter_map(|release| Some((release.age?, release)))
        .collect();
    aged.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    let mut all = Vec::new();
    for (age, release) in aged {
        all.push(Deploy {
            at: started - age,
            diff: release.diff.clone(),
            changes: scenario.changes_of(release)?,
            ..entry(
                release.service,
                &release.release,
                &release.author,
                &release.changelog,
            )
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_alone_has_one_release_of_everything() {
        let started = now();
        let history = history(None, started).expect("no scenario, no problem");
        let ran: Vec<&str> = history.iter().map(|entry| entry.release.as_str()).collect();
        assert_eq!(ran, [PLAIN_RELEASE; 3]);
        assert!(history.iter().all(|entry| entry.at < started));
        let releases = releases(None).expect("no scenario, no problem");
        let current = current(None);
        assert!(current.into_iter().all(|key| releases.contains_key(&key)));
    }

    #[test]
    fn every_drill_starts_on_releases_that_its_history_has() {
        for file in scenario::catalogue::FILES {
            let scenario = scenario::catalogue::load(file.id).expect(file.id);
            let history = history(Some(&scenario), now()).expect(file.id);
            assert!(history.is_sorted_by_key(|entry| entry.at), "{}", file.id);
            let releases = releases(Some(&scenario)).expect(file.id);
            for (service, release) in current(Some(&scenario)) {
                let is_it = |entry: &&Deploy| entry.service == service.name();
                let last = history.iter().rfind(is_it).map(|entry| &entry.release);
                assert_eq!(last, Some(&release), "{}: {service}", file.id);
                assert!(releases.contains_key(&(service, release)), "{}", file.id);
            }
        }
    }
}
