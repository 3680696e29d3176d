//! The deploy log: what was released, when, by which role, and what a rollback goes back to.

use std::sync::Mutex;

use record::{Action, Appender, Deploy, DeployKind, SettingChange};
use time::OffsetDateTime;

/// What is known of a deploy before it gets an id.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) service: String,
    pub(crate) release: String,
    pub(crate) role: String,
    pub(crate) kind: DeployKind,
    pub(crate) summary: String,
    /// The settings that it changed.
    pub(crate) changes: Vec<SettingChange>,
    /// The command without its program, if the responder did it.
    pub(crate) command: Option<String>,
}

/// The deploys of a run, oldest first, those before the drill included.
#[derive(Debug)]
pub(crate) struct DeployLog {
    entries: Mutex<Vec<Deploy>>,
    file: Appender<Deploy>,
}

impl DeployLog {
    /// An empty log over its file.
    pub(crate) fn new(file: Appender<Deploy>) -> Self {
        Self {
            entries: Mutex::default(),
            file,
        }
    }

    /// Records a deploy that was complete at `at`.
    pub(crate) fn record(&self, draft: Draft, at: OffsetDateTime) -> anyhow::Result<Deploy> {
        let mut entries = self
            .entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = Deploy {
            id: unused_id(&entries, &draft.service, &draft.release),
            service: draft.service,
            release: draft.release,
            at,
            role: draft.role,
            kind: draft.kind,
            summary: draft.summary,
            changes: draft.changes,
            command: draft.command,
        };
        entries.push(entry.clone());
        self.file.push(&entry)?;
        Ok(entry)
    }

    /// All entries, oldest first.
    pub(crate) fn entries(&self) -> Vec<Deploy> {
        self.entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// What the responder did, oldest first.
    pub(crate) fn actions(&self) -> Vec<Action> {
        self.entries().iter().filter_map(Deploy::action).collect()
    }

    /// The release of `service` that was rolled out last.
    pub(crate) fn current(&self, service: &str) -> Option<String> {
        self.entries()
            .into_iter()
            .rfind(|entry| entry.service == service)
            .map(|entry| entry.release)
    }

    /// The release that ran before the current one was first deployed.
    pub(crate) fn previous(&self, service: &str) -> Option<String> {
        let entries = self.entries();
        let mut of_service = entries.iter().filter(|entry| entry.service == service);
        let current = of_service.clone().next_back()?.release.clone();
        let mut before = None;
        // The first deploy of the current release marks what it replaced; later restarts and rollbacks do not.
        of_service.find(|entry| {
            let found = entry.release == current;
            if !found {
                before = Some(entry.release.clone());
            }
            found
        })?;
        before
    }

    /// The releases of `service` that were rolled out so far, newest last, each once.
    pub(crate) fn releases(&self, service: &str) -> Vec<String> {
        let mut releases = Vec::new();
        for entry in self
            .entries()
            .into_iter()
            .filter(|entry| entry.service == service)
        {
            if !releases.contains(&entry.release) {
                releases.push(entry.release);
            }
        }
        releases
    }

    /// The changelog line of a release.
    pub(crate) fn summary(&self, service: &str, release: &str) -> String {
        let matches = |entry: &&Deploy| entry.service == service && entry.release == release;
        self.entries()
            .iter()
            .find(matches)
            .map(|entry| entry.summary.clone())
            .unwrap_or_default()
    }
}

fn unused_id(entries: &[Deploy], service: &str, release: &str) -> String {
    let plain = format!("{service}@{release}");
    let same = |entry: &&Deploy| entry.service == service && entry.release == release;
    match entries.iter().filter(same).count() {
        0 => plain,
        earlier => format!("{plain}#{}", earlier + 1),
    }
}

#[cfg(test)]
mod tests {
    use record::DEPLOYS;

    use super::*;

    fn log(releases: &[&str]) -> (tempfile::TempDir, DeployLog) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = DeployLog::new(DEPLOYS.open(folder.path()).expect("a file"));
        for release in releases {
            let draft = Draft {
                service: "inventory".to_owned(),
                release: (*release).to_owned(),
                role: "backend engineer".to_owned(),
                kind: DeployKind::Deploy,
                summary: format!("change {release}"),
                changes: Vec::new(),
                command: None,
            };
            log.record(draft, OffsetDateTime::UNIX_EPOCH)
                .expect("an entry");
        }
        (folder, log)
    }

    #[test]
    fn a_rollback_goes_to_what_ran_before_the_current_release_came() {
        for (releases, expected) in [
            (&["1"][..], None),
            (&["1", "2"], Some("1")),
            (&["1", "2", "3"], Some("2")),
            (&["1", "2", "2"], Some("1")),
            (&["1", "2", "3", "2"], Some("1")),
        ] {
            let (_folder, log) = log(releases);
            assert_eq!(
                log.previous("inventory").as_deref(),
                expected,
                "{releases:?}"
            );
        }
    }

    #[test]
    fn ids_are_unique() {
        let (_folder, log) = log(&["1", "2", "1"]);
        let ids: Vec<String> = log.entries().into_iter().map(|entry| entry.id).collect();
        assert_eq!(ids, ["inventory@1", "inventory@2", "inventory@1#2"]);
    }
}
