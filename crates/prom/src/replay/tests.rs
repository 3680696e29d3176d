use super::*;
use crate::exemplar::ExemplarLabels;
use crate::journal::Journal;
use crate::store::Limits;
use promql::{METRIC_NAME, MatchOp, Matcher, STALE, Series, Source};
use std::sync::Arc;

const SECONDS: i64 = 3 * GROUP_FRAMES as i64;

fn name(text: &str) -> Labels {
    Labels::new([(METRIC_NAME, text), ("service", "checkout")])
}

/// Writes 90 seconds, three groups of frames, of three series.
fn write(folder: &Path) -> Store {
    let journal = Arc::new(Journal::create(folder, 1 << 20).unwrap());
    let store = Store::with_journal(Limits::default(), Arc::clone(&journal));
    for second in 0..SECONDS {
        let mut batch = store.batch();
        let values = [
            ("steady", 5.0),
            ("rising", second as f64),
            ("odd", (second as f64).sin()),
        ];
        for (series, value) in values {
            let id = batch.series(&name(series)).unwrap();
            let is_end = second == 70 && series == "odd";
            let value = if is_end { STALE } else { value };
            batch.append(id, Sample::new(second * 1_000, value));
        }
        drop(batch);
        assert_eq!(journal.flush(), None);
    }
    store
}

fn all(store: &Store) -> Vec<(String, Vec<(i64, u64)>)> {
    let any = Matcher::new(MatchOp::NotEqual, METRIC_NAME, "");
    let mut found: Vec<Series> = store.select(&[any], i64::MIN, i64::MAX);
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    let shown = found.iter().map(|series| {
        let samples = series.samples.iter();
        let bits = samples.map(|sample| (sample.t_ms, sample.value.to_bits()));
        (series.labels.to_string(), bits.collect())
    });
    shown.collect()
}

/// The journal in a folder, read into an empty store.
fn replayed(folder: &Path) -> (Replay, Store) {
    let store = Store::new(Limits::default());
    (replay(folder, &store).unwrap(), store)
}

/// Replays what `spoil` makes of a journal.
fn check(spoil: impl FnOnce(&mut Vec<u8>)) -> (Replay, Store, Store) {
    let folder = tempfile::tempdir().unwrap();
    let written = write(folder.path());
    let path = folder.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    spoil(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    let (found, store) = replayed(folder.path());
    (found, store, written)
}

#[test]
fn a_journal_brings_every_sample_back() {
    let (found, store, written) = check(|_| {});
    assert_eq!(found.losses, Vec::<String>::new());
    assert_eq!(found.samples, 3 * SECONDS as u64);
    assert_eq!(found.to_ms, Some((SECONDS - 1) * 1_000));
    assert_eq!(all(&store), all(&written));
}

#[test]
fn a_journal_brings_every_exemplar_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::create(folder.path(), 1 << 20).unwrap());
    let written = Store::with_journal(Limits::default(), Arc::clone(&journal));
    let traced = [
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("span_id", "b7ad6b7169203331"),
    ];
    for second in 0..SECONDS {
        let mut batch = written.batch();
        for series in ["a", "b"] {
            let id = batch.series(&name(series)).unwrap();
            let sample = Sample::new(second * 1_000, second as f64);
            // One of them has exemplars only.
            if series == "a" {
                batch.append(id, sample);
            }
            let labels = match second % 2 {
                0 => ExemplarLabels::new(traced.into_iter()),
                _ => ExemplarLabels::new([("request", "7")].into_iter()),
            };
            let exemplar = Exemplar {
                labels,
                value: (second as f64).sin(),
                t_ms: second * 1_000 - 400,
            };
            batch.exemplar(id, &exemplar);
        }
        drop(batch);
        assert_eq!(journal.flush(), None);
    }
    let (found, store) = replayed(folder.path());
    assert_eq!(found.losses, Vec::<String>::new());
    let any = vec![vec![Matcher::new(MatchOp::NotEqual, METRIC_NAME, "")]];
    let exemplars = |store: &Store| store.exemplars(&any, i64::MIN, i64::MAX);
    assert_eq!(exemplars(&store), exemplars(&written));
    assert_eq!(store.stats().exemplars, 2 * SECONDS as usize);
    assert_eq!(found.samples, SECONDS as u64);
}

#[test]
fn a_journal_from_before_there_were_exemplars_is_read() {
    let (found, store, written) = check(|bytes| bytes[7] = 1);
    assert_eq!(found.losses, Vec::<String>::new());
    assert_eq!(all(&store), all(&written));
}

#[test]
fn a_torn_end_costs_the_last_frame() {
    let (found, store, _) = check(|bytes| bytes.truncate(bytes.len() - 3));
    assert_eq!(found.losses.len(), 1);
    assert!(found.losses[0].contains("half a frame"), "{found:?}");
    assert_eq!(found.samples, 3 * (SECONDS as u64 - 1));
    assert_eq!(store.stats().series, 3);
}

#[test]
fn damage_costs_at_most_the_rest_of_its_group() {
    let (found, store, _) = check(|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
    });
    assert_eq!(found.losses.len(), 1, "{found:?}");
    assert!(found.losses[0].contains("damaged"), "{found:?}");
    let kept = 3 * 2 * u64::from(GROUP_FRAMES)..3 * SECONDS as u64;
    assert!(kept.contains(&found.samples), "{found:?}");
    assert_eq!(store.stats().max_ms, Some((SECONDS - 1) * 1_000));
}

#[test]
fn a_hole_in_the_file_is_reported_and_passed() {
    let (found, store, _) = check(|bytes| {
        let third = bytes.len() / 3;
        bytes.drain(third..third + 200);
    });
    assert_eq!(found.losses.len(), 1, "{found:?}");
    assert_eq!(store.stats().max_ms, Some((SECONDS - 1) * 1_000));
}

#[test]
fn every_way_to_cut_or_flip_a_journal_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().join(FILE_NAME);
    let sound = std::fs::read(&path).unwrap();
    for at in (frame::MAGIC.len()..sound.len()).step_by(37) {
        std::fs::write(&path, &sound[..at]).unwrap();
        replayed(folder.path());
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, flipped).unwrap();
        let (found, _) = replayed(folder.path());
        assert!(!found.losses.is_empty(), "a flipped bit at {at}");
    }
}

#[test]
fn a_journal_without_its_head_or_anything_else_is_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::write(&path, "").unwrap();
    let (found, _) = replayed(folder.path());
    assert_eq!(found.losses, ["the file is empty: all samples are lost"]);
    write(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..8].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let (found, _) = replayed(folder.path());
    assert_eq!(found.losses.len(), 1, "{:?}", found.losses);
    assert_eq!(found.samples, 3 * SECONDS as u64);
}

#[test]
fn another_kind_of_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), "hello").unwrap();
    let error = replay(folder.path(), &Store::new(Limits::default())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("is not a metrics journal"), "{text}");
}

#[test]
fn a_full_journal_stops_with_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::create(folder.path(), 2_000).unwrap());
    let store = Store::with_journal(Limits::default(), Arc::clone(&journal));
    let mut messages = Vec::new();
    for second in 0..200 {
        let mut batch = store.batch();
        let id = batch.series(&name("a")).unwrap();
        batch.append(id, Sample::new(second * 1_000, (second as f64).cos()));
        drop(batch);
        messages.extend(journal.flush());
    }
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(journal.written() <= 2_000);
    let (found, again) = replayed(folder.path());
    assert_eq!(found.losses, Vec::<String>::new());
    assert!(again.stats().samples > 10);
}

#[test]
fn a_journal_of_a_clock_that_went_back_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::create(folder.path(), 1 << 20).unwrap());
    let store = Store::with_journal(Limits::default(), Arc::clone(&journal));
    for times_s in [5_000..5_004, 1_400..1_404] {
        for t_s in times_s {
            let mut batch = store.batch();
            let id = batch.series(&name("rising")).unwrap();
            batch.append(id, Sample::new(t_s * 1_000, t_s as f64));
        }
        store.turn_back();
    }
    assert_eq!(journal.flush(), None);
    let (_, read) = replayed(folder.path());
    assert_eq!(all(&read), all(&store));
    assert_eq!(read.stats().samples, 8);
}
