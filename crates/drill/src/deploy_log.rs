//! The deploy log: what was released, when, by which role, and what a rollback goes back to.

use parking_lot::{Mutex, MutexGuard};
use record::{Action, Appender, Deploy};

/// More than any entry takes: its settings and its diff have some kilobytes.
const LARGEST_ENTRY: u64 = 64 << 10;

/// The deploys of a run, oldest first, those before the drill included.
#[derive(Debug, Default)]
pub(crate) struct DeployLog {
    entries: Mutex<Entries>,
    /// None for a copy of the shop, of which nothing is kept.
    file: Option<Appender<Deploy>>,
}

#[derive(Debug, Default)]
struct Entries {
    all: Vec<Deploy>,
    /// How many of them are in the file.
    written: usize,
    /// Why the others are not.
    problem: Option<String>,
}

impl DeployLog {
    /// An empty log over its file.
    pub(crate) fn new(file: Appender<Deploy>) -> Self {
        Self {
            entries: Mutex::default(),
            file: Some(file),
        }
    }

    /// Records an entry under an id of its own. One that cannot be written now is written before the next one.
    pub(crate) fn record(&self, mut entry: Deploy) -> Deploy {
        let mut entries = self.lock();
        entry.id = unused_id(&entries.all, &entry.service, &entry.release);
        entries.all.push(entry.clone());
        entries.write(self.file.as_ref());
        entry
    }

    /// That one more entry can be recorded, and that none is waiting to be.
    pub(crate) fn ready(&self) -> Result<(), String> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut entries = self.lock();
        file.reserve(LARGEST_ENTRY)
            .map_err(|error| error.to_string())?;
        entries.write(Some(file));
        entries.problem.clone().map_or(Ok(()), Err)
    }

    /// That all of them are in the run's folder.
    pub(crate) fn written(&self) -> anyhow::Result<()> {
        match self.problem() {
            Some(problem) => anyhow::bail!("the deploy log cannot be written: {problem}"),
            None => Ok(()),
        }
    }

    /// Why the newest entries are not in the run's folder, if they are not.
    pub(crate) fn problem(&self) -> Option<String> {
        self.lock().problem.clone()
    }

    /// All entries, oldest first.
    pub(crate) fn entries(&self) -> Vec<Deploy> {
        self.lock().all.clone()
    }

    /// What the responder did, oldest first.
    pub(crate) fn actions(&self) -> Vec<Action> {
        self.lock().all.iter().filter_map(Deploy::action).collect()
    }

    /// The release of `service` that was rolled out last.
    pub(crate) fn current(&self, service: &str) -> Option<String> {
        let entries = self.lock();
        let mut of_service = entries.all.iter().filter(|entry| entry.service == service);
        of_service.next_back().map(|entry| entry.release.clone())
    }

    /// The release that ran before the current one was first deployed.
    pub(crate) fn previous(&self, service: &str) -> Option<String> {
        let entries = self.lock();
        let mut of_service = entries.all.iter().filter(|entry| entry.service == service);
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
        for entry in self.lock().all.iter().filter(|one| one.service == service) {
            if !releases.contains(&entry.release) {
                releases.push(entry.release.clone());
            }
        }
        releases
    }

    /// The changelog line of a release.
    pub(crate) fn summary(&self, service: &str, release: &str) -> String {
        let matches = |entry: &&Deploy| entry.service == service && entry.release == release;
        let entries = self.lock();
        let first = entries.all.iter().find(matches);
        first.map(|entry| entry.summary.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock()
    }
}

impl Entries {
    fn write(&mut self, file: Option<&Appender<Deploy>>) {
        self.problem = None;
        let Some(file) = file else {
            return;
        };
        for entry in &self.all[self.written..] {
            if let Err(error) = file.push(entry) {
                self.problem = Some(error.to_string());
                return;
            }
            self.written += 1;
        }
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
    use record::{DEPLOYS, DeployKind};
    use time::OffsetDateTime;

    use super::*;

    fn entry(release: &str) -> Deploy {
        Deploy {
            id: String::new(),
            service: "inventory".to_owned(),
            release: release.to_owned(),
            at: OffsetDateTime::UNIX_EPOCH,
            role: "backend engineer".to_owned(),
            kind: DeployKind::Deploy,
            summary: format!("change {release}"),
            diff: String::new(),
            changes: Vec::new(),
            command: None,
        }
    }

    fn log(releases: &[&str]) -> DeployLog {
        let log = DeployLog::default();
        for release in releases {
            log.record(entry(release));
        }
        log
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
            let previous = log(releases).previous("inventory");
            assert_eq!(previous.as_deref(), expected, "{releases:?}");
        }
    }

    #[test]
    fn ids_are_unique() {
        let entries = log(&["1", "2", "1"]).entries();
        let ids: Vec<String> = entries.into_iter().map(|entry| entry.id).collect();
        assert_eq!(ids, ["inventory@1", "inventory@2", "inventory@1#2"]);
    }

    #[test]
    fn an_entry_that_cannot_be_written_is_known_and_written_with_the_next() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = DEPLOYS.path(folder.path());
        // Opens like any file, and has no room.
        std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
        let mut log = DeployLog::new(DEPLOYS.open(folder.path()).expect("it opens"));
        log.record(entry("1"));
        let problem = log.problem().expect("it was not written");
        assert!(problem.contains("deploys.jsonl"), "{problem}");
        assert_eq!(log.entries().len(), 1, "and is known all the same");
        std::fs::remove_file(&path).expect("a link");
        log.file = Some(DEPLOYS.open(folder.path()).expect("it opens"));
        log.record(entry("2"));
        assert_eq!(log.problem(), None);
        assert_eq!(DEPLOYS.read(folder.path()), Ok(log.entries()));
    }
}
