//! A folder goes into a capsule and comes out again, whole or with what is lost told.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::mirror::{Mirror, PIECE_BYTES};
use super::place::Opened;
use super::row::Row;
use super::schema::PAGE_BYTES;
use super::{FILE_NAME, Writer, complete, salvage};
use crate::error::Error;

/// A run folder with something of every kind in it.
fn run() -> TempDir {
    let run = tempfile::tempdir().expect("a temporary folder");
    put(run.path(), "run.json", br#"{"run":"19700101-000000-00ab"}"#);
    put(run.path(), "actions.jsonl", b"");
    put(run.path(), "logs/checkout-1.jsonl", &lines(0..2_000));
    put(run.path(), "heap/after.pb.gz", &noise(9, 300_000));
    put(run.path(), "traces.otlp.lz4", &noise(5, 700_000));
    put(run.path(), "metrics.lz4", &noise(7, 50_000));
    put(run.path(), "scratch/shop.db", b"a database");
    run
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    std::fs::write(path, bytes).expect("file");
}

fn append(folder: &Path, name: &str, bytes: &[u8]) {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(folder.join(name))
        .expect("file");
    file.write_all(bytes).expect("write");
}

fn lines(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let line = |number| {
        format!(
            "{{\"timestamp\":\"1970-01-01T00:00:00Z\",\"level\":\"info\",\"message\":\"line {number}\"}}\n"
        )
    };
    numbers.map(line).collect::<String>().into_bytes()
}

/// Bytes that do not repeat, from a generator that does.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).expect("folder").flatten() {
            let path = entry.path();
            let name = path
                .strip_prefix(folder)
                .expect("inside")
                .display()
                .to_string();
            if path.is_dir() && name != "scratch" {
                left.push(path);
            } else if path.is_file() && !name.starts_with(FILE_NAME) {
                found.insert(name, std::fs::read(path).expect("file"));
            }
        }
    }
    found
}

/// The capsule of a folder as it is left at the end of a run.
fn capsule(run: &Path) -> PathBuf {
    let file = run.join(FILE_NAME);
    Mirror::create(run, &file)
        .expect("a capsule")
        .finish()
        .expect("all of it");
    file
}

fn open(file: &Path, state: &TempDir) -> Opened {
    Opened::unpack(file, state.path()).expect("it opens")
}

#[test]
fn what_went_in_comes_out() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = capsule(run.path());
    let opened = open(&file, &state);
    assert_eq!(opened.losses, Vec::<String>::new());
    assert_eq!(contents(&opened.folder()), contents(run.path()));
    assert!(
        opened.folder().ends_with("19700101-000000-00ab"),
        "its own name"
    );
    let beside = std::fs::read_dir(run.path()).expect("folder").flatten();
    let beside = beside.filter(|entry| entry.file_name().to_string_lossy().starts_with(FILE_NAME));
    assert_eq!(beside.count(), 1, "one file a run");
    let place = opened.folder();
    drop(opened);
    assert!(!place.exists(), "it goes away");
}

#[test]
fn every_sweep_takes_what_is_new_and_follows_what_is_renamed() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let (folder, file) = (run.path(), run.path().join(FILE_NAME));
    let mut mirror = Mirror::create(folder, &file).expect("a capsule");
    let mut check = |what: &str| {
        mirror.sweep(false).expect("a sweep");
        // The file alone, as somebody would copy it away, or a kill would leave it.
        let alone = state.path().join("alone.sqlite");
        std::fs::copy(&file, &alone).expect("a copy");
        let opened = open(&alone, &state);
        assert_eq!(opened.losses, Vec::<String>::new(), "{what}");
        assert!(contents(&opened.folder()) == contents(folder), "{what}");
    };
    check("at first");
    append(folder, "logs/checkout-1.jsonl", &lines(2_000..2_100));
    append(folder, "traces.otlp.lz4", &noise(6, 1_000));
    append(folder, "actions.jsonl", b"{\"at\":\"1970\"}\n");
    check("after growth");
    put(
        folder,
        "run.json",
        br#"{"run":"19700101-000000-00ab","ended":"1970"}"#,
    );
    put(folder, "verdict.json", br#"{"score":70}"#);
    check("after a file was replaced");
    let log = folder.join("logs/checkout-1.jsonl");
    std::fs::rename(&log, log.with_extension("older.jsonl")).expect("rotated");
    put(folder, "logs/checkout-1.jsonl", &lines(3_000..3_010));
    check("after a log was rotated");
    std::fs::rename(&log, log.with_extension("older.jsonl")).expect("rotated");
    put(folder, "logs/checkout-1.jsonl", &lines(4_000..4_001));
    check("after it was rotated once more");
    std::fs::remove_file(folder.join("heap/after.pb.gz")).expect("removed");
    check("after a file was removed");
}

#[test]
fn half_a_line_waits_for_its_end_and_is_kept_at_the_last() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let (folder, file) = (run.path(), run.path().join(FILE_NAME));
    append(folder, "actions.jsonl", b"{\"at\":");
    let mut mirror = Mirror::create(folder, &file).expect("a capsule");
    mirror.sweep(false).expect("a sweep");
    let opened = open(&file, &state);
    assert_eq!(contents(&opened.folder())["actions.jsonl"], b"");
    mirror.finish().expect("all of it");
    let opened = open(&file, &state);
    assert_eq!(contents(&opened.folder())["actions.jsonl"], b"{\"at\":");
}

#[test]
fn a_full_capsule_takes_no_more_and_says_so() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = run.path().join(FILE_NAME);
    let mirror = Mirror::bounded(run.path(), &file, 600_000).expect("a capsule");
    mirror.finish().expect("all that fits");
    let opened = open(&file, &state);
    assert_eq!(
        opened.losses,
        ["`traces.otlp.lz4`: 700000 bytes were left out, for the capsule was full"]
    );
}

#[test]
fn a_question_in_sql_is_answered() {
    let run = run();
    put(run.path(), "verdict.json", br#"{"score":70}"#);
    let capsule = Connection::open(capsule(run.path())).expect("a database");
    let ask = |question: &str| -> String {
        capsule
            .query_row(question, [], |row| row.get(0))
            .expect("an answer")
    };
    assert_eq!(ask("SELECT message FROM logs LIMIT 1 OFFSET 7"), "line 7");
    assert_eq!(
        ask(
            "SELECT CAST(json_extract(content, '$.score') AS TEXT) FROM files WHERE name = 'verdict.json'"
        ),
        "70"
    );
}

#[test]
fn a_salvage_of_a_sound_capsule_finds_every_row_and_no_other() {
    let run = run();
    let file = capsule(run.path());
    let database = Connection::open(&file).expect("a database");
    let count = |table: &str| -> i64 {
        database
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .expect("a count")
    };
    let mut found = [0; 4];
    salvage::rows(&File::open(&file).expect("file"), |row| {
        found[match row {
            Row::Line { .. } => 0,
            Row::Piece { .. } => 1,
            Row::File { .. } => 2,
            Row::Taken { .. } => 3,
        }] += 1;
        Ok(())
    })
    .expect("read");
    assert_eq!(found, ["lines", "pieces", "files", "taken"].map(count));
}

/// Damages a capsule, opens it, and hands over what is there of it.
fn damaged(damage: impl FnOnce(&mut Vec<u8>)) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = capsule(run.path());
    let mut bytes = std::fs::read(&file).expect("capsule");
    damage(&mut bytes);
    std::fs::write(&file, bytes).expect("capsule");
    let opened = open(&file, &state);
    (opened.losses.clone(), contents(&opened.folder()))
}

/// Every line that is there is one that was written.
fn are_sound(log: &[u8]) -> bool {
    let all = lines(0..2_000);
    let all: std::collections::BTreeSet<&[u8]> =
        all.split_inclusive(|byte| *byte == b'\n').collect();
    log.split_inclusive(|byte| *byte == b'\n')
        .all(|line| all.contains(line))
}

#[test]
fn a_capsule_cut_short_opens_with_what_came_before() {
    let (losses, left) = damaged(|bytes| bytes.truncate(bytes.len() / 2));
    assert!(!losses.is_empty());
    let log = &left["logs/checkout-1.jsonl"];
    assert!(
        log.len() > 10_000 && are_sound(log),
        "{} bytes, {losses:?}",
        log.len()
    );
}

#[test]
fn a_torn_last_page_costs_what_was_on_it() {
    let (losses, left) = damaged(|bytes| {
        let length = bytes.len() - PAGE_BYTES / 2;
        bytes.truncate(length);
    });
    assert_eq!(losses.len(), 1, "{losses:?}");
    let whole = contents(run().path());
    let differing: Vec<&String> = whole
        .keys()
        .filter(|name| left.get(*name) != whole.get(*name))
        .collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
}

#[test]
fn flipped_bytes_anywhere_cost_little_and_are_told() {
    let sound = {
        let run = run();
        std::fs::read(capsule(run.path())).expect("capsule")
    };
    for page in (0..sound.len() / PAGE_BYTES).step_by(29) {
        let (losses, left) = damaged(|bytes| {
            let start = page * PAGE_BYTES;
            bytes[start..start + PAGE_BYTES].fill(0xa5);
        });
        // A page that holds nothing but branches costs nothing at all.
        let lost: usize = contents(run().path())
            .iter()
            .map(|(name, bytes)| {
                bytes
                    .len()
                    .saturating_sub(left.get(name).map_or(0, Vec::len))
            })
            .sum();
        assert!(lost == 0 || !losses.is_empty(), "page {page}: {lost} bytes");
        assert!(are_sound(&left["logs/checkout-1.jsonl"]), "page {page}");
        let journal = &left["traces.otlp.lz4"];
        let differing = noise(5, 700_000)
            .chunks(PIECE_BYTES)
            .zip(journal.chunks(PIECE_BYTES))
            .filter(|(a, b)| a != b)
            .count();
        assert!(
            differing <= 2,
            "page {page}: {differing} pieces differ: {losses:?}"
        );
    }
}

#[test]
fn one_flipped_bit_in_a_line_is_noticed() {
    let (losses, left) = damaged(|bytes| {
        let needle = b"line 1234";
        let at = bytes
            .windows(needle.len())
            .position(|window| window == needle)
            .expect("the line");
        bytes[at + 8] ^= 1;
    });
    assert_eq!(
        losses,
        ["`logs/checkout-1.jsonl`: 74 of 146890 bytes, in 1 place"]
    );
    assert!(are_sound(&left["logs/checkout-1.jsonl"]));
}

#[test]
fn the_first_page_may_be_gone() {
    let (losses, left) = damaged(|bytes| bytes[..PAGE_BYTES].fill(0));
    assert_eq!(losses, Vec::<String>::new());
    assert!(left == contents(run().path()));
}

#[test]
fn what_is_no_capsule_is_refused_and_another_version_is_named() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let file = state.path().join("some.sqlite");
    let check = |make: &dyn Fn(&Path), expected: &str| {
        let _ = std::fs::remove_file(&file);
        make(&file);
        let error = Opened::unpack(&file, &state.path().join("opened")).expect_err("refused");
        assert!(
            error
                .downcast_ref::<Error>()
                .is_some_and(|error| error.exit_code() == 2),
            "{error:#}"
        );
        assert!(error.to_string().contains(expected), "{error:#}");
    };
    check(
        &|file| std::fs::write(file, "a text").expect("file"),
        "is not the capsule of a run",
    );
    check(
        &|file| std::fs::write(file, "").expect("file"),
        "is not the capsule of a run",
    );
    let other = |file: &Path| {
        let other = Connection::open(file).expect("a database");
        other
            .execute_batch("CREATE TABLE lines (a, b); INSERT INTO lines VALUES (1, 2)")
            .expect("a table");
    };
    check(&other, "is not the capsule of a run");
    let newer = |file: &Path| {
        let newer = Connection::open(file).expect("a database");
        newer.execute_batch("PRAGMA application_id = 0x46447243; PRAGMA user_version = 9; CREATE TABLE rows (a)").expect("a table");
    };
    check(
        &newer,
        "was written by a newer firedrill: its tables are version 9, this one reads 1",
    );
}

#[test]
fn names_that_lead_out_of_the_folder_are_left_out() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = capsule(run.path());
    let database = Connection::open(&file).expect("a database");
    for name in ["../../out", "/tmp/firedrill-out", "a/../../out", ""] {
        let row = Row::File {
            name: name.to_owned(),
            content: b"x".to_vec(),
        };
        database
            .execute(
                "INSERT INTO files (name, content, checksum) VALUES (?1, 'x', ?2)",
                (name, row.checksum()),
            )
            .expect("a row");
    }
    drop(database);
    let opened = open(&file, &state);
    assert_eq!(
        opened.losses,
        ["4 rows name no file of a run and were left out"]
    );
    assert!(contents(&opened.folder()) == contents(run.path()));
}

#[test]
fn a_place_whose_process_is_gone_is_removed_by_the_next() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = capsule(run.path());
    let left = state.path().join("left");
    put(&left, "lock", b"");
    put(&left, "run/run.json", b"{}");
    let held = open(&file, &state);
    let second = open(&file, &state);
    assert!(!left.exists());
    assert!(held.folder().exists() && second.folder().exists());
}

#[test]
fn a_capsule_whose_writer_was_killed_is_completed_from_the_folder() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let (folder, file) = (run.path(), run.path().join(FILE_NAME));
    let mut mirror = Mirror::create(folder, &file).expect("a capsule");
    mirror.sweep(false).expect("a sweep");
    append(folder, "logs/checkout-1.jsonl", &lines(2_000..2_100));
    std::mem::forget(mirror); // Neither finished nor closed.
    assert!(folder.join(format!("{FILE_NAME}-wal")).exists());
    complete(folder).expect("completed");
    assert!(!folder.join(format!("{FILE_NAME}-wal")).exists());
    let opened = open(&file, &state);
    assert_eq!(opened.losses, Vec::<String>::new());
    assert!(contents(&opened.folder()) == contents(folder));
}

#[test]
fn the_writer_takes_the_last_of_it() {
    let (run, state) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let writer = Writer::start(run.path()).expect("a writer");
    append(run.path(), "logs/checkout-1.jsonl", &lines(2_000..2_100));
    writer.finish().expect("all of it");
    let opened = open(&run.path().join(FILE_NAME), &state);
    assert!(contents(&opened.folder()) == contents(run.path()));
}
