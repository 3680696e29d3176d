//! What a command gets from the process around it; read once, at the edge.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use time::OffsetDateTime;

use crate::cli::Global;
use crate::console::{Console, Style};
use crate::session::StateDir;

/// The process around a command.
#[derive(Debug)]
pub struct Context {
    /// Where the runs are, and the mark of the running drill.
    pub state: StateDir,
    /// Where output goes, and how it looks.
    pub console: Console,
    /// When the command started.
    pub now: OffsetDateTime,
}

/// Columns to assume where there is no terminal to ask.
const WIDTH_WITHOUT_TERMINAL: usize = 120;

impl Context {
    /// Reads environment, terminal and clock.
    pub fn of_process(global: &Global) -> anyhow::Result<Self> {
        let env = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Ok(Self {
            state: StateDir::locate(global.state_dir.as_deref(), env)?,
            console: Console {
                out: style(global, std::io::stdout().is_terminal()),
                err: style(global, std::io::stderr().is_terminal()),
                width: terminal_size::terminal_size()
                    .map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0)),
            },
            now: OffsetDateTime::now_utc(),
        })
    }
}

/// How a stream of the process is written to.
pub fn style(global: &Global, is_terminal: bool) -> Style {
    // The convention at no-color.org: present and not empty, whatever the value.
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    Style::decide(global.color, no_color || is_dumb, is_terminal)
}
