//! From what was asked for to what is started: the scenario's releases, the stack's plan, the drill's state.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use grader::evidence::Sources;
use rand::RngExt;
use record::{DEPLOYS, DeployKind, Event, FORMAT, HEAD, Head, TIMELINE, Urls};
use scenario::{Pace, Scenario, seal};
use serde_json::json;
use shop_api::Service;
use stack::backend::{Kind, Pager, Ports};
use stack::fleet::Releases;
use stack::port::Choice;
use stack::remote::Managers;
use stack::{Plan, Stack};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::audience::Audience;
use super::deploy_log::{DeployLog, Draft};
use super::drill::{Drill, Moments, Phase, State};
use super::folder;
use super::load::Load;
use super::webhook::Webhook;
use crate::clock::now;
use crate::session::{Lock, Session, StateDir};

/// The release of all services without a scenario.
const PLAIN_RELEASE: &str = "2026.11.1";

/// What was asked for, parsed.
#[derive(Debug)]
pub(crate) struct Options {
    /// The drill, and its file as it is; `None` starts the shop alone.
    pub(crate) scenario: Option<(Scenario, Vec<u8>)>,
    /// Whether it was asked for by name: then its id is not secret.
    pub(crate) named: bool,
    /// Seed of traffic and data; random when absent.
    pub(crate) seed: Option<u64>,
    /// How much time to give.
    pub(crate) pace: Pace,
    /// The gateway's port.
    pub(crate) gateway: Choice,
    /// Which backends to take.
    pub(crate) backend: Kind,
    /// The backends' ports.
    pub(crate) ports: Ports,
    /// The cache folder.
    pub(crate) cache: PathBuf,
    /// Who starts the services' processes, where that is not us.
    pub(crate) managers: Option<Managers>,
    /// Where Alertmanager may tell the pager, if it does.
    pub(crate) webhook: Option<Webhook>,
    /// False turns telemetry off (benchmarks).
    pub(crate) telemetry: bool,
    /// Requests a second instead of the scenario's.
    pub(crate) rate: Option<f64>,
    /// Whether the end of standard input ends the drill.
    pub(crate) until_eof: bool,
}

/// A run that has a folder and a seed, before anything is started.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) options: Options,
    pub(super) run: String,
    pub(super) seed: u64,
    pub(super) folder: PathBuf,
    token: String,
    key: Option<Key>,
    head: Head,
    started: (OffsetDateTime, Instant),
}

/// The commitment to the sealed scenario. The nonce stays in memory until the drill is over:
/// with it, the hash would reveal the scenario to anyone who tries the catalogue.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) nonce: String,
    pub(super) commitment: String,
}

/// Creates the run's folder and writes down what may be known of it.
pub(super) fn prepare(options: Options, state: &StateDir) -> anyhow::Result<Prepared> {
    let mut random = rand::rng();
    let started = (now(), Instant::now());
    let run = folder::id(started.0, random.random());
    let folder = folder::create(&state.runs(), &run)?;
    // Small enough to be typed again.
    let seed = options
        .seed
        .unwrap_or_else(|| random.random_range(1..1_000_000));
    let key = options.scenario.as_ref().map(|(_, file)| {
        let nonce = hex::encode(random.random::<[u8; 16]>());
        let commitment = seal::commitment(&nonce, file);
        Key { nonce, commitment }
    });
    let head = Head {
        format: FORMAT,
        run: run.clone(),
        firedrill: env!("CARGO_PKG_VERSION").to_owned(),
        started: started.0,
        seed,
        pace: match options.pace {
            Pace::Real => "real".to_owned(),
            Pace::Fast => "fast".to_owned(),
        },
        backend: options.backend.kind(),
        urls: options.backend.urls(),
        scenario_hash: key.as_ref().map(|key| key.commitment.clone()),
        ended: None,
        nonce: None,
    };
    HEAD.replace(&folder, &head)?;
    Ok(Prepared {
        run,
        seed,
        folder,
        token: hex::encode(random.random::<[u8; 32]>()),
        key,
        head,
        started,
        options,
    })
}

impl Prepared {
    /// What the stack is started from.
    pub(super) fn stack_plan(&self, pager: Option<Pager>) -> anyhow::Result<Plan> {
        Ok(Plan {
            run: self.run.clone(),
            seed: self.seed,
            folder: self.folder.clone(),
            cache: self.options.cache.clone(),
            token: self.token.clone(),
            gateway: self.options.gateway,
            backend: self.options.backend.clone(),
            ports: self.options.ports,
            pager,
            releases: releases(self.scenario())?,
            current: current(self.scenario()),
            telemetry: self.options.telemetry,
            managers: self.options.managers.clone(),
            is_drill: self.options.scenario.is_some(),
        })
    }

    fn scenario(&self) -> Option<&Scenario> {
        self.options.scenario.as_ref().map(|(scenario, _)| scenario)
    }
}

/// The settings of every release of the history: those of the release before it, with its own over them.
pub(super) fn releases(scenario: Option<&Scenario>) -> anyhow::Result<Releases> {
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
pub(super) fn current(scenario: Option<&Scenario>) -> BTreeMap<Service, String> {
    let newest = |service: Service| {
        let before = scenario?.deployed_before(service);
        before.last().map(|release| release.release.clone())
    };
    Service::ALL
        .map(|service| {
            (
                service,
                newest(service).unwrap_or_else(|| PLAIN_RELEASE.to_owned()),
            )
        })
        .into()
}

/// What the other terminals are told, before the control API listens and the services run.
fn session(prepared: &Prepared, urls: Urls) -> Session {
    let scenario = prepared.scenario().filter(|_| prepared.options.named);
    Session {
        run: prepared.run.clone(),
        pid: std::process::id(),
        started: prepared.started.0,
        control: SocketAddr::from(([127, 0, 0, 1], 0)),
        token: prepared.token.clone(),
        folder: prepared.folder.clone(),
        urls,
        services: Vec::new(),
        pace: prepared.options.pace,
        scenario: scenario.map(|scenario| scenario.id.clone()),
    }
}

/// Puts the drill's state together once the stack is up, and starts the traffic.
pub(super) async fn assemble(
    prepared: Prepared,
    stack: &Stack,
    lock: Lock,
    events: mpsc::UnboundedSender<Option<Event>>,
    audience: Arc<dyn Audience>,
) -> anyhow::Result<Drill> {
    let deploys = DeployLog::new(DEPLOYS.open(&prepared.folder)?);
    record_history(&deploys, &prepared)?;
    let urls = Urls {
        gateway: format!("http://{}", stack.gateway),
        ..stack.backend.urls()
    };
    let sources = Sources::new(&urls.jaeger, &urls.prometheus, &prepared.folder)?;
    let mut traffic = prepared
        .scenario()
        .map(|scenario| scenario.load.clone())
        .unwrap_or_default();
    traffic.rate = prepared.options.rate.unwrap_or(traffic.rate);
    let load = Load::start(stack.gateway, prepared.seed, traffic, &prepared.folder)?;
    let has_drill = prepared.options.scenario.is_some();
    let state = State {
        phase: if has_drill {
            Phase::Baseline
        } else {
            Phase::Up
        },
        moments: Moments {
            traffic: Some(now()),
            ..Moments::default()
        },
        pages: Vec::new(),
        measured: BTreeMap::new(),
        unchecked: None,
        is_blind: false,
        passed: None,
    };
    let session = session(&prepared, urls);
    let (scenario, file) = prepared.options.scenario.unzip();
    Ok(Drill {
        seed: prepared.seed,
        pace: prepared.options.pace,
        timeline: TIMELINE.open(&prepared.folder)?,
        scratch: stack::scratch(&prepared.folder),
        cache: prepared.options.cache.clone(),
        folder: prepared.folder,
        session: Mutex::new(session),
        lock,
        key: prepared.key,
        head: prepared.head,
        scenario,
        scenario_file: file.unwrap_or_default(),
        fleet: stack.fleet.clone(),
        provider: stack.provider.clone(),
        deploys,
        sources,
        load,
        events,
        audience,
        state: Mutex::new(state),
        grading: tokio::sync::Mutex::default(),
        ended: tokio_util::sync::CancellationToken::new(),
        backends: stack.backend.about(),
        started: prepared.started,
    })
}

/// The deploys that were there before the drill began.
fn record_history(deploys: &DeployLog, prepared: &Prepared) -> anyhow::Result<()> {
    let Some(scenario) = prepared.scenario() else {
        for service in Service::ALL {
            let draft = Draft {
                service: service.to_string(),
                release: PLAIN_RELEASE.to_owned(),
                role: "release engineer".to_owned(),
                kind: DeployKind::Deploy,
                summary: "first release of the month".to_owned(),
                changes: Vec::new(),
                command: None,
            };
            deploys.record(draft, prepared.started.0 - time::Duration::days(3))?;
        }
        return Ok(());
    };
    let mut aged: Vec<_> = scenario
        .history
        .iter()
        .filter_map(|release| Some((release.age?, release)))
        .collect();
    aged.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    for (age, release) in aged {
        let draft = Draft {
            service: release.service.to_string(),
            release: release.release.clone(),
            role: release.author.clone(),
            kind: DeployKind::Deploy,
            summary: release.changelog.clone(),
            changes: scenario.changes_of(release)?,
            command: None,
        };
        deploys.record(draft, prepared.started.0 - age)?;
    }
    Ok(())
}
