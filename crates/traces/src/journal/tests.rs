//! What was journalled comes back, and as much as possible of it when the file was damaged.

use std::path::Path;

use prost::Message as _;

use super::*;
use crate::shop;

fn frame_of(first: u64) -> Bytes {
    shop::request(first, 2, 0).encode_to_vec().into()
}

/// A journal of three frames in `folder`; says where each ends.
fn three_frames(folder: &Path) -> Vec<u64> {
    let size = || {
        std::fs::metadata(folder.join(FILE_NAME))
            .expect("the file is there")
            .len()
    };
    (0..3)
        .map(|number| {
            let journal = Journal::open(folder, u64::MAX).expect("opened");
            journal.append(frame_of(number * 10));
            journal.append(frame_of(number * 10 + 5));
            drop(journal);
            size()
        })
        .collect()
}

fn replayed(folder: &Path) -> (Replay, Vec<Vec<u8>>) {
    let mut firsts = Vec::new();
    let result = replay(folder, |request| firsts.push(request.encode_to_vec()));
    (result.expect("the file can be read"), firsts)
}

#[test]
fn everything_comes_back_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    three_frames(folder.path());
    let (result, requests) = replayed(folder.path());
    let expected: Vec<Vec<u8>> = [0, 5, 10, 15, 20, 25]
        .map(|first| frame_of(first).to_vec())
        .into();
    assert_eq!(requests, expected);
    let sound = Replay {
        requests: 6,
        spans: 6 * 2 * shop::SPANS as u64,
        ..Replay::default()
    };
    assert_eq!(result, sound);
}

#[test]
fn damage_costs_only_the_frames_it_hits() {
    type Damage = fn(&mut Vec<u8>, &[u64]);
    let cut_in_the_last: Damage = |file, ends| file.truncate(ends[2] as usize - 9);
    let cut_after_one: Damage = |file, ends| file.truncate(ends[1] as usize);
    let a_byte: Damage = |file, ends| file[ends[0] as usize + 200] ^= 0x55;
    let zeros: Damage = |file, ends| file[ends[0] as usize..ends[1] as usize].fill(0);
    let text_before: Damage = |file, _| drop(file.splice(0..0, *b"hello"));
    let only_text: Damage = |file, _| *file = b"hello".to_vec();
    let cases = [
        ("cut in the last frame", cut_in_the_last, 4, 1),
        ("cut after a frame", cut_after_one, 4, 0),
        ("a byte of the second frame", a_byte, 4, 1),
        ("zeros over the second frame", zeros, 4, 1),
        ("text before everything", text_before, 6, 1),
        ("nothing but text", only_text, 0, 1),
    ];
    for (what, damage, requests, places) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let ends = three_frames(folder.path());
        let path = folder.path().join(FILE_NAME);
        let mut file = std::fs::read(&path).expect("read");
        damage(&mut file, &ends);
        std::fs::write(&path, file).expect("written");
        let (result, loaded) = replayed(folder.path());
        let found = (loaded.len(), result.damage.len());
        assert_eq!(found, (requests, places), "{what}: {result:?}");
        assert_eq!(result.lost_bytes > 0, places > 0, "{what}: {result:?}");
    }
}

#[test]
fn a_journal_at_its_limit_stops_and_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 100).expect("opened");
    let shared = journal.shared.clone();
    journal.append(frame_of(0));
    drop(journal);
    assert_eq!(shared.lost.load(Ordering::Relaxed), 1);
    assert_eq!(replayed(folder.path()).0, Replay::default());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_journal_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink("/dev/full", folder.path().join(FILE_NAME)).expect("linked");
    let journal = Journal::open(folder.path(), u64::MAX).expect("opened");
    let shared = journal.shared.clone();
    journal.append(frame_of(0));
    drop(journal);
    let stopped = shared.stopped.load(Ordering::Relaxed);
    assert_eq!((stopped, shared.lost.load(Ordering::Relaxed)), (true, 1));
}

#[test]
fn a_missing_journal_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = replay(folder.path(), |_| {}).expect_err("there is none");
    assert!(error.to_string().contains(FILE_NAME), "{error}");
}
