//! The state of one running drill, shared by the timeline, the pager, the recorder and the control API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use grader::evidence::Sources;
use record::{Appender, Backends, Deploy, DeployKind, Event, HEAD, Head, RESPONDER, VOID, Void};
use scenario::{Pace, Scenario};
use shop_api::Service;
use stack::fleet::Fleet;
use stack::provider::Provider;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::audience::Audience;
use super::deploy_log::{DeployLog, Draft};
use super::load::Load;
use super::operate::Done;
use super::plan::Key;
use crate::clock::now;
use crate::control::{Acted, ActionRequest, Failure, Page};
use crate::session::{Instance, Lock, Session};

/// Where a drill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The shop with no incident to come.
    Up,
    /// The baseline is being established.
    Baseline,
    /// Traffic and deploys go on.
    Traffic,
    /// There was a page.
    Paged,
    /// A write-up is being graded.
    Grading,
    /// Nothing more can be done with it.
    Ended,
}

impl Phase {
    /// As `status` shows it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Baseline => "baseline",
            Self::Traffic => "traffic",
            Self::Paged => "paged",
            Self::Grading => "grading",
            Self::Ended => "ended",
        }
    }
}

/// The instants that windows are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    /// When traffic began.
    pub(crate) traffic: Option<OffsetDateTime>,
    /// When the baseline began to count.
    pub(crate) steady: Option<OffsetDateTime>,
    /// When the change that matters was made.
    pub(crate) change: Option<OffsetDateTime>,
    /// When the first page was sent.
    pub(crate) page: Option<OffsetDateTime>,
}

/// What a drill is made of.
#[derive(Debug)]
pub(crate) struct Drill {
    pub(crate) seed: u64,
    pub(crate) pace: Pace,
    pub(crate) folder: PathBuf,
    /// Where databases are kept while it runs.
    pub(crate) scratch: PathBuf,
    /// Where the prepared catalogue is kept.
    pub(crate) cache: PathBuf,
    pub(crate) session: Mutex<Session>,
    pub(crate) lock: Lock,
    pub(super) key: Option<Key>,
    /// The run's head as it was written at the start.
    pub(super) head: Head,
    pub(crate) scenario: Option<Scenario>,
    /// The scenario file as it is, for the record once the seal is broken.
    pub(crate) scenario_file: Vec<u8>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) deploys: DeployLog,
    pub(crate) sources: Sources,
    pub(crate) load: Load,
    pub(crate) events: mpsc::UnboundedSender<Option<Event>>,
    pub(crate) audience: Arc<dyn Audience>,
    pub(crate) timeline: Appender<Event>,
    pub(crate) state: Mutex<State>,
    /// Held while a write-up is graded: one at a time.
    pub(crate) grading: tokio::sync::Mutex<()>,
    pub(crate) ended: tokio_util::sync::CancellationToken,
    /// Which backends they are, for the ready event.
    pub(crate) backends: Backends,
    pub(crate) started: (OffsetDateTime, Instant),
}

/// What changes while a drill runs.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) moments: Moments,
    pub(crate) pages: Vec<Page>,
    /// Measurements of the declared indicator, by stage, for the record of the run.
    pub(crate) measured: BTreeMap<String, f64>,
    /// What could not be checked because Prometheus did not answer when it had to be.
    pub(crate) unchecked: Option<String>,
    /// Whether alerts cannot be polled right now, so that there can be no page.
    pub(crate) is_blind: bool,
    /// The grade, once there is one.
    pub(crate) passed: Option<bool>,
}

impl Drill {
    /// The token of the control API and of the admin ports.
    pub(crate) fn token(&self) -> String {
        self.session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .token
            .clone()
    }

    /// The run's id.
    pub(crate) fn run(&self) -> String {
        self.session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .run
            .clone()
    }

    /// Changes the shared state.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The instants known so far.
    pub(crate) fn moments(&self) -> Moments {
        self.update(|state| state.moments)
    }

    /// Tells the terminal and the run's timeline.
    pub(crate) fn say(&self, event: Event) {
        // The timeline is a record beside the telemetry: a full disk must not stop the drill.
        let _ = self.timeline.push(&event);
        // The printer ends last; if it is gone there is no reader.
        let _ = self.events.send(Some(event));
    }

    /// Lets the printer end once it has told everything.
    pub(crate) fn say_no_more(&self) {
        let _ = self.events.send(None); // It has ended already if our output was closed.
    }

    /// Carries out what the responder asks for.
    pub(crate) async fn act(&self, request: ActionRequest) -> anyhow::Result<Acted> {
        if matches!(
            self.update(|state| state.phase),
            Phase::Grading | Phase::Ended
        ) {
            return Err(Failure::new(
                "the drill is being graded",
                "the verdict appears in the terminal that submitted the write-up",
            )
            .into());
        }
        let began = Instant::now();
        let what = request.what();
        let command = Some(what.clone());
        let done = self.carry_out(request, RESPONDER, command).await?;
        Ok(Acted {
            id: done.entry.map(|entry| entry.id),
            action: done.kind.to_string(),
            what,
            service: done.service.to_string(),
            release: done.release,
            seconds: began.elapsed().as_secs_f64(),
            count: done.count,
            note: done.note,
        })
    }

    /// Does as asked, and logs it under that role.
    pub(super) async fn carry_out(
        &self,
        request: ActionRequest,
        role: &str,
        command: Option<String>,
    ) -> anyhow::Result<Done> {
        let Some((kind, service, release)) = self.resolve(&request)? else {
            return self.operate(&request, role, command).await;
        };
        let before = self.current(service)?;
        match kind {
            DeployKind::Restart => self.fleet.restart(service).await?,
            _ => self.fleet.deploy(service, &release, &[]).await?,
        }
        let draft = Draft {
            changes: self.fleet.release_changes(service, &before, &release)?,
            service: service.to_string(),
            summary: self.deploys.summary(service.name(), &release),
            release: release.clone(),
            role: role.to_owned(),
            kind,
            command,
        };
        let entry = self.deploys.record(draft, now())?;
        self.announce(&entry).await?;
        Ok(Done {
            kind,
            service,
            release,
            entry: Some(entry),
            count: None,
            note: None,
        })
    }

    /// Rolls a release out on its author's behalf, as the scenario's timeline says.
    pub(crate) async fn deploy(
        &self,
        service: Service,
        release: &str,
        only: &[String],
        role: &str,
        summary: &str,
    ) -> anyhow::Result<()> {
        let before = self.current(service)?;
        let draft = Draft {
            service: service.to_string(),
            release: release.to_owned(),
            role: role.to_owned(),
            kind: DeployKind::Deploy,
            summary: summary.to_owned(),
            changes: self.fleet.release_changes(service, &before, release)?,
            command: None,
        };
        // In the log from its beginning: what a rollout does to the shop must not come before it.
        let entry = self.deploys.record(draft, now())?;
        self.announce(&entry).await?;
        self.fleet.deploy(service, release, only).await?;
        self.refresh_session().await
    }

    /// Pushes configuration to a service, as the scenario's timeline says.
    pub(crate) async fn configure(
        &self,
        service: Service,
        patch: &serde_json::Value,
        role: &str,
        summary: &str,
    ) -> anyhow::Result<()> {
        let release = self.current(service)?;
        let changes = self.fleet.push(service, &release, patch.clone()).await?;
        let draft = Draft {
            service: service.to_string(),
            release,
            changes,
            role: role.to_owned(),
            kind: DeployKind::Config,
            summary: summary.to_owned(),
            command: None,
        };
        let entry = self.deploys.record(draft, now())?;
        self.announce(&entry).await
    }

    /// The release that a service runs.
    pub(super) fn current(&self, service: Service) -> anyhow::Result<String> {
        self.deploys
            .current(service.name())
            .context("a service that runs has a release")
    }

    pub(super) async fn announce(&self, entry: &Deploy) -> anyhow::Result<()> {
        self.refresh_session().await?;
        self.say(Event::Action {
            at: entry.at,
            action: entry.kind,
            service: entry.service.clone(),
            release: entry.release.clone(),
            by: entry.role.clone(),
        });
        Ok(())
    }

    /// Which release of what is to run; nothing where that does not change.
    fn resolve(
        &self,
        request: &ActionRequest,
    ) -> anyhow::Result<Option<(DeployKind, Service, String)>> {
        match request {
            ActionRequest::Rollback { service } => {
                let release = self.deploys.previous(service.name()).ok_or_else(|| {
                    Failure::new(
                        format!("`{service}` has no previous release"),
                        "`firedrill deploys` lists the releases",
                    )
                })?;
                Ok(Some((DeployKind::Rollback, *service, release)))
            }
            ActionRequest::Restart { service } => {
                let release = self.current(*service)?;
                Ok(Some((DeployKind::Restart, *service, release)))
            }
            ActionRequest::Deploy { service, release } => {
                let known = self.deploys.releases(service.name());
                if !known.contains(release) {
                    let message = format!(
                        "`{service}` has no release `{release}`; its releases are {}",
                        known.join(", ")
                    );
                    return Err(
                        Failure::new(message, "`firedrill deploys` lists the releases").into(),
                    );
                }
                Ok(Some((DeployKind::Deploy, *service, release.clone())))
            }
            ActionRequest::Flush { .. }
            | ActionRequest::Skip {}
            | ActionRequest::Replay {}
            | ActionRequest::Block { .. }
            | ActionRequest::Unblock { .. }
            | ActionRequest::Set { .. }
            | ActionRequest::Unset { .. }
            | ActionRequest::Scale { .. } => Ok(None),
        }
    }

    /// Writes where everything answers, the control API among it.
    pub(crate) async fn publish(&self, control: SocketAddr) -> anyhow::Result<()> {
        self.session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .control = control;
        self.refresh_session().await
    }

    /// The first event: where everything is.
    pub(crate) fn announce_ready(&self) {
        let session = self
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        self.say(Event::Ready {
            run: session.run,
            urls: session.urls,
            folder: self.folder.display().to_string(),
            backends: self.backends.clone(),
            seed: self.seed,
            key: self
                .key
                .as_ref()
                .map(|key| format!("sha256:{}", key.commitment)),
        });
    }

    /// Writes where everything answers, after a swap has changed it.
    pub(crate) async fn refresh_session(&self) -> anyhow::Result<()> {
        let services = self.instances().await;
        let session = {
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            session.services = services;
            session.clone()
        };
        self.lock.publish(&session)
    }

    /// The processes of the shop.
    pub(crate) async fn instances(&self) -> Vec<Instance> {
        let views = self.fleet.views().await;
        let instance = |view: stack::slot::View| Instance {
            service: view.service.to_string(),
            instance: view.instance,
            public: view.public,
            admin: view.admin,
            release: view.release,
            pid: view.pid,
        };
        views.into_iter().map(instance).collect()
    }

    /// Ends the drill without a grade: it does not count, and why.
    pub(crate) fn void(&self, reason: String) {
        // The event says it too.
        let _ = VOID.replace(
            &self.folder,
            &Void {
                reason: reason.clone(),
            },
        );
        let was_ended =
            self.update(|state| std::mem::replace(&mut state.phase, Phase::Ended) == Phase::Ended);
        if was_ended {
            return;
        }
        self.say(Event::Void { at: now(), reason });
        self.ended.cancel();
    }

    /// Completes the run's head: it is over, and the hash of its scenario can be checked from now on.
    pub(crate) fn close(&self) {
        let head = Head {
            ended: Some(now()),
            nonce: self.key.as_ref().map(|key| key.nonce.clone()),
            ..self.head.clone()
        };
        // What is there already is worth more than an error at the very end.
        let _ = HEAD.replace(&self.folder, &head);
    }
}
