//! A run as one file: it opens and is graded the same on a machine that has nothing else, and survives damage; and what
//! a run has recorded survives a kill.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::drills::{self, Case};
use crate::support::{
    Drill, Opened, SOON, children_of, claims, firedrill, kill, refused, value_of, wait_for,
};

/// What the issue says of a kill, plus the time between what was asked last and the kill itself.
const LOST_AT_MOST: Duration = Duration::from_millis(1_500);

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        an_archive_opens_and_grades_the_same_on_another_machine,
        a_kill_of_everything_loses_no_more_than_a_second_or_so,
    ]
}

/// A machine that has nothing but the archive.
struct Elsewhere {
    state: tempfile::TempDir,
    file: PathBuf,
}

impl Elsewhere {
    fn new(archive: &Path) -> Self {
        let state = tempfile::tempdir().expect("a temporary state folder");
        let file = state.path().join("sent.tar.gz");
        std::fs::copy(archive, &file).expect("a copy of the archive");
        Self { state, file }
    }

    fn file(&self) -> &str {
        self.file.to_str().expect("a path")
    }

    fn cli(&self, args: &[&str]) -> Output {
        let mut command = firedrill(self.state.path());
        command.args(args).stdin(Stdio::null());
        command.output().expect("the binary under test starts")
    }

    /// Opens it for as long as `look` takes; what `open` says on standard error comes back.
    fn open(&self, look: impl FnOnce(&Opened)) -> String {
        let opened = Opened::start(self.state.path(), self.file());
        look(&opened);
        let said = opened.end();
        let opened = self.state.path().join("opened");
        let left = std::fs::read_dir(opened).expect("a folder").flatten();
        let left: Vec<_> = left.filter(|entry| entry.path().is_dir()).collect();
        assert!(left.is_empty(), "it is not cleaned up: {left:?}");
        said
    }

    /// Changes the file, as a disk or a transfer would.
    fn damage(&self, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(&self.file).expect("the archive");
        damage(&mut bytes);
        std::fs::write(&self.file, bytes).expect("the archive");
    }
}

/// The time of the newest sample, in seconds since 1970, asked at an instant shortly after the last one.
fn newest_sample(prometheus: &str, at: f64) -> Option<f64> {
    value_of(
        prometheus,
        "max(timestamp(up))",
        &[("time", &at.to_string())],
    )
}

fn an_archive_opens_and_grades_the_same_on_another_machine() {
    let case = Case::of("error-spike");
    let mut drill = drills::start(case, &[]);
    let graded = drills::to_verdict(case, "right", &mut drill, |_| {});
    let archive = packed(&drill);
    let there = Elsewhere::new(&archive);
    let said = there.open(|opened| {
        assert_eq!(opened.services(), 3);
        let prometheus = opened.url("prometheus");
        let page = graded.verdict["run"].as_str().map(|_| drill_page(&drill));
        let at = page.expect("a page");
        assert!(
            newest_sample(prometheus, at).is_some(),
            "samples at the page"
        );
    });
    assert!(!said.contains("damaged"), "{said}");
    let grade = |there: &Elsewhere| {
        let report = drill.folder().join("report.md");
        let report = report.to_str().expect("a path");
        let output = there.cli(&["submit", report, "--run", there.file(), "--json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, said)
    };
    let (output, said) = grade(&there);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let submitted: Value = serde_json::from_slice(&output.stdout).expect("a verdict");
    let differs = drills::differences(&graded.verdict, &submitted["verdict"]);
    assert!(differs.is_empty(), "{differs:#?}");
    the_record_is_there(&there);
    damaged(&archive, grade);
}

/// The archive of a run that is over, beside its state.
fn packed(drill: &Drill) -> PathBuf {
    let file = drill.state().join("run.tar.gz");
    let path = file.to_str().expect("a path");
    let run = drill.ready["run"].as_str().expect("a run id");
    let packed = drill.json(&["pack", run, path]);
    assert_eq!(packed["run"], run);
    assert!(packed["files"].as_u64() > Some(5), "{packed}");
    // It is not replaced unasked.
    drill.refuses(&["pack", run, path], &[]);
    file
}

/// When it was paged, in seconds since 1970.
fn drill_page(drill: &Drill) -> f64 {
    let page = drill.seen.iter().find(|event| event["event"] == "page");
    let at = page.and_then(|page| page["at"].as_str()).expect("a page");
    seconds(OffsetDateTime::parse(at, &Rfc3339).expect("a time"))
}

fn seconds(at: OffsetDateTime) -> f64 {
    at.unix_timestamp_nanos() as f64 / 1e9
}

/// Commands that read a run's record take the file, too.
fn the_record_is_there(there: &Elsewhere) {
    for (args, expected) in [
        (vec!["debrief", "--no-serve"], "Your write-up: passed"),
        (vec!["logs", "--level", "error"], "checkout"),
        (vec!["deploys"], "rollback"),
        (vec!["config", "show", "checkout"], "outbox.concurrency"),
    ] {
        let args = [args, vec!["--run", there.file()]].concat();
        let output = there.cli(&args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains(expected),
            "{args:?}: {said}"
        );
    }
}

/// Three kinds of damage, and a file that is none.
fn damaged(archive: &Path, grade: impl Fn(&Elsewhere) -> (Output, String)) {
    let there = Elsewhere::new(archive);
    there.damage(|bytes| bytes.truncate(bytes.len() * 2 / 3));
    let said = there.open(|opened| assert_eq!(opened.services(), 3));
    assert!(
        said.contains("is damaged") && said.contains("bytes"),
        "cut short: {said}"
    );

    let there = Elsewhere::new(archive);
    there.damage(|bytes| {
        // A stretch in the middle, and the begin.
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40_000].fill(0x5a);
        bytes[..4096].fill(0);
    });
    let said = there.open(|opened| assert_eq!(opened.services(), 3));
    assert!(
        said.contains("is damaged") && said.contains(" of "),
        "overwritten: {said}"
    );
    let (output, said) = grade(&there);
    assert!(matches!(output.status.code(), Some(0 | 10)), "{said}");
    assert!(said.contains("is damaged"), "{said}");

    let there = Elsewhere::new(archive);
    there.damage(|bytes| {
        let length = bytes.len() - 1_000;
        bytes.truncate(length);
    });
    let said = there.open(|opened| assert_eq!(opened.services(), 3));
    assert!(said.contains("is damaged"), "a torn last page: {said}");

    let there = Elsewhere::new(archive);
    there.damage(|bytes| bytes.fill(b'x'));
    let args = ["open", there.file(), "--ports", "auto"];
    refused(
        there.state.path(),
        &args,
        2,
        &["is not the archive of a run"],
    );
}

fn a_kill_of_everything_loses_no_more_than_a_second_or_so() {
    let mut drill = Drill::start(&["up", "--seed", "6"]);
    let journal = drill.folder().join("metrics.lz4");
    let began = Instant::now();
    wait_for("some seconds of evidence", SOON, || {
        let size = std::fs::metadata(&journal).ok()?.len();
        (size > 10_000 && began.elapsed() > Duration::from_secs(5)).then_some(())
    });
    let prometheus = drill.url("prometheus").to_owned();
    let now = seconds(OffsetDateTime::now_utc());
    let newest = newest_sample(&prometheus, now).expect("a sample");
    let children = children_of(drill.pid());
    drill.kill();
    // None of them gets to write what it still has.
    children.into_iter().for_each(kill);
    let there = Elsewhere::new(&packed(&drill));
    let mut kept = 0.0;
    there.open(|opened| {
        assert_eq!(opened.services(), 3);
        let prometheus = opened.url("prometheus");
        kept = newest_sample(prometheus, now).expect("a sample");
    });
    let lost = newest - kept;
    assert!(lost <= LOST_AT_MOST.as_secs_f64(), "{lost} s are lost");
    let logs = there.cli(&["logs", "--run", there.file(), "--limit", "1", "--json"]);
    let line: Value = serde_json::from_slice(&logs.stdout).expect("a log line");
    let at = line["timestamp"].as_str().expect("a time");
    let last = seconds(OffsetDateTime::parse(at, &Rfc3339).expect("a time"));
    assert!(
        now - last <= 2.0,
        "the last log line is of {} s before",
        now - last
    );
}
