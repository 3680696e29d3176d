//! The terminal that runs a drill: where the drill's events are shown, and its verdict becomes a page.

use std::path::Path;
use std::sync::Arc;

use grader::{Verdict, WriteUp};
use parking_lot::{Mutex, MutexGuard};
use record::{Event, VERDICT_PAGE, replace};
use time::{Duration, OffsetDateTime};

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
    /// The newest page.
    page: Mutex<Option<OffsetDateTime>>,
    /// Where the incident is worked in the browser: every page leads there.
    console: Mutex<String>,
}

/// A page that comes so soon after another is of the same incident: its details are in `alerts`.
const BURST: Duration = Duration::seconds(15);

impl TerminalAudience {
    pub(super) fn new(terminal: Terminal, format: Format, is_drill: bool) -> Arc<Self> {
        Arc::new(Self {
            terminal,
            format,
            is_drill,
            progress: Mutex::default(),
            page: Mutex::default(),
            console: Mutex::default(),
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

    /// Whether an event is a page that follows another at once.
    fn follows_page(&self, event: &Event) -> bool {
        let Event::Page { at, .. } = event else {
            return false;
        };
        let before = self.page.lock().replace(*at);
        before.is_some_and(|before| *at - before <= BURST)
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
        if let Event::Ready { urls, .. } = event {
            self.console.lock().clone_from(&urls.console);
        }
        // The output is closed; the drill itself goes on.
        let _ = match self.format.json {
            true => self.terminal.json_line(event),
            false => {
                let follows = self.follows_page(event);
                let mut text = event::text(event, self.terminal.out, self.is_drill, follows);
                let console = self.console.lock();
                if matches!(event, Event::Page { .. }) && !follows && !console.is_empty() {
                    text += &format!("          {console}\n");
                }
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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::terminal::Style;

    #[test]
    fn pages_of_one_burst_take_one_line_each() {
        let terminal = Terminal::of_process(Style::PLAIN, Style::PLAIN, 100);
        let audience = TerminalAudience::new(terminal, Format::default(), true);
        let page = |seconds: i64| Event::Page {
            at: datetime!(2026-11-23 14:00 UTC) + Duration::seconds(seconds),
            alert: "ErrorBudgetBurn".to_owned(),
            labels: Default::default(),
            summary: "Requests to /v1/orders are failing".to_owned(),
            description: "18 % of requests got a server error.".to_owned(),
        };
        let lines = |event: &Event| {
            let follows = audience.follows_page(event);
            event::text(event, Style::PLAIN, true, follows)
                .trim()
                .lines()
                .count()
        };
        let counts = [0, 2, 4, 60].map(|at| lines(&page(at)));
        assert_eq!(counts, [3, 1, 1, 3]);
    }
}
