use super::*;
use crate::promql::{STALE, is_stale};

fn labels(text: &str) -> Labels {
    Labels::new(text.split(',').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    }))
}

fn write(
    store: &Store,
    series: &str,
    samples: impl IntoIterator<Item = (i64, f64)>,
) -> Vec<Append> {
    let mut batch = store.batch();
    let id = batch.series(&labels(series)).unwrap();
    let samples = samples.into_iter();
    samples
        .map(|(t_ms, value)| batch.append(id, Sample { t_ms, value }))
        .collect()
}

fn selector(text: &str) -> Vec<Matcher> {
    crate::promql::selector(text).unwrap()
}

fn found(store: &Store, text: &str) -> Vec<String> {
    let mut found: Vec<String> = store
        .select(&selector(text), i64::MIN, i64::MAX)
        .into_iter()
        .map(|series| series.labels.to_string())
        .collect();
    found.sort();
    found
}

#[test]
fn matchers_select_as_in_prometheus() {
    let store = Store::new(Limits::default());
    write(&store, "__name__=up,job=a,zone=x", [(1, 1.0)]);
    write(&store, "__name__=up,job=b", [(1, 1.0)]);
    write(&store, "__name__=down,job=ab", [(1, 1.0)]);
    let all = [
        "down{job=\"ab\"}",
        "up{job=\"a\", zone=\"x\"}",
        "up{job=\"b\"}",
    ];
    let check = |selector: &str, expected: &[usize]| {
        let expected: Vec<String> = expected.iter().map(|at| all[*at].to_owned()).collect();
        assert_eq!(found(&store, selector), expected, "{selector}");
    };
    check("up", &[1, 2]);
    check("up{job=\"a\"}", &[1]);
    check("{job=~\"a.*\"}", &[0, 1]);
    // Expressions are anchored at both ends.
    check("{job=~\"a\"}", &[1]);
    check("up{job!=\"a\"}", &[2]);
    check("up{job!~\"a|b\"}", &[]);
    check("up{zone=\"\"}", &[2]);
    check("up{zone!=\"\"}", &[1]);
    check("{job=~\".+\",zone=~\"x?\"}", &[0, 1, 2]);
    check("up{absent=\"x\"}", &[]);
}

#[test]
fn late_and_double_samples_are_turned_away() {
    let store = Store::new(Limits::default());
    let outcomes = write(
        &store,
        "__name__=a",
        [(10, 1.0), (10, 1.0), (10, 2.0), (9, 1.0), (11, 1.0)],
    );
    let expected = [
        Append::Stored,
        Append::Same,
        Append::Conflict,
        Append::OutOfOrder,
        Append::Stored,
    ];
    assert_eq!(outcomes, expected);
    let counts = store.stats().counts;
    assert_eq!(
        (counts.stored, counts.conflicting, counts.out_of_order),
        (2, 1, 1)
    );
}

#[test]
fn samples_come_back_within_the_bounds_across_chunks() {
    let store = Store::new(Limits::default());
    write(
        &store,
        "__name__=a",
        (0..5_000).map(|i| (i * 1_000, i as f64)),
    );
    write(&store, "__name__=a", [(5_000_000, STALE)]);
    let series = &store.select(&selector("a"), 700_000, 1_500_000)[0];
    let times: Vec<i64> = series.samples.iter().map(|sample| sample.t_ms).collect();
    assert_eq!(times, (700..=1_500).map(|i| i * 1_000).collect::<Vec<_>>());
    assert!(
        series
            .samples
            .iter()
            .all(|sample| sample.value * 1_000.0 == sample.t_ms as f64)
    );
    let last = &store.select(&selector("a"), 5_000_000, i64::MAX)[0].samples;
    assert!(is_stale(last[0].value) && last.len() == 1);
    assert!(store.select(&selector("a"), 5_000_001, i64::MAX).is_empty());
}

#[test]
fn age_ends_samples_and_series() {
    let limits = Limits {
        retention: Duration::from_secs(1_000),
        ..Limits::default()
    };
    let store = Store::new(limits);
    write(&store, "__name__=old", [(0, 1.0)]);
    write(
        &store,
        "__name__=long",
        (0..3_000).map(|i| (i * 1_000, 1.0)),
    );
    let mut batch = store.batch();
    let old = batch.series(&labels("__name__=old")).unwrap();
    drop(batch);
    store.expire(3_000_000);
    let stats = store.stats();
    assert_eq!(stats.series, 1);
    assert!(stats.min_ms >= Some(1_000_000), "{stats:?}");
    assert_eq!(found(&store, "{__name__=~\".+\"}"), ["long"]);
    // An id that someone remembers does not reach another series.
    assert_eq!(
        store.batch().append(
            old,
            Sample {
                t_ms: 9,
                value: 1.0
            }
        ),
        Append::Gone
    );
    store.expire(i64::MAX);
    let stats = store.stats();
    assert_eq!((stats.series, stats.bytes, stats.label_pairs), (0, 0, 0));
}

#[test]
fn bytes_are_bounded_and_the_newest_samples_stay() {
    let limits = Limits {
        bytes: 64 << 10,
        ..Limits::default()
    };
    let store = Store::new(limits);
    let mut seed = 1u64;
    for i in 0..200_000i64 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        write(
            &store,
            &format!("__name__=a,n={}", i % 4),
            [(i / 4, f64::from_bits(seed >> 2))],
        );
        if i % 1_000 == 0 {
            assert!(store.stats().bytes <= limits.bytes);
        }
    }
    let stats = store.stats();
    assert!(stats.counts.evicted > 0);
    assert_eq!(stats.max_ms, Some(49_999));
    assert_eq!(stats.series, 4);
    assert!(stats.bytes > limits.bytes / 2, "{stats:?}");
}

#[test]
fn series_beyond_the_limit_are_refused_and_counted() {
    let limits = Limits {
        series: 2,
        ..Limits::default()
    };
    let store = Store::new(limits);
    let mut batch = store.batch();
    assert!(batch.series(&labels("__name__=a")).is_some());
    assert!(batch.series(&labels("__name__=b")).is_some());
    assert!(batch.series(&labels("__name__=c")).is_none());
    assert!(batch.series(&labels("__name__=a")).is_some());
    drop(batch);
    assert_eq!(store.stats().counts.refused_series, 1);
}

#[test]
fn readers_see_whole_batches_while_a_writer_writes() {
    let store = Store::new(Limits::default());
    let names = ["__name__=a,n=1", "__name__=a,n=2", "__name__=a,n=3"];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for t_ms in 0..2_000 {
                let mut batch = store.batch();
                for name in names {
                    let id = batch.series(&labels(name)).unwrap();
                    batch.append(
                        id,
                        Sample {
                            t_ms,
                            value: t_ms as f64,
                        },
                    );
                }
            }
        });
        scope.spawn(|| {
            for _ in 0..500 {
                let found = store.select(&selector("a"), i64::MIN, i64::MAX);
                let mut counts: Vec<usize> = found.iter().map(|one| one.samples.len()).collect();
                counts.dedup();
                assert!(counts.len() <= 1, "{counts:?}");
            }
        });
    });
}

#[test]
fn what_targets_say_about_families_is_kept_once() {
    let store = Store::new(Limits::default());
    let say = |help: &str| {
        let help = help.to_owned();
        let kind = Kind::Counter;
        store.describe(
            "a_total",
            Metadata {
                kind,
                help,
                unit: String::new(),
            },
        );
    };
    say("one");
    say("one");
    say("two");
    assert_eq!(store.metadata(Some("a_total"))[0].1.len(), 2);
    assert!(store.metadata(Some("b")).is_empty());
}
