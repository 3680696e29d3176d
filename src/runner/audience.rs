//! Who is told what a drill does, as it goes: the terminal that runs it. The runner itself shows nothing.

use std::path::Path;

use grader::{Verdict, WriteUp};
use record::Event;

/// The other side of a drill's output.
pub(crate) trait Audience: std::fmt::Debug + Send + Sync {
    /// A step of the start.
    fn step(&self, what: &str);

    /// Something that happened; the first is `ready`.
    fn event(&self, event: &Event);

    /// Something for the terminal alone that is not an event of the drill.
    fn note(&self, text: &str);

    /// A write-up was graded: the place to put a page into the run folder. Comes before the event.
    fn graded(
        &self,
        folder: &Path,
        title: &str,
        writeup: &WriteUp,
        verdict: &Verdict,
    ) -> anyhow::Result<()>;
}
