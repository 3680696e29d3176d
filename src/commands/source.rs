//! Where commands read evidence from: the running drill's backends, and the folder of a run.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use grader::evidence::{self, Logs, Look, Looks, Sources};
use grader::log_query::Query;
use grader::moment::Frame;
use record::{Chronicle, Head, run_of};
use stack::backend::Backend;
use time::OffsetDateTime;

use crate::context::Context;
use crate::control::Control;
use crate::error::Error;
use crate::recorded;
use crate::runtime::OneThread;
use drill::session::{Instance, Session};

/// The running drill, ready to be asked.
pub(super) struct Live {
    pub(super) session: Session,
    pub(super) sources: Sources,
    pub(super) http: reqwest::Client,
    looks: bool,
    runtime: OneThread,
}

/// For one answer of an admin port, on top of the time that the answer takes by design.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(15);

impl Live {
    /// Finds the running drill; an error says how to start one.
    pub(super) fn connect(context: &Context) -> anyhow::Result<Self> {
        let session = context.state.load()?;
        let sources = Sources::new(
            &session.urls.jaeger,
            &session.urls.prometheus,
            &session.folder,
        )
        .map_err(explain)?;
        let http = stack::http::client().build().context("HTTP client")?;
        Ok(Self {
            session,
            sources,
            http,
            looks: context.looks,
            runtime: crate::runtime::on_this_thread()?,
        })
    }

    /// Records a look, for the debrief.
    pub(super) fn note(&self, look: &Look) {
        if self.looks {
            // A disk that is full must not keep anyone from looking.
            let _ = Looks::open(&self.session.folder).note(look);
        }
    }

    /// Waits for anything else.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Reads from the admin port of an instance; `takes` is how long the answer takes by design. A process that was just
    /// swapped is asked where its successor is.
    pub(super) fn admin(
        &self,
        instance: &Instance,
        path: &str,
        takes: Duration,
    ) -> anyhow::Result<(Vec<u8>, Instance)> {
        match self.ask_admin(instance, path, takes) {
            Ok(answer) => Ok((answer, instance.clone())),
            Err(error) => {
                // What is in the session lags behind a rollout; the runner itself knows.
                let now = Control::new(&self.session)?.status()?.services;
                let successor = now
                    .into_iter()
                    .find(|one| one.instance == instance.instance && one.admin != instance.admin);
                let Some(successor) = successor else {
                    return Err(error.into());
                };
                let answer = self.ask_admin(&successor, path, takes)?;
                Ok((answer, successor))
            }
        }
    }

    fn ask_admin(
        &self,
        instance: &Instance,
        path: &str,
        takes: Duration,
    ) -> Result<Vec<u8>, Error> {
        let url = format!("http://{}{path}", instance.admin);
        let failed = |reason: String| Error::Unreachable {
            what: "the admin port",
            url: url.clone(),
            reason,
        };
        let answer = async {
            let request = self
                .http
                .get(&url)
                .bearer_auth(&self.session.token)
                .timeout(takes + ADMIN_TIMEOUT);
            let response = request
                .send()
                .await
                .map_err(|error| failed(innermost(&error)))?;
            let status = response.status();
            let body = response
                .bytes()
                .await
                .map_err(|error| failed(innermost(&error)))?;
            if status.is_success() {
                Ok(body.to_vec())
            } else {
                Err(failed(format!(
                    "{status}: {}",
                    String::from_utf8_lossy(&body).trim()
                )))
            }
        };
        self.runtime.block_on(answer)
    }
}

/// The run that a command reads: the running drill or an ended run.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// What relative times count from: the present, or the end of an ended run.
    pub(super) now: OffsetDateTime,
    pub(super) is_live: bool,
    /// Whether looks are recorded: only those of the drill itself count.
    looks: bool,
}

impl Place {
    /// The run asked for, else the running drill, else the newest run, which is then named on standard error.
    pub(super) fn of(context: &Context, run: Option<&str>) -> anyhow::Result<Self> {
        let folder = context.evidence(run)?;
        let is_live = matches!(context.state.find()?, Some(session) if session.folder == folder);
        let now = match is_live {
            true => context.now,
            false => ended(&folder, context.now),
        };
        if !is_live && run.is_none() && context.opened.is_none() {
            let (run, ended) = (run_of(&folder), text::format::date_time(now));
            let note =
                format!("no drill is running; this is run {run}, which ended at {ended} UTC");
            context.terminal.note(&note);
        }
        Ok(Self {
            folder,
            now,
            is_live,
            looks: is_live && context.looks,
        })
    }

    /// Records a look, for the debrief.
    pub(super) fn note(&self, look: &Look) {
        if self.looks {
            // A disk that is full must not keep anyone from looking.
            let _ = Looks::open(&self.folder).note(look);
        }
    }
}

/// The backends of a run: those of the running drill, or the record of an ended run, served while the command lasts.
pub(super) struct Evidence {
    pub(super) place: Place,
    pub(super) sources: Sources,
    /// The Jaeger UI; none for an ended run.
    pub(super) jaeger: Option<String>,
    replay: Option<Backend>,
    runtime: OneThread,
}

impl Evidence {
    /// Opens the run asked for, as [`Place::of`] chooses it.
    pub(super) fn open(context: &Context, run: Option<&str>) -> anyhow::Result<Self> {
        Self::at(context, Place::of(context, run)?)
    }

    /// Opens a run that was chosen before.
    pub(super) fn at(context: &Context, place: Place) -> anyhow::Result<Self> {
        let runtime = crate::runtime::on_this_thread()?;
        let opened = context.opened.as_ref();
        let served = match opened.filter(|opened| opened.folder == place.folder) {
            Some(opened) => Some(opened.urls.clone()),
            None if place.is_live => Some(context.state.load()?.urls),
            None => None,
        };
        if let Some(urls) = served {
            let sources = Sources::new(&urls.jaeger, &urls.prometheus, &place.folder);
            return Ok(Self {
                place,
                sources: sources.map_err(explain)?,
                jaeger: Some(urls.jaeger),
                replay: None,
                runtime,
            });
        }
        let progress = context.terminal.progress("loading the run");
        let (backend, sources) = runtime.block_on(recorded::replay(&place.folder))?;
        drop(progress);
        Ok(Self {
            place,
            sources,
            jaeger: None,
            replay: Some(backend),
            runtime,
        })
    }

    /// Waits for an answer of a backend.
    pub(super) fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, evidence::Error>>,
    ) -> anyhow::Result<T> {
        self.wait(question).map_err(explain)
    }

    /// Waits for anything else.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if let Some(backend) = self.replay.take() {
            self.runtime.block_on(backend.stop());
        }
    }
}

/// What is wrong with the question is the user's to repair; an outage is not.
pub(super) fn explain(error: impl Into<evidence::Error>) -> anyhow::Error {
    use evidence::Error as E;
    let error = error.into();
    let message = error.to_string();
    match error {
        E::NotFound { .. } | E::Asked(_) | E::TooLarge { .. } => Error::Usage {
            message,
            hint: None,
        }
        .into(),
        E::Refused {
            status: 400..=499, ..
        } => Error::Usage {
            message,
            hint: None,
        }
        .into(),
        E::Unreachable { what, base, reason } => Error::Unreachable {
            what,
            url: base,
            reason,
        }
        .into(),
        other => other.into(),
    }
}

/// The last of a chain of causes, which says what really happened.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// When a run that no longer runs ended: after a kill, with its last log line.
fn ended(folder: &Path, now: OffsetDateTime) -> OffsetDateTime {
    if let Some(ended) = Head::read(folder).ok().and_then(|head| head.ended) {
        return ended;
    }
    let last = Logs::open(folder).search(&Query::default(), &frame(folder, now), 1);
    let last = last.ok().and_then(|found| found.lines.last()?.at);
    last.unwrap_or(now)
}

/// The times of a run: when it began, when it paged, when its evidence ends.
pub(super) fn frame(folder: &Path, now: OffsetDateTime) -> Frame {
    // Before its head is written there is nothing to read, and nothing to search either.
    let chronicle = Chronicle::read(folder).ok();
    Frame {
        started: chronicle
            .as_ref()
            .map_or(now, |chronicle| chronicle.started),
        page: chronicle
            .and_then(|chronicle| chronicle.page)
            .map(|page| page.at),
        ended: now,
        windows: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_cannot_be_answered_is_a_usage_error_and_an_outage_is_not() {
        let missing = evidence::Error::NotFound {
            what: "trace",
            id: "00".to_owned(),
        };
        assert_eq!(crate::error::exit_code(&explain(missing)), 2);
        let refused = evidence::Error::Refused {
            what: "Prometheus",
            status: 500,
            message: "x".to_owned(),
        };
        assert_eq!(crate::error::exit_code(&explain(refused)), 1);
    }
}
