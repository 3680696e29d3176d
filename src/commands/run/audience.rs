//! The terminal that runs a drill: where the drill's events are shown, and its verdict becomes a page.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use grader::{Verdict, WriteUp};
use record::{Event, VERDICT_PAGE, replace};

use super::event;
use crate::cli::Format;
use crate::report;
use crate::runner::Audience;
use crate::terminal::Console;
use crate::terminal::progress::Progress;

#[derive(Debug)]
pub(super) struct Terminal {
    console: Console,
    format: Format,
    is_drill: bool,
    /// There while the shop starts.
    progress: Mutex<Option<Progress>>,
}

impl Terminal {
    pub(super) fn new(console: Console, format: Format, is_drill: bool) -> Arc<Self> {
        Arc::new(Self {
            console,
            format,
            is_drill,
            progress: Mutex::default(),
        })
    }

    /// The start is over, and so is its progress.
    pub(super) fn started(&self) {
        self.progress().take();
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Option<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for Terminal {
    fn step(&self, what: &str) {
        self.progress()
            .get_or_insert_with(|| self.console.progress(what))
            .set(what);
    }

    fn event(&self, event: &Event) {
        self.started();
        // The output is closed; the drill itself goes on.
        let _ = match self.format.json {
            true => self.console.json_line(event),
            false => {
                let text = event::text(event, self.console.out, self.is_drill);
                self.console.print(&format!("{text}\n"))
            }
        };
    }

    fn note(&self, text: &str) {
        self.console.note(text);
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
