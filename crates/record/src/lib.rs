//! The record of a run: every file of a run folder as a type, with one way to write it and one to read it.
//!
//! ```text
//! runner, commands, backend ──replace, append──► run folder ──read──► grader, commands
//!                                                    │ ▲
//!                                               pack ▼ │ unpack
//!                                                  archive
//! ```
//! The crate knows files and nothing of drills: what a verdict is made of is the grader's business, how a load record
//! is kept the load generator's. Both give their types to a [`Document`] or read the names below.

pub mod archive;
mod chronicle;
mod deploy;
mod event;
mod facts;
mod file;
mod head;
pub mod instant;
mod log;
mod look;
mod named;
pub mod private;
mod profile;
mod settings;
mod snapshot;
mod window;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use chronicle::{Chronicle, FirstPage};
pub use deploy::{Deploy, DeployKind, Deploys, GAME_MASTER, RESPONDER, SettingChange, value_text};
pub use event::Event;
pub use facts::{Action, Counted, Facts, ImpactTruth, Measurement};
pub use file::{Document, Error, replace};
pub use head::{BackendKind, Backends, FORMAT, Head, Program, Urls};
pub use log::{Appender, Log, each_line};
pub use look::{By, Look, LookKind, Looks};
pub use named::{Meta, Named};
pub use profile::{Profile, Profiles};
pub use settings::{Origin, Setting, Settings};
pub use snapshot::{Site, Snapshot, Snapshots};
pub use window::{Frame, Window, Windows};

/// What the head of a run says; the first file of every run folder.
pub const HEAD: Document<Head> = Document::new("run.json");
/// What happened, one event a line.
pub const TIMELINE: Log<Event> = Log::new("timeline.jsonl");
/// The deploy history, what the responder did among it.
pub const DEPLOYS: Log<Deploy> = Log::new("deploys.jsonl");
/// The settings that each service ran with last.
pub const SETTINGS: Document<Vec<Settings>> = Document::new("settings.json");
/// What the responder looked at.
pub const LOOKS: Log<Look> = Log::new("queries.jsonl");
/// What the grader knows apart from the evidence.
pub const FACTS: Document<Facts> = Document::new("facts.json");
/// Measurements of the indicator, by stage: `before`, `during`, `after`.
pub const MEASURED: Document<BTreeMap<String, f64>> = Document::new("measured.json");
/// Why the run does not count; there only if it does not.
pub const VOID: Document<Void> = Document::new("void.json");
/// The load generator's own record, which it writes and reads itself.
pub const LOAD: &str = "load.jsonl";
/// The write-up as it was submitted; after an amendment, the second one.
pub const WRITE_UP: &str = "report.md";
/// The first write-up of a run whose write-up was amended.
pub const FIRST_WRITE_UP: &str = "report.first.md";
/// There once the answer was shown, by `debrief` or by the grade of another write-up.
pub const DEBRIEFED: Document<Debriefed> = Document::new("debriefed.json");
/// The verdict as a page to send on.
pub const VERDICT_PAGE: &str = "verdict.html";
/// The write-up as far as it is written in the console.
pub const DRAFT: &str = "draft.md";
/// The folder of databases, which goes when the run ends.
pub const SCRATCH: &str = "scratch";

/// Why a run does not count.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Void {
    /// Which number says so.
    pub reason: String,
}

/// That the answer was shown, so that nothing of the write-up can be amended any more.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Debriefed {
    /// When it was shown first.
    #[serde(with = "instant")]
    pub at: time::OffsetDateTime,
}

impl Debriefed {
    /// Leaves the mark, unless it is there: a write-up cannot be amended after it.
    pub fn mark(folder: &Path, at: time::OffsetDateTime) {
        if !DEBRIEFED.path(folder).exists() {
            // Where nothing can be written, nothing can be amended either.
            let _ = DEBRIEFED.replace(folder, &Self { at });
        }
    }
}

/// The id of the run that a folder is of: its name.
pub fn run_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The scenario file, which a grade puts into the folder under the scenario's id.
pub fn scenario_file(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let mut paths = files.map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|ending| ending == "toml"))
}

/// At most so many characters of a text.
fn shorten(text: &str, chars: usize) -> String {
    let mut short: String = text.chars().take(chars).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
