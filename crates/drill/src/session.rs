//! The session file by which other terminals find the running drill, and the run folders.
//!
//! ```text
//! <state>/lock           held by the runner for as long as it lives
//! <state>/current.json   who runs, where it listens; 0600, for it holds the token
//! <state>/runs/<run>/    what a run recorded
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
pub use record::Urls;
use record::private;
use scenario::Pace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Error;

/// SQLite opens no name of more than 512 bytes, of which a run and its databases take some 60.
const MOST_PATH: usize = 400;
/// A session file has some kilobytes.
const MOST_BYTES: u64 = 1 << 20;
/// What to do where a folder cannot be used.
const OTHER_FOLDER: &str = "name another folder with `--state-dir DIR`";
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// What a running drill tells the other terminals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The run's id, which is also the name of its folder.
    pub run: String,
    /// The runner's process.
    pub pid: u32,
    /// When the runner started.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// Where the runner's control API listens.
    pub control: SocketAddr,
    /// What the control API and the admin ports want as a bearer token.
    pub token: String,
    /// The run's folder.
    pub folder: PathBuf,
    /// Where gateway, Jaeger, Prometheus and the collector answer.
    pub urls: Urls,
    /// The processes of the shop.
    pub services: Vec<Instance>,
    /// How much time the drill gives.
    pub pace: Pace,
    /// The drill's id when it was asked for by name; absent for a blind drill and for `up`.
    #[serde(default)]
    pub scenario: Option<String>,
}

/// One process of the shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// The service.
    pub service: String,
    /// The instance, such as `inventory-2`.
    pub instance: String,
    /// Where its business routes listen.
    #[schemars(with = "String")]
    pub public: SocketAddr,
    /// Where its admin routes listen.
    #[schemars(with = "String")]
    pub admin: SocketAddr,
    /// The release that it runs.
    pub release: String,
    /// The process.
    pub pid: u32,
}

/// The folder with the runs and the session file of the running drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

/// Proof that this process is the only runner in its state folder; dropping it lets the next one in.
#[derive(Debug)]
#[must_use = "the lock is held only while this lives"]
pub struct Lock {
    _held: File,
    current: PathBuf,
}

impl StateDir {
    /// The folder asked for, else `FIREDRILL_STATE_DIR`, else the XDG state folder, else `~/.local/state/firedrill`.
    ///
    /// `env` reads the environment; it is a parameter so that nothing but the caller does.
    pub fn locate(
        asked: Option<&Path>,
        env: impl Fn(&str) -> Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let variable = env("FIREDRILL_STATE_DIR").filter(|path| !path.as_os_str().is_empty());
        if let Some(asked) = asked.or(variable.as_deref()) {
            let absolute = std::path::absolute(asked)
                .with_context(|| format!("state folder `{}`", asked.display()))?;
            return Ok(Self(nameable(absolute)?));
        }
        // The XDG rules say to ignore a relative path.
        let xdg = env("XDG_STATE_HOME").filter(|path| path.is_absolute());
        let home = || Some(env("HOME")?.join(".local/state"));
        let base = xdg.or_else(home).ok_or(Error::NoStateDir)?;
        Ok(Self(nameable(base.join("firedrill"))?))
    }

    /// Why something in the folder, or the folder itself, cannot be used.
    fn refused(&self, path: &Path, error: &io::Error) -> Error {
        let mine = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                ", or make this one yours alone (`chown`, `chmod go-w`)".to_owned()
            }
            io::ErrorKind::InvalidInput => format!(", or remove `{}`", path.display()),
            _ => String::new(),
        };
        Error::StateDir {
            message: format!(
                "the state folder cannot be used: `{}`: {error}",
                path.display()
            ),
            hint: format!("{OTHER_FOLDER}{mine}"),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of the runs.
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// Takes the place of the one runner in this folder, or says who holds it.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        private::folder(&self.0).map_err(|error| self.refused(&self.0, &error))?;
        let (runs, path) = (self.runs(), self.0.join("lock"));
        private::inner_folder(&runs).map_err(|error| self.refused(&runs, &error))?;
        let file = private::open(&path).map_err(|error| self.refused(&path, &error))?;
        if !try_lock(&file).with_context(|| format!("lock `{}`", path.display()))? {
            let holder = self.read().ok();
            return Err(Error::AlreadyRunning {
                run: holder
                    .as_ref()
                    .map_or_else(|| "starting".to_owned(), |session| session.run.clone()),
                pid: holder.map_or(0, |session| session.pid),
            }
            .into());
        }
        let current = self.0.join("current.json");
        // A runner that was killed left its mark behind; the lock proves that it is gone.
        remove_if_there(&current)?;
        Ok(Lock {
            _held: file,
            current,
        })
    }

    /// The running drill, or an error that says how to start one.
    pub fn load(&self) -> anyhow::Result<Session> {
        self.find()?.ok_or_else(|| {
            Error::NotRunning {
                state_dir: self.0.clone(),
            }
            .into()
        })
    }

    /// The running drill, if there is one.
    pub fn find(&self) -> anyhow::Result<Option<Session>> {
        let path = self.0.join("lock");
        let lock = match private::regular(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Err(self.refused(&path, &error).into());
            }
            // No drill was ever started here, or the folder is another user's.
            Err(_) => return Ok(None),
        };
        // The lock is free: `current.json` is out of date.
        if try_lock_shared(&lock).context("lock of the state folder")? {
            return Ok(None);
        }
        if !self.0.join("current.json").exists() {
            return Ok(None);
        }
        self.read().map(Some)
    }

    fn read(&self) -> anyhow::Result<Session> {
        let path = self.0.join("current.json");
        let text = private::bytes(&path, MOST_BYTES)
            .with_context(|| format!("session file `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("session file `{}`", path.display()))
    }

    /// The ids of the recorded runs, oldest first; ids begin with the time, so the order of names is that of time.
    pub fn recorded(&self) -> Vec<String> {
        let entries = fs::read_dir(self.runs()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names
    }

    /// The folder of a run named by id, by folder, or by the beginning of an id that only one run has.
    pub fn run_folder(&self, run: &str) -> Result<PathBuf, Error> {
        let as_path = Path::new(run);
        if record::HEAD.path(as_path).is_file() {
            return Ok(as_path.to_owned());
        }
        let names = self.recorded();
        if names.iter().any(|name| name == run) {
            return Ok(self.runs().join(run));
        }
        let begins: Vec<&String> = names
            .iter()
            .filter(|name| !run.is_empty() && name.starts_with(run))
            .collect();
        match begins.as_slice() {
            [only] => Ok(self.runs().join(only)),
            _ => Err(Error::unknown("run", run, names.iter().map(String::as_str))),
        }
    }

    /// The folder to read evidence from: the run asked for, else the running drill's, else the newest.
    pub fn evidence(&self, run: Option<&str>) -> anyhow::Result<PathBuf> {
        if let Some(run) = run {
            return Ok(self.run_folder(run)?);
        }
        if let Some(session) = self.find()? {
            return Ok(session.folder);
        }
        match self.recorded().pop() {
            Some(newest) => Ok(self.runs().join(newest)),
            None => Err(Error::NotRunning {
                state_dir: self.0.clone(),
            }
            .into()),
        }
    }
}

impl Lock {
    /// Tells the other terminals what runs; replaces the file as a whole, so that none reads half of it.
    pub fn publish(&self, session: &Session) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(session).context("session")?;
        private::replace(&self.current, &text)
            .with_context(|| format!("session file `{}`", self.current.display()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A left-over session file is harmless: the lock, which the system releases, shows that no drill is running.
        let _ = fs::remove_file(&self.current);
    }
}

impl Session {
    /// The processes that a name stands for: one instance, or all of a service.
    pub fn instances(&self, name: &str) -> Result<Vec<&Instance>, Error> {
        let found: Vec<&Instance> = self
            .services
            .iter()
            .filter(|instance| instance.instance == name || instance.service == name)
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let known: BTreeMap<&str, ()> = self
            .services
            .iter()
            .flat_map(|instance| {
                [
                    (instance.service.as_str(), ()),
                    (instance.instance.as_str(), ()),
                ]
            })
            .collect();
        Err(Error::unknown("service", name, known.into_keys()))
    }
}

/// A folder whose name can be written into JSON and opened by SQLite with what is below it.
fn nameable(folder: PathBuf) -> Result<PathBuf, Error> {
    let length = folder.as_os_str().len();
    let reason = match folder.to_str() {
        None => "its name is not UTF-8".to_owned(),
        Some(_) if length > MOST_PATH => {
            format!("its name has {length} bytes, and can have {MOST_PATH}")
        }
        Some(_) => return Ok(folder),
    };
    Err(Error::StateDir {
        message: format!("the state folder cannot be used: {reason}"),
        hint: OTHER_FOLDER.to_owned(),
    })
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// A terminal that looks who runs takes the lock for an instant, so one refusal proves nothing.
fn try_lock(file: &File) -> std::io::Result<bool> {
    for _ in 1..LOCK_ATTEMPTS {
        if held(file.try_lock())? {
            return Ok(true);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    held(file.try_lock())
}

fn try_lock_shared(file: &File) -> std::io::Result<bool> {
    held(file.try_lock_shared())
}

fn held(result: Result<(), fs::TryLockError>) -> std::io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
