//! What a command gets from the process around it; read once, at the edge.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use record::{Head, Urls};
use time::OffsetDateTime;

use crate::error::Error;
use crate::terminal::{Color, Style, Terminal};
use crate::unpacked::Unpacked;
use drill::session::StateDir;

/// The process around a command.
#[derive(Debug)]
pub struct Context {
    /// Where the runs are, and the mark of the running drill.
    pub state: StateDir,
    /// Where output goes, and how it looks.
    pub terminal: Terminal,
    /// When the command started.
    pub now: OffsetDateTime,
    /// Whether what is read is a look of the responder's, which the record keeps.
    pub looks: bool,
    /// The ended run that is open: it is read where no other is asked for, from backends that already serve it.
    pub opened: Option<Opened>,
    /// Archives that were named instead of runs; what they were unpacked into goes with the command.
    unpacked: Mutex<BTreeMap<PathBuf, Unpacked>>,
}

/// An ended run whose evidence is served.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The run's folder.
    pub folder: PathBuf,
    /// Where its evidence is served.
    pub urls: Urls,
}

/// Columns to assume without a terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 120;

impl Context {
    /// Reads environment, terminal and clock.
    pub fn of_process(state_dir: Option<&Path>, color: Color) -> anyhow::Result<Self> {
        let env = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Ok(Self {
            state: StateDir::locate(state_dir, env)?,
            terminal: Terminal::of_process(
                style(color, std::io::stdout().is_terminal()),
                style(color, std::io::stderr().is_terminal()),
                terminal_size::terminal_size()
                    .map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0)),
            ),
            now: OffsetDateTime::now_utc(),
            looks: true,
            opened: None,
            unpacked: Mutex::default(),
        })
    }

    /// A command that begins now in the same place, and writes to `terminal`.
    pub(crate) fn again(&self, terminal: Terminal) -> Self {
        Self {
            state: self.state.clone(),
            terminal,
            now: OffsetDateTime::now_utc(),
            looks: self.looks,
            opened: self.opened.clone(),
            unpacked: Mutex::default(),
        }
    }

    /// The same place with an ended run open in it.
    pub(crate) fn opening(self, opened: Opened) -> Self {
        Self {
            opened: Some(opened),
            ..self
        }
    }

    /// The folder of a run named by id, by the beginning of one, by folder, or by the file of its archive.
    pub(crate) fn run_folder(&self, run: &str) -> anyhow::Result<PathBuf> {
        let file = Path::new(run);
        let is_run = self.state.recorded().iter().any(|known| known == run);
        let folder = match file.is_file() && !is_run {
            true => self.unpacked(file)?,
            false => self.state.run_folder(run)?,
        };
        readable(folder)
    }

    /// The folder to read evidence from: the run asked for, else the running drill's, else the newest.
    pub(crate) fn evidence(&self, run: Option<&str>) -> anyhow::Result<PathBuf> {
        match run {
            Some(run) => self.run_folder(run),
            None => match &self.opened {
                Some(opened) => Ok(opened.folder.clone()),
                None => readable(self.state.evidence(None)?),
            },
        }
    }

    /// The same for what wants a run that is over; `hint` says what to do with one that is not.
    pub(crate) fn ended(&self, run: Option<&str>, hint: &str) -> anyhow::Result<PathBuf> {
        let folder = self.evidence(run)?;
        match self.state.find()? {
            Some(session) if session.folder == folder => {
                Err(Error::usage("this run is still running", hint).into())
            }
            _ => Ok(folder),
        }
    }

    fn unpacked(&self, file: &Path) -> anyhow::Result<PathBuf> {
        let mut all = self.unpacked.lock();
        if let Some(unpacked) = all.get(file) {
            return Ok(unpacked.folder());
        }
        let progress = self.terminal.progress("unpacking the archive");
        let unpacked = Unpacked::of(file, &self.state.path().join("opened"))?;
        drop(progress);
        if !unpacked.losses.is_empty() {
            let name = file.display();
            self.terminal.note(&format!(
                "archive `{name}` is damaged; the rest of it opens. Missing:"
            ));
            for loss in &unpacked.losses {
                self.terminal
                    .note(&format!("  {}", text::format::harmless(&loss.to_string())));
            }
        }
        let folder = unpacked.folder();
        all.insert(file.to_owned(), unpacked);
        Ok(folder)
    }
}

/// Refuses a run of another format.
fn readable(folder: PathBuf) -> anyhow::Result<PathBuf> {
    match Head::read(&folder) {
        Err(error @ record::Error::Format { .. }) => {
            let hint = "read it with the version of firedrill that recorded it";
            Err(Error::usage(error.to_string(), hint).into())
        }
        // Whatever else is wrong with it is told by who needs it.
        _ => Ok(folder),
    }
}

/// How a stream of the process is written to.
pub fn style(color: Color, is_terminal: bool) -> Style {
    // The convention at no-color.org: present and not empty, whatever the value.
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    Style::decide(color, no_color || is_dumb, is_terminal)
}
