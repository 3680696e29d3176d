//! A running drill: course, operator and scribe, and what they have in common.

use std::sync::Arc;
use std::time::Instant;

use grader::evidence::Sources;
use parking_lot::Mutex;
use record::{DEPLOYS, Deploy, Event, RESPONDER, Settings, TIMELINE, Urls};
use scenario::Pace;
use shop_api::Service;
use stack::Stack;
use stack::backend::JAEGER;
use stack::slot::{Notice, View};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::{Action, Change};
use crate::audience::Audience;
use crate::clock::now;
use crate::course::Course;
use crate::deploy_log::DeployLog;
use crate::gate::Gate;
use crate::load::Load;
use crate::operator::Operator;
use crate::plan::{Incident, Opening, Reader};
use crate::progress::Progress;
use crate::scribe::Scribe;
use crate::session::{Instance, Lock};
use crate::shop::Processes;

/// The embedded backends' process, as events name it.
pub(crate) const BACKEND: &str = "backend";

/// A running drill, or a shop with no incident to come.
#[derive(Debug)]
pub(crate) struct Drill {
    pub(crate) incident: Option<Incident>,
    pub(crate) pace: Pace,
    course: Mutex<Course>,
    pub(crate) operator: Operator<Processes>,
    pub(crate) scribe: Scribe,
    pub(crate) gate: Gate,
    /// How far the grade is.
    pub(crate) progress: Progress,
    pub(crate) sources: Sources,
    pub(crate) load: Load,
    /// What copies of the shop are made of.
    pub(crate) copies: stack::copy::Plan,
    pub(crate) reader: Reader,
    pub(crate) audience: Arc<dyn Audience>,
    /// Cancelled when it is graded or void.
    pub(crate) ended: CancellationToken,
    pub(crate) up_since: Instant,
}

impl Drill {
    /// Opens the drill once the stack is up, and starts the traffic.
    pub(crate) fn open(
        opening: Opening,
        stack: &Stack,
        lock: Lock,
        events: mpsc::UnboundedSender<Option<Event>>,
        audience: Arc<dyn Audience>,
    ) -> anyhow::Result<Self> {
        let mut session = opening.session;
        let folder = session.folder.clone();
        session.urls = Urls {
            gateway: format!("http://{}", stack.gateway),
            console: session.urls.console,
            ..stack.backend.urls()
        };
        let urls = &session.urls;
        let sources = Sources::new(&urls.jaeger, &urls.prometheus, &folder)?;
        let deploys = DeployLog::new(DEPLOYS.open(&folder)?);
        for entry in opening.history {
            deploys.record(entry);
        }
        deploys.written()?;
        let load = Load::start(stack.gateway, opening.head.seed, opening.traffic, &folder)?;
        Ok(Self {
            course: Mutex::new(Course::new(opening.incident.is_some(), now())),
            incident: opening.incident,
            pace: session.pace,
            operator: Operator {
                shop: Processes {
                    fleet: Arc::clone(&stack.fleet),
                    provider: Arc::clone(&stack.provider),
                },
                deploys,
            },
            scribe: Scribe {
                head: opening.head,
                nonce: opening.nonce,
                session: Mutex::new(session),
                lock,
                timeline: TIMELINE.open(&folder)?,
                events,
            },
            gate: Gate::default(),
            progress: Progress::default(),
            sources,
            load,
            copies: opening.copies,
            reader: opening.reader,
            audience,
            ended: CancellationToken::new(),
            up_since: opening.up_since,
        })
    }

    /// Looks at the course of the drill, or moves it on.
    pub(crate) fn course<T>(&self, look: impl FnOnce(&mut Course) -> T) -> T {
        look(&mut self.course.lock())
    }

    /// Does what the responder wants done. Nothing is done while a write-up is graded.
    pub(crate) async fn act(&self, action: Action) -> anyhow::Result<Change> {
        let _under_way = self.gate.act()?;
        self.course(|course| course.may_act())?;
        let (outcome, entry) = match self.operator.perform(&action, RESPONDER).await {
            Ok((change, entry)) => (Ok(change), entry),
            Err(error) => {
                let entry = self.operator.half_done(&action, RESPONDER, &error)?;
                (Err(error), entry)
            }
        };
        if let Some(entry) = entry {
            self.announce(entry).await;
        }
        outcome
    }

    /// Tells what was just logged, and where the shop's processes are after it.
    pub(crate) async fn announce(&self, entry: Deploy) {
        if let Some(problem) = self.operator.deploys.problem() {
            self.audience.note(&format!(
                "`{}` is not in the run's record: {problem}",
                entry.id
            ));
        }
        if let Err(error) = self.publish().await {
            self.audience.note(&format!(
                "other terminals have old addresses of the shop: {error:#}"
            ));
        }
        self.scribe.say(Event::Action {
            at: entry.at,
            action: entry.kind,
            service: entry.service,
            release: entry.release,
            by: entry.role,
        });
    }

    /// Takes note of a process that ended or came back.
    pub(crate) async fn notice(&self, notice: Notice) {
        let (instance, what) = match notice {
            Notice::Ended { instance, how } => (instance, format!("exited unexpectedly ({how})")),
            // Its journals are written twice a second.
            Notice::Restarted { instance } if instance == BACKEND => {
                let what = "restarted; of the last second before, spans and samples may be missing";
                (instance, what.to_owned())
            }
            Notice::Restarted { instance } => (instance, "restarted".to_owned()),
            Notice::Silent { instance, reason } => {
                (instance, format!("stopped answering ({reason})"))
            }
            Notice::Answers { instance } => (instance, "answers again".to_owned()),
        };
        if instance == JAEGER {
            // What it had in memory may be gone: that a trace is not there proves nothing any more.
            self.sources.jaeger.forgets(now());
        }
        // The new process has another admin port: scraper and terminals must find it. The next change tries again.
        let _ = self.operator.shop.fleet.write_targets().await;
        let _ = self.publish().await;
        let at = now();
        self.scribe.say(Event::Process { at, instance, what });
    }

    /// Writes down where everything answers and which settings each service has, for other terminals.
    pub(crate) async fn publish(&self) -> anyhow::Result<()> {
        let settings: anyhow::Result<Vec<_>> = Service::ALL
            .map(|one| self.settings(one))
            .into_iter()
            .collect();
        self.scribe.publish(self.instances().await, &settings?)
    }

    /// The processes of the shop.
    pub(crate) async fn instances(&self) -> Vec<Instance> {
        let views = self.operator.shop.fleet.views().await;
        let instance = |view: View| Instance {
            service: view.service.to_string(),
            instance: view.instance,
            public: view.public,
            admin: view.admin,
            release: view.release,
            pid: view.pid,
        };
        views.into_iter().map(instance).collect()
    }

    /// The settings that a service runs with.
    fn settings(&self, service: Service) -> anyhow::Result<Settings> {
        let release = self.operator.current(service)?;
        Ok(Settings {
            service: service.to_string(),
            settings: self.operator.shop.fleet.settings(service, &release)?,
            release,
        })
    }

    /// Ends the drill without a grade: it does not count, and why.
    pub(crate) fn void(&self, reason: String) {
        if self.course(Course::void) {
            self.scribe.void(reason, now());
            self.ended.cancel();
        }
    }
}
