//! The log of one instance: what its processes write to standard error, kept within a bound.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use rustix::process::Signal;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Past this size a log starts over, keeping one older half: a drill can never fill a disk with logs.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// A longer line is cut: nothing that a service logs on purpose comes near it.
const MOST_LINE_BYTES: usize = 64 * 1024;
/// How many lines are at hand for a message about a process that did not come up.
const TAIL_LINES: usize = 16;

/// Where lines that are no log lines come from: the runtime, or the allocator.
const RUNTIME: &str = "stderr";

/// Time between two looks at the lines that are late.
const DELIVERED_EVERY: Duration = Duration::from_millis(200);

/// A bounded JSON-lines file, shared by the processes that follow each other in one slot.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    instance: String,
    /// Where the lines go in addition to the tail.
    sink: Sink,
    tail: VecDeque<String>,
    /// How long a line is on its way to the sink.
    late: Duration,
    /// Lines on their way, with the time at which they arrive.
    waiting: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
enum Sink {
    /// Nowhere.
    Tail,
    /// A file of the run.
    File(Kept),
    /// A channel that forwards them.
    Tap(Arc<dyn Tap>),
}

/// Takes the lines of a log as they come.
pub(crate) trait Tap: Debug + Send + Sync {
    /// One line, a JSON object. Must not wait.
    fn line(&self, line: &str);
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    bytes: u64,
    most_bytes: u64,
}

impl LogFile {
    /// Keeps the last lines in memory only, for processes of no run.
    pub(crate) fn in_memory(instance: &str) -> Self {
        Self::new(instance, Sink::Tail, Duration::ZERO)
    }

    /// Sends the lines to a channel.
    pub(crate) fn tapped(instance: &str, tap: Arc<dyn Tap>) -> Self {
        Self::new(instance, Sink::Tap(tap), Duration::ZERO)
    }

    /// Opens `<folder>/<instance>.jsonl` for appending.
    pub(crate) fn open(folder: &Path, instance: &str) -> anyhow::Result<Self> {
        Self::open_late(folder, instance, Duration::ZERO)
    }

    /// The same with lines that arrive so late, and all of them when the log is dropped.
    pub(crate) fn open_late(folder: &Path, instance: &str, late: Duration) -> anyhow::Result<Self> {
        Self::bounded(folder, instance, late, MOST_BYTES)
    }

    fn bounded(
        folder: &Path,
        instance: &str,
        late: Duration,
        most_bytes: u64,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("folder `{}`", folder.display()))?;
        let path = folder.join(format!("{instance}.jsonl"));
        let file = append(&path)?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        let kept = Kept {
            path,
            file,
            bytes,
            most_bytes,
        };
        let log = Self::new(instance, Sink::File(kept), late);
        if !late.is_zero() {
            tokio::spawn(deliver(Arc::downgrade(&log.inner)));
        }
        Ok(log)
    }

    fn new(instance: &str, sink: Sink, late: Duration) -> Self {
        let inner = Inner {
            instance: instance.to_owned(),
            sink,
            tail: VecDeque::new(),
            late,
            waiting: VecDeque::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// The log of another instance, kept where this one is.
    pub(crate) fn another(&self, instance: &str) -> anyhow::Result<Self> {
        let inner = self.inner.lock();
        match &inner.sink {
            Sink::Tail => Ok(Self::in_memory(instance)),
            Sink::File(kept) => {
                let folder = kept.path.parent().context("a log is in a folder")?;
                Self::bounded(folder, instance, inner.late, kept.most_bytes)
            }
            Sink::Tap(tap) => Ok(Self::tapped(instance, Arc::clone(tap))),
        }
    }

    /// Copies every line of `stream` into the file until it ends.
    pub(crate) async fn drain(&self, stream: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            self.push(&String::from_utf8_lossy(
                &line[..line.len().min(MOST_LINE_BYTES)],
            ));
        }
    }

    /// The last lines, oldest first.
    pub(crate) fn tail(&self, lines: usize) -> Vec<String> {
        let inner = self.inner.lock();
        inner.tail.iter().rev().take(lines).rev().cloned().collect()
    }

    /// How a process of this log ended, in words: one that aborts, as for want of memory, says why at last.
    pub(crate) fn ending(&self, status: Option<ExitStatus>) -> String {
        let Some(status) = status else {
            return "killed".to_owned();
        };
        let aborted = status.signal() == Some(Signal::ABORT.as_raw());
        match self.last_words().filter(|_| aborted) {
            Some(words) => format!("{status}: {words}"),
            None => status.to_string(),
        }
    }

    /// What the runtime itself printed last: the first of its lines, for a backtrace may follow.
    fn last_words(&self) -> Option<String> {
        let lines = self.tail(TAIL_LINES);
        let lines = lines.iter().rev();
        let lines = lines.map_while(|line| serde_json::from_str::<Value>(line).ok());
        let own = lines.take_while(|line| line["target"] == RUNTIME).last();
        Some(own?["message"].as_str()?.to_owned())
    }

    /// Takes one line.
    pub(crate) fn push(&self, line: &str) {
        let mut inner = self.inner.lock();
        if !line.trim().is_empty() {
            inner.push(line);
        }
    }
}

impl Inner {
    fn push(&mut self, line: &str) {
        // What the runtime itself prints (an abort, an allocator's message) is evidence too.
        let line = if line.starts_with('{') {
            line.to_owned()
        } else {
            wrapped(&self.instance, line)
        };
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line.clone());
        if self.late.is_zero() {
            self.sink.take(&line);
        } else {
            self.waiting.push_back((Instant::now() + self.late, line));
        }
    }

    /// Lets every line arrive whose time has come.
    fn deliver(&mut self, now: Instant) {
        while let Some((_, line)) = self.waiting.pop_front_if(|(due, _)| *due <= now) {
            self.sink.take(&line);
        }
    }
}

impl Drop for Inner {
    /// The record of a run is whole once it is over.
    fn drop(&mut self) {
        for (_, line) in std::mem::take(&mut self.waiting) {
            self.sink.take(&line);
        }
    }
}

/// Lets late lines arrive for as long as there is a log.
async fn deliver(log: Weak<Mutex<Inner>>) {
    loop {
        tokio::time::sleep(DELIVERED_EVERY).await;
        match log.upgrade() {
            Some(log) => log.lock().deliver(Instant::now()),
            None => return,
        }
    }
}

impl Sink {
    fn take(&mut self, line: &str) {
        match self {
            Self::Tail => {}
            Self::File(kept) => kept.write(line),
            Self::Tap(tap) => tap.line(line),
        }
    }
}

impl Kept {
    /// A full disk must not end a drill: a line that cannot be written is lost, the tail still has it.
    fn write(&mut self, line: &str) {
        let length = line.len() as u64 + 1;
        if self.bytes + length > self.most_bytes {
            self.start_over();
        }
        if self.bytes + length <= self.most_bytes && writeln!(self.file, "{line}").is_ok() {
            self.bytes += length;
        }
    }

    fn start_over(&mut self) {
        let older = self.path.with_extension("older.jsonl");
        if std::fs::rename(&self.path, older).is_ok()
            && let Ok(file) = append(&self.path)
        {
            self.file = file;
            self.bytes = 0;
        }
    }
}

fn append(path: &Path) -> anyhow::Result<File> {
    let file = File::options().create(true).append(true).open(path);
    file.with_context(|| format!("log `{}`", path.display()))
}

fn wrapped(instance: &str, line: &str) -> String {
    let timestamp = text::format::rfc3339(OffsetDateTime::now_utc());
    json!({"timestamp": timestamp, "level": "error", "instance": instance, "target": RUNTIME, "message": line})
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_kept_and_foreign_ones_are_wrapped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = LogFile::open(folder.path(), "inventory-1").expect("a log");
        log.drain(&b"{\"message\":\"ready\"}\n\nmemory allocation of 8 bytes failed\n"[..])
            .await;
        let text =
            std::fs::read_to_string(folder.path().join("inventory-1.jsonl")).expect("the log");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"message":"ready"}"#);
        assert!(
            lines[1].contains(r#""message":"memory allocation of 8 bytes failed""#),
            "{text}"
        );
        assert_eq!(lines.len(), 2);
        assert_eq!(log.tail(1), [lines[1]]);
    }

    #[test]
    fn an_abort_is_told_with_its_last_words_and_other_ends_without() {
        let log = LogFile::in_memory("a");
        for line in [
            r#"{"message": "placed an order", "target": "checkout"}"#,
            "memory allocation of 4096 bytes failed",
            "stack backtrace:",
        ] {
            log.push(line);
        }
        let check = |raw: Option<i32>, expected: &str| {
            let said = log.ending(raw.map(ExitStatus::from_raw));
            assert_eq!(said, expected, "{raw:?}");
        };
        let words = "signal: 6 (SIGABRT): memory allocation of 4096 bytes failed";
        check(Some(6), words);
        check(Some(9), "signal: 9 (SIGKILL)");
        check(Some(256), "exit status: 1");
        check(None, "killed");
    }

    #[tokio::test]
    async fn a_log_at_its_bound_starts_over_and_keeps_one_older_part() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log =
            LogFile::bounded(folder.path(), "checkout-1", Duration::ZERO, 1_000).expect("a log");
        let line = format!("{{\"message\":\"{}\"}}\n", "x".repeat(80));
        log.drain(line.repeat(100).as_bytes()).await;
        let sizes: Vec<u64> = std::fs::read_dir(folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").metadata().expect("its size").len())
            .collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| *size <= 1_100), "{sizes:?}");
    }

    #[tokio::test]
    async fn late_lines_arrive_in_their_time_and_at_the_end_of_the_log_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arrived = || {
            let text = std::fs::read_to_string(folder.path().join("checkout-1.jsonl"));
            text.expect("the log").lines().count()
        };
        let late = Duration::from_secs(3_600);
        let log = LogFile::open_late(folder.path(), "checkout-1", late).expect("a log");
        log.push("{\"message\":\"one\"}");
        log.push("{\"message\":\"two\"}");
        log.inner.lock().deliver(Instant::now());
        assert_eq!((arrived(), log.tail(9).len()), (0, 2));
        log.inner.lock().deliver(Instant::now() + late);
        assert_eq!(arrived(), 2);
        log.push("{\"message\":\"three\"}");
        drop(log);
        assert_eq!(arrived(), 3);
    }
}
