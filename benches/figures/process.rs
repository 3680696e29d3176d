//! What `/proc` tells of a drill's processes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What Linux counts CPU time in towards programs: always hundredths of a second.
const TICK_US: u64 = 10_000;

/// One process of a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Its role, such as `gateway`; `runner` for the runner.
    pub(crate) role: String,
}

/// The runner and its children.
pub(crate) fn family(runner: u32) -> Vec<Process> {
    let is_ours = |pid: &u32| *pid == runner || parent(*pid) == Some(runner);
    all()
        .filter(is_ours)
        .map(|pid| Process {
            pid,
            role: role(pid),
        })
        .collect()
}

/// The processes that were started with `folder` in their environment, under any parent.
pub(crate) fn of_folder(folder: &Path) -> Vec<u32> {
    let folder = folder.as_os_str().as_encoded_bytes();
    let names = |pid: &u32| {
        // A zombie has no environment, and does not count as a process.
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environ| environ.windows(folder.len()).any(|part| part == folder))
    };
    all().filter(names).collect()
}

/// CPU time of a process so far, all its threads together, in microseconds.
pub(crate) fn cpu_us(pid: u32) -> u64 {
    let Some(fields) = stat(pid) else { return 0 };
    let ticks: u64 = [11, 12]
        .iter()
        .filter_map(|index| fields.get(*index)?.parse::<u64>().ok())
        .sum();
    ticks * TICK_US
}

/// Resident memory of a process in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    kib(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// Its share in KiB, with what several processes map divided among them.
pub(crate) fn proportional_kib(pid: u32) -> u64 {
    kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The listening TCP sockets that these processes hold, by inode.
pub(crate) fn listening(pids: &[u32]) -> BTreeSet<u64> {
    let mut held = BTreeSet::new();
    for pid in pids {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        held.extend(files.flatten().filter_map(|file| {
            let target = fs::read_link(file.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?;
            inode.strip_suffix(']')?.parse::<u64>().ok()
        }));
    }
    open_listeners().intersection(&held).copied().collect()
}

/// Every listening TCP socket of the machine, by inode.
pub(crate) fn open_listeners() -> BTreeSet<u64> {
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace());
    rows.filter_map(|mut fields| {
        let state = fields.nth(3)?;
        let inode = fields.nth(5)?;
        (state == LISTEN).then(|| inode.parse().ok()).flatten()
    })
    .collect()
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn role(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).skip(1);
    match (words.next(), words.next()) {
        (Some(b"serve"), Some(role)) => String::from_utf8_lossy(role).into_owned(),
        _ => "runner".to_owned(),
    }
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// The fields after the name, which may hold spaces and brackets itself.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    Some(after.split_whitespace().map(str::to_owned).collect())
}

fn kib(path: &str, field: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
