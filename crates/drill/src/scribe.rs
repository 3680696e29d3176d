//! The scribe of a drill: events to the audience and the timeline, the mark for other terminals, the head of the run.

use std::net::SocketAddr;
use std::path::PathBuf;

use parking_lot::{Mutex, MutexGuard};
use record::{Appender, Backends, Event, HEAD, Head, SETTINGS, Settings, VOID, Void};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::session::{Instance, Lock, Session};

/// What a drill tells and keeps.
#[derive(Debug)]
pub(crate) struct Scribe {
    /// The run's head as it was written at the start.
    pub(crate) head: Head,
    /// What completes the hash of the sealed scenario. It stays in memory until the drill is over: with it, the hash
    /// would tell the scenario to whoever tries the catalogue.
    pub(crate) nonce: Option<String>,
    pub(crate) session: Mutex<Session>,
    pub(crate) lock: Lock,
    pub(crate) timeline: Appender<Event>,
    /// Ends with `None`.
    pub(crate) events: mpsc::UnboundedSender<Option<Event>>,
}

impl Scribe {
    /// The run's id.
    pub(crate) fn run(&self) -> &str {
        &self.head.run
    }

    /// The run's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.session().folder.clone()
    }

    /// The token of the control API and of the admin ports.
    pub(crate) fn token(&self) -> String {
        self.session().token.clone()
    }

    /// Tells the audience and the run's timeline.
    pub(crate) fn say(&self, event: Event) {
        // The timeline is a record beside the telemetry: a full disk must not stop the drill.
        let _ = self.timeline.push(&event);
        // The task that tells ends last; if it is gone there is no one to tell.
        let _ = self.events.send(Some(event));
    }

    /// The control API listens there.
    pub(crate) fn listens(&self, control: SocketAddr) {
        self.session().control = control;
    }

    /// Writes down where everything answers and which settings each service has, for other terminals.
    pub(crate) fn publish(
        &self,
        services: Vec<Instance>,
        settings: &Vec<Settings>,
    ) -> anyhow::Result<()> {
        let session = {
            let mut session = self.session();
            session.services = services;
            session.clone()
        };
        // The addresses first: every command needs them.
        self.lock.publish(&session)?;
        Ok(SETTINGS.replace(&self.folder(), settings)?)
    }

    /// The first event: where everything is.
    pub(crate) fn ready(&self, backends: Backends) {
        let session = self.session().clone();
        let hash = self.head.scenario_hash.as_ref();
        self.say(Event::Ready {
            run: session.run,
            urls: Box::new(session.urls),
            folder: session.folder.display().to_string(),
            backends,
            seed: self.head.seed,
            key: hash.map(|hash| format!("sha256:{hash}")),
            degraded: self.head.degraded.clone(),
        });
    }

    /// The drill does not count.
    pub(crate) fn void(&self, reason: String, at: OffsetDateTime) {
        // The event says it too.
        let _ = VOID.replace(
            &self.folder(),
            &Void {
                reason: reason.clone(),
            },
        );
        self.say(Event::Void { at, reason });
    }

    /// Completes the run's head, so that the hash of its scenario can be checked, and ends the telling.
    pub(crate) fn close(&self) {
        let head = Head {
            ended: Some(OffsetDateTime::now_utc()),
            nonce: self.nonce.clone(),
            ..self.head.clone()
        };
        // What is there already is worth more than an error at the very end.
        let _ = HEAD.replace(&self.folder(), &head);
        // It has ended already if the output was closed.
        let _ = self.events.send(None);
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock()
    }
}

#[cfg(test)]
mod tests {
    use record::{BackendKind, FORMAT, TIMELINE, Urls};
    use scenario::Pace;
    use time::macros::datetime;

    use super::*;
    use crate::session::StateDir;

    const START: OffsetDateTime = datetime!(2026-11-23 14:00:00 UTC);

    struct Desk {
        state: StateDir,
        folder: PathBuf,
        scribe: Scribe,
        told: mpsc::UnboundedReceiver<Option<Event>>,
        _place: tempfile::TempDir,
    }

    fn desk() -> Desk {
        let place = tempfile::tempdir().expect("a temporary folder");
        let state = StateDir::locate(Some(place.path()), |_| None).expect("a state folder");
        let folder = state.runs().join("r");
        std::fs::create_dir_all(&folder).expect("a run folder");
        let url = || "http://127.0.0.1:1".to_owned();
        let urls = Urls {
            gateway: url(),
            jaeger: url(),
            prometheus: url(),
            otlp_grpc: url(),
            otlp_http: url(),
            console: String::new(),
        };
        let (events, told) = mpsc::unbounded_channel();
        let head = Head {
            format: FORMAT,
            run: "r".to_owned(),
            firedrill: "0.1.0".to_owned(),
            started: START,
            seed: 7,
            pace: "fast".to_owned(),
            degraded: None,
            backend: BackendKind::Embedded,
            urls: None,
            scenario_hash: Some("cafe".to_owned()),
            ended: None,
            nonce: None,
        };
        let session = Session {
            run: "r".to_owned(),
            pid: std::process::id(),
            started: START,
            control: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: "secret".to_owned(),
            folder: folder.clone(),
            urls,
            services: Vec::new(),
            pace: Pace::Fast,
            scenario: None,
        };
        let scribe = Scribe {
            head,
            nonce: Some("salt".to_owned()),
            session: Mutex::new(session),
            lock: state.lock().expect("no one holds it"),
            timeline: TIMELINE.open(&folder).expect("a timeline"),
            events,
        };
        Desk {
            state,
            folder,
            scribe,
            told,
            _place: place,
        }
    }

    #[test]
    fn what_is_said_is_told_and_in_the_timeline() {
        let mut desk = desk();
        desk.scribe.ready(Backends {
            kind: BackendKind::Embedded,
            programs: Vec::new(),
            alertmanager: None,
            targets: None,
        });
        desk.scribe
            .void("the baseline was not steady".to_owned(), START);
        desk.scribe.close();
        let told: Vec<Event> = std::iter::from_fn(|| desk.told.try_recv().ok().flatten()).collect();
        assert_eq!(TIMELINE.read(&desk.folder).as_ref(), Ok(&told));
        assert!(matches!(&told[0], Event::Ready { key: Some(key), .. } if key == "sha256:cafe"));
        assert!(matches!(&told[1], Event::Void { at, .. } if *at == START));
        let void = VOID.read(&desk.folder).expect("it is kept");
        assert_eq!(void.reason, "the baseline was not steady");
    }

    #[test]
    fn the_nonce_is_in_the_head_once_it_is_over() {
        let desk = desk();
        desk.scribe.close();
        let head = Head::read(&desk.folder).expect("a head");
        assert_eq!(head.nonce.as_deref(), Some("salt"));
        assert!(head.ended.is_some_and(|ended| ended > START));
    }

    #[test]
    fn other_terminals_find_what_was_published_last() {
        let desk = desk();
        let control = SocketAddr::from(([127, 0, 0, 1], 4711));
        desk.scribe.listens(control);
        desk.scribe
            .publish(Vec::new(), &Vec::new())
            .expect("it is written");
        let session = desk.state.load().expect("a drill is running");
        assert_eq!(session.control, control);
        assert_eq!(desk.scribe.token(), session.token);
    }

    #[test]
    fn a_full_disk_does_not_keep_events_from_being_told() {
        let mut desk = desk();
        let path = TIMELINE.path(&desk.folder);
        std::fs::remove_file(&path).expect("a timeline");
        std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
        desk.scribe.timeline = TIMELINE.open(&desk.folder).expect("it opens");
        desk.scribe.say(Event::Steady { at: START });
        assert_eq!(desk.told.try_recv(), Ok(Some(Event::Steady { at: START })));
    }
}
