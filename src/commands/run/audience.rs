//! The terminal that runs a drill: where the drill's events are shown, and its verdict becomes a page.

use std::path::Path;
use std::sync::Arc;

use grader::{Verdict, WriteUp};
use parking_lot::{Mutex, MutexGuard};
use record::{Event, VERDICT_PAGE, replace};

use super::event;
use crate::cli::Format;
use crate::report;
use crate::terminal::Terminal;
use crate::terminal::progress::Progress;
use drill::Audience;

#[derive(Debug)]
pub(super) struct TerminalAudience {
    terminal: Terminal,
    format: Format,
    is_drill: bool,
    /// There while the shop starts.
    progress: Mutex<Option<Progress>>,
}

impl TerminalAudience {
    pub(super) fn new(terminal: Terminal, format: Format, is_drill: bool) -> Arc<Self> {
        Arc::new(Self {
            terminal,
            format,
            is_drill,
            progress: Mutex::default(),
        })
    }

    /// The start is over, and so is its progress.
    pub(super) fn started(&self) {
        self.progress().take();
    }

    /// Says what can be done with a drill that ended without a verdict.
    pub(super) fn stopped(&self) {
        if self.is_drill {
            self.terminal.note(
                "ended without a verdict: `firedrill debrief` shows what happened, `firedrill open` serves the evidence",
            );
        }
    }

    fn progress(&self) -> MutexGuard<'_, Option<Progress>> {
        self.progress.lock()
    }
}

impl Audience for TerminalAudience {
    fn step(&self, what: &str) {
        self.progress()
            .get_or_insert_with(|| self.terminal.progress(what))
            .set(what);
    }

    fn event(&self, event: &Event) {
        self.started();
        // The output is closed; the drill itself goes on.
        let _ = match self.format.json {
            true => self.terminal.json_line(event),
            false => {
                let text = event::text(event, self.terminal.out, self.is_drill);
                self.terminal.print(&format!("{text}\n"))
            }
        };
    }

    fn note(&self, text: &str) {
        self.terminal.note(text);
    }

    fn graded(
        &self,
        folder: &Path,
        title: &str,
        writeup: &WriteUp,
        verdict: &Verdict,
    ) -> anyhow::Result<()> {
        let page = report::html(title, writeup, verdict);
        Ok(replace(&folder.join(VERDICT_PAGE), page.as_bytes())?)
    }
}
