//! The processes of a drill, as the system sees them, and what a kill of one must not lose.

use std::path::Path;

use super::{Drill, SOON, children_of, is_alive, until};

impl Drill {
    /// The youngest child of the runner that was started as this.
    pub(crate) fn child(&self, name: &str) -> Option<u32> {
        let mut children = children_of(self.pid());
        children.sort_unstable();
        children.into_iter().rev().find(|id| {
            let line = Path::new("/proc").join(id.to_string()).join("cmdline");
            is_alive(*id) && std::fs::read_to_string(line).is_ok_and(|line| line.contains(name))
        })
    }

    /// Waits until what is there now is in a journal of the run folder: these are written every second.
    pub(crate) fn await_journal(&self, file: &str) {
        let path = self.folder().join(file);
        let size = || std::fs::metadata(&path).map_or(0, |file| file.len());
        for _ in 0..2 {
            let before = size();
            until("the journal is written", SOON, || size() > before);
        }
    }
}

/// A line of a process's status that is a size, in KiB.
pub(crate) fn status_kib(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.expect("a line").trim().trim_end_matches(" kB");
    kib.parse().expect("a number")
}
