//! What a command gets from the process around it; read once, at the edge.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use crate::capsule::Opened;
use crate::session::StateDir;
use crate::terminal::{Color, Console, Style};

/// The process around a command.
#[derive(Debug)]
pub struct Context {
    /// Where the runs are, and the mark of the running drill.
    pub state: StateDir,
    /// Where output goes, and how it looks.
    pub console: Console,
    /// When the command started.
    pub now: OffsetDateTime,
    /// Capsules that were named instead of runs; what they were unpacked into goes with the command.
    opened: Mutex<BTreeMap<PathBuf, Opened>>,
}

/// Columns to assume where there is no terminal to ask.
const WIDTH_WITHOUT_TERMINAL: usize = 120;

impl Context {
    /// Reads environment, terminal and clock.
    pub fn of_process(state_dir: Option<&Path>, color: Color) -> anyhow::Result<Self> {
        let env = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Ok(Self {
            state: StateDir::locate(state_dir, env)?,
            console: Console {
                out: style(color, std::io::stdout().is_terminal()),
                err: style(color, std::io::stderr().is_terminal()),
                width: terminal_size::terminal_size()
                    .map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0)),
            },
            now: OffsetDateTime::now_utc(),
            opened: Mutex::default(),
        })
    }

    /// The folder of a run named by id, by the beginning of one, by folder, or by the file of its capsule.
    pub(crate) fn run_folder(&self, run: &str) -> anyhow::Result<PathBuf> {
        let file = Path::new(run);
        let is_run = self.state.recorded().iter().any(|known| known == run);
        match file.is_file() && !is_run {
            true => self.unpacked(file),
            false => Ok(self.state.run_folder(run)?),
        }
    }

    /// The folder to read evidence from: the run asked for, else the running drill's, else the newest.
    pub(crate) fn evidence(&self, run: Option<&str>) -> anyhow::Result<PathBuf> {
        match run {
            Some(run) => self.run_folder(run),
            None => self.state.evidence(None),
        }
    }

    fn unpacked(&self, file: &Path) -> anyhow::Result<PathBuf> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(capsule) = opened.get(file) {
            return Ok(capsule.folder());
        }
        let progress = self.console.progress("unpacking the capsule");
        let capsule = Opened::unpack(file, &self.state.path().join("opened"))?;
        drop(progress);
        if !capsule.losses.is_empty() {
            let name = file.display();
            self.console.note(&format!(
                "capsule `{name}` is not whole; the rest of it opens. Lost:"
            ));
            for loss in &capsule.losses {
                self.console.note(&format!("  {loss}"));
            }
        }
        let folder = capsule.folder();
        opened.insert(file.to_owned(), capsule);
        Ok(folder)
    }
}

/// How a stream of the process is written to.
pub fn style(color: Color, is_terminal: bool) -> Style {
    // The convention at no-color.org: present and not empty, whatever the value.
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    Style::decide(color, no_color || is_dumb, is_terminal)
}
