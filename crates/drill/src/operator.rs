//! The operator of a shop: does what the timeline, the responder or a reproduction wants done, and logs it.
//!
//! ```text
//! Action ──► Shop ──► Effect ──► Deploy (the log's entry) ──► Change (the answer)
//! ```

mod action;
mod step;
#[cfg(test)]
mod tests;

use anyhow::Context;
use record::{Deploy, RESPONDER, SettingChange};
use shop_api::Service;
use stack::fleet::halfway::Halfway;
use tokio::time::Instant;

use crate::api::{Action, Change, Failure};
use crate::clock::now;
use crate::deploy_log::DeployLog;
use crate::shop::Shop;

/// A shop, and the log of what was done to it.
#[derive(Debug)]
pub(crate) struct Operator<S> {
    pub(crate) shop: S,
    pub(crate) deploys: DeployLog,
}

/// What an action did to the shop.
struct Effect {
    /// The release that runs after it.
    release: String,
    /// The settings that it changed.
    changes: Vec<SettingChange>,
    /// For the log.
    summary: String,
    /// How much was changed, and what to say where that is nothing; none where processes were swapped.
    count: Option<(u64, String)>,
}

impl<S: Shop> Operator<S> {
    /// Carries an action out for a role; gives what it did, and its entry in the log if it changed anything.
    pub(crate) async fn perform(
        &self,
        action: &Action,
        role: &str,
    ) -> anyhow::Result<(Change, Option<Deploy>)> {
        // What cannot be recorded is not done: the facts and the debrief would miss it.
        self.deploys.ready().map_err(|problem| {
            Failure::new(
                format!("not done, because it cannot be recorded: {problem}"),
                "see that there is room on the disk and that the run folder is writable, and try again",
            )
        })?;
        let began = Instant::now();
        let what = action.what();
        let (kind, service) = action.subject();
        let effect = self.effect(action).await?;
        let mut change = Change {
            id: None,
            action: kind,
            what: what.clone(),
            service,
            release: effect.release.clone(),
            seconds: began.elapsed().as_secs_f64(),
            count: effect.count.as_ref().map(|(count, _)| *count),
            note: None,
        };
        if let Some((0, unchanged)) = effect.count {
            change.note = Some(unchanged);
            return Ok((change, None));
        }
        change.note = effect.count.is_some().then(|| effect.summary.clone());
        let entry = self.deploys.record(Deploy {
            id: String::new(),
            service: service.to_string(),
            release: effect.release,
            at: now(),
            role: role.to_owned(),
            summary: effect.summary,
            kind,
            diff: String::new(),
            changes: effect.changes,
            command: (role == RESPONDER).then_some(what),
        });
        change.id = Some(entry.id.clone());
        if let Some(problem) = self.deploys.problem() {
            let done = change.note.map_or_else(String::new, |note| note + "; ");
            change.note = Some(format!("{done}done, but not written down: {problem}"));
        }
        Ok((change, Some(entry)))
    }

    /// Logs an action that failed after it was done to some instances; gives its entry, or nothing if it was done to none.
    ///
    /// The entry has no command: it is nothing that the responder has achieved.
    pub(crate) fn half_done(
        &self,
        action: &Action,
        role: &str,
        error: &anyhow::Error,
    ) -> anyhow::Result<Option<Deploy>> {
        let Some(halfway) = error.downcast_ref::<Halfway>() else {
            return Ok(None);
        };
        let (kind, service) = action.subject();
        Ok(Some(self.deploys.record(Deploy {
            id: String::new(),
            service: service.to_string(),
            release: self.current(service)?,
            at: now(),
            role: role.to_owned(),
            summary: format!("`{}` was not completed: {halfway}", action.what()),
            kind,
            diff: String::new(),
            changes: Vec::new(),
            command: None,
        })))
    }

    /// The release that a service runs.
    pub(crate) fn current(&self, service: Service) -> anyhow::Result<String> {
        let current = self.deploys.current(service.name());
        current.context("a service that runs has a release")
    }
}
