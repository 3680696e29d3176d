//! A folder goes into an archive and comes out again, whole or with what is missing told.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use super::label::Label;
use super::{BLOCK, Error, MOST_BYTES, STRETCH_BYTES, pack, unpack};

/// A run folder with something of every kind in it.
fn run() -> TempDir {
    let run = tempfile::tempdir().expect("a temporary folder");
    put(run.path(), "run.json", br#"{"run":"19700101-000000-00ab"}"#);
    put(run.path(), "queries.jsonl", b"");
    put(run.path(), "logs/checkout-1.jsonl", &lines(0..20_000));
    put(run.path(), "heap/after.pb.gz", &noise(9, 300_000));
    put(run.path(), "traces.otlp.lz4", &noise(5, 700_000));
    put(run.path(), "metrics.lz4", &noise(7, 50_000));
    put(run.path(), "scratch/shop.db", b"a database");
    put(run.path(), "facts.next", b"half of it");
    std::os::unix::fs::symlink("/etc/hostname", run.path().join("link")).expect("a link");
    run
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    std::fs::write(path, bytes).expect("file");
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

/// The files that belong to the record.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).expect("folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).expect("inside");
            let name = name.display().to_string();
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() && name != "scratch" {
                left.push(path);
            } else if kind.is_file() && !name.ends_with(".next") && name != "contents.json" {
                found.insert(name, std::fs::read(path).expect("file"));
            }
        }
    }
    found
}

fn packed(run: &TempDir, beside: &TempDir) -> PathBuf {
    let file = beside.path().join("run.tar.gz");
    let packed = pack(run.path(), &file).expect("an archive");
    assert_eq!(packed.files, 6);
    assert_eq!(packed.bytes, std::fs::metadata(&file).expect("file").len());
    file
}

/// Damages an archive, unpacks it, and hands over what is missing and what is there.
fn damaged(damage: impl FnOnce(&mut Vec<u8>)) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let (run, beside) = (run(), tempfile::tempdir().expect("a temporary folder"));
        std::fs::read(packed(&run, &beside)).expect("archive")
    });
    let beside = tempfile::tempdir().expect("a temporary folder");
    let file = beside.path().join("sent");
    let mut bytes = SOUND.clone();
    damage(&mut bytes);
    std::fs::write(&file, bytes).expect("archive");
    opened(&file)
}

fn opened(file: &Path) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    let into = tempfile::tempdir().expect("a temporary folder");
    let losses = unpack(file, into.path()).expect("it opens");
    let losses = losses.iter().map(ToString::to_string).collect();
    (losses, contents(into.path()))
}

/// Every line that is there is one that was written.
fn are_sound(log: &[u8]) -> bool {
    let all = lines(0..20_000);
    let all: std::collections::BTreeSet<&[u8]> =
        all.split_inclusive(|byte| *byte == b'\n').collect();
    log.split_inclusive(|byte| *byte == b'\n')
        .all(|line| all.contains(line))
}

#[test]
fn what_went_in_comes_out() {
    let (losses, there) = damaged(|_| {});
    assert_eq!(losses, Vec::<String>::new());
    assert!(there == contents(run().path()), "{:?}", there.keys());
}

#[test]
fn a_tar_program_unpacks_it_too() {
    let (run, beside) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = std::fs::File::open(packed(&run, &beside)).expect("archive");
    let into = tempfile::tempdir().expect("a temporary folder");
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
    archive.unpack(into.path()).expect("it is a tar file");
    let folder = into.path().join(crate::run_of(run.path()));
    assert!(contents(&folder) == contents(run.path()));
}

#[test]
fn an_archive_cut_short_opens_with_what_came_before() {
    let (losses, left) = damaged(|bytes| bytes.truncate(bytes.len() * 2 / 3));
    let traces = left["traces.otlp.lz4"].len();
    assert_eq!(
        losses,
        [format!(
            "`traces.otlp.lz4`: {} of 700000 bytes, in 1 place",
            700_000 - traces
        )]
    );
    assert!(left["logs/checkout-1.jsonl"] == lines(0..20_000));
    assert!(noise(5, 700_000).starts_with(&left["traces.otlp.lz4"]) && traces > 0);
    let (losses, _) = damaged(|bytes| bytes.truncate(bytes.len() / 2));
    assert!(
        losses.contains(&"`traces.otlp.lz4`: all of it, 700000 bytes".to_owned()),
        "{losses:?}"
    );
}

#[test]
fn a_torn_end_costs_nothing_and_a_torn_begin_neither() {
    let whole = contents(run().path());
    for damage in [
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 200),
        |bytes: &mut Vec<u8>| bytes[..100].fill(0),
    ] {
        let (losses, left) = damaged(damage);
        assert_eq!(losses, Vec::<String>::new());
        assert!(left == whole);
    }
}

#[test]
fn flipped_bytes_anywhere_cost_little_and_are_told() {
    let whole = contents(run().path());
    for part in 0..40 {
        let mut at = 0;
        let (losses, left) = damaged(|bytes| {
            at = bytes.len() * part / 40;
            bytes[at] ^= 0x5a;
        });
        let lost: usize = whole
            .iter()
            .map(|(name, bytes)| bytes.len() - left.get(name).map_or(0, Vec::len))
            .sum();
        assert!(lost <= STRETCH_BYTES, "at {at}: {lost} bytes");
        assert_eq!(lost == 0, losses.is_empty(), "at {at}: {losses:?}");
        assert!(are_sound(&left["logs/checkout-1.jsonl"]), "at {at}");
    }
}

#[test]
fn what_is_no_archive_is_refused_and_another_format_is_named() {
    let beside = tempfile::tempdir().expect("a temporary folder");
    let file = beside.path().join("sent");
    let check = |bytes: &[u8], expected: &str| {
        std::fs::write(&file, bytes).expect("file");
        let into = tempfile::tempdir().expect("a temporary folder");
        let error = unpack(&file, into.path()).expect_err("refused");
        assert!(error.to_string().ends_with(expected), "{error}");
    };
    check(b"", "is not the archive of a run");
    check(b"a text", "is not the archive of a run");
    check(&vec![b'x'; 100_000], "is not the archive of a run");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"something else").expect("memory");
    check(
        &gzip.finish().expect("memory"),
        "is not the archive of a run",
    );
    check(
        &member("contents.json", 0, br#"{"format":9,"files":[]}"#),
        "has format 9, and this firedrill reads format 1",
    );
}

/// A made-up member.
fn member(name: &str, offset: u64, stretch: &[u8]) -> Vec<u8> {
    let label = Label {
        name: name.to_owned(),
        offset,
        length: stretch.len() as u64,
        bytes: offset + stretch.len() as u64,
    };
    let header = vec![0; if offset == 0 { BLOCK } else { 0 }];
    label
        .member(&[&header, stretch].concat())
        .expect("a member")
}

#[test]
fn names_that_lead_out_of_the_folder_are_left_out() {
    let beside = tempfile::tempdir().expect("a temporary folder");
    let file = beside.path().join("sent");
    let mut bytes = member("contents.json", 0, br#"{"format":1,"files":[]}"#);
    for name in ["../out", "/tmp/firedrill-out", "a/../../out", "", "a\nb"] {
        bytes.extend(member(name, 0, b"x"));
    }
    bytes.extend(member("in", 0, b"x"));
    std::fs::write(&file, bytes).expect("file");
    let (losses, there) = opened(&file);
    assert_eq!(losses, Vec::<String>::new());
    assert_eq!(there.into_keys().collect::<Vec<_>>(), ["in"]);
    assert!(!beside.path().join("out").exists());
}

#[test]
fn an_archive_that_claims_more_than_any_run_has_fills_no_disk() {
    let beside = tempfile::tempdir().expect("a temporary folder");
    let file = beside.path().join("sent");
    // A stretch far behind the others takes no room, and one that is longer than any is left out.
    let far = member("far", MOST_BYTES * 4, b"x");
    let long = member("long", 0, &vec![0; STRETCH_BYTES + 1]);
    std::fs::write(&file, [far, long].concat()).expect("file");
    let (losses, there) = opened(&file);
    assert_eq!(
        there.into_iter().collect::<Vec<_>>(),
        [("far".to_owned(), b"x".to_vec())]
    );
    assert_eq!(losses.len(), 2, "{losses:?}");
    let many: Vec<u8> = (0..super::MOST_FILES + 1)
        .flat_map(|number| member(&number.to_string(), 0, b""))
        .collect();
    std::fs::write(&file, many).expect("file");
    let into = tempfile::tempdir().expect("a temporary folder");
    let refused = unpack(&file, into.path());
    assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
}

#[test]
fn an_archive_is_there_when_it_is_complete() {
    let (run, beside) = (run(), tempfile::tempdir().expect("a temporary folder"));
    let file = beside.path().join("run.tar.gz");
    std::fs::create_dir(&file).expect("a folder in the way");
    assert!(matches!(pack(run.path(), &file), Err(Error::File { .. })));
    let left = std::fs::read_dir(beside.path()).expect("folder").count();
    assert_eq!(left, 1, "nothing is left beside it");
}
