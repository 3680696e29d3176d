use super::*;
use crate::exemplar::ExemplarLabels;
use promql::{STALE, is_stale};

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
    promql::selector(text).unwrap()
}

fn found(store: &Store, text: &str) -> Vec<String> {
    let series = store.select(&selector(text), i64::MIN, i64::MAX);
    let mut found: Vec<String> = series.iter().map(|one| one.labels.to_string()).collect();
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
fn late_and_duplicate_samples_are_refused() {
    let store = Store::new(Limits::default());
    let samples = [(10, 1.0), (10, 1.0), (10, 2.0), (9, 1.0), (11, 1.0)];
    let outcomes = write(&store, "__name__=a", samples);
    use Append::{Conflict, OutOfOrder, Same, Stored};
    assert_eq!(outcomes, [Stored, Same, Conflict, OutOfOrder, Stored]);
    let counts = store.stats().counts;
    let counts = (counts.stored, counts.conflicting, counts.out_of_order);
    assert_eq!(counts, (2, 1, 1));
}

#[test]
fn samples_come_back_within_the_bounds_across_chunks() {
    let store = Store::new(Limits::default());
    let samples = (0..5_000).map(|i| (i * 1_000, i as f64));
    write(&store, "__name__=a", samples);
    write(&store, "__name__=a", [(5_000_000, STALE)]);
    let series = &store.select(&selector("a"), 700_000, 1_500_000)[0];
    let times: Vec<i64> = series.samples.iter().map(|sample| sample.t_ms).collect();
    assert_eq!(times, (700..=1_500).map(|i| i * 1_000).collect::<Vec<_>>());
    let is_right = |sample: &Sample| sample.value * 1_000.0 == sample.t_ms as f64;
    assert!(series.samples.iter().all(is_right));
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
    let samples = (0..3_000).map(|i| (i * 1_000, 1.0));
    write(&store, "__name__=long", samples);
    let old = store.batch().series(&labels("__name__=old")).unwrap();
    store.expire(3_000_000);
    let stats = store.stats();
    assert_eq!(stats.series, 1);
    assert!(stats.min_ms >= Some(1_000_000), "{stats:?}");
    assert_eq!(found(&store, "{__name__=~\".+\"}"), ["long"]);
    // A remembered id never reaches another series.
    let outcome = store.batch().append(old, Sample::new(9, 1.0));
    assert_eq!(outcome, Append::Gone);
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
        let series = format!("__name__=a,n={}", i % 4);
        write(&store, &series, [(i / 4, f64::from_bits(seed >> 2))]);
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
                    batch.append(id, Sample::new(t_ms, t_ms as f64));
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
fn descriptions_of_families_are_kept_once() {
    let store = Store::new(Limits::default());
    let say = |help: &str| {
        let metadata = Metadata {
            help: help.to_owned(),
            ..Metadata::default()
        };
        store.describe("a_total", metadata);
    };
    say("one");
    say("one");
    say("two");
    assert_eq!(store.metadata(Some("a_total"))[0].1.len(), 2);
    assert!(store.metadata(Some("b")).is_empty());
}

fn exemplar(trace: &str, value: f64, t_ms: i64) -> Exemplar {
    Exemplar {
        labels: ExemplarLabels::new([("trace_id", trace)].into_iter()),
        value,
        t_ms,
    }
}

/// Adds exemplars to a series; their traces are numbered.
fn note(store: &Store, series: &str, exemplars: impl IntoIterator<Item = (i64, f64)>) {
    let mut batch = store.batch();
    let id = batch.series(&labels(series)).unwrap();
    for (number, (t_ms, value)) in exemplars.into_iter().enumerate() {
        batch.exemplar(id, &exemplar(&number.to_string(), value, t_ms));
    }
}

/// The exemplars of a selector as `trace=value@time`.
fn noted(store: &Store, sets: &[&str], from_ms: i64, to_ms: i64) -> Vec<String> {
    let sets: Vec<_> = sets.iter().map(|text| selector(text)).collect();
    let found = store.exemplars(&sets, from_ms, to_ms);
    let line = |(labels, exemplars): &(Labels, Vec<Exemplar>)| {
        let show = |one: &Exemplar| {
            let labels = one.labels.to_labels();
            let trace = labels.get("trace_id").unwrap_or("?");
            format!("{trace}={}@{}", one.value, one.t_ms)
        };
        let exemplars: Vec<String> = exemplars.iter().map(show).collect();
        format!("{labels} {}", exemplars.join(" "))
    };
    found.iter().map(line).collect()
}

#[test]
fn exemplars_are_selected_by_series_and_time() {
    let store = Store::new(Limits::default());
    note(&store, "__name__=a,le=2", [(1, 1.5), (2, 1.6), (5, 1.7)]);
    note(&store, "__name__=a,le=1", [(3, 0.5)]);
    note(&store, "__name__=b", [(3, 0.1)]);
    let check = |sets: &[&str], from_ms: i64, to_ms: i64, expected: &[&str]| {
        assert_eq!(noted(&store, sets, from_ms, to_ms), expected, "{sets:?}");
    };
    let (first, second) = ("a{le=\"1\"} 0=0.5@3", "a{le=\"2\"} 0=1.5@1 1=1.6@2 2=1.7@5");
    check(&["a"], i64::MIN, i64::MAX, &[first, second]);
    check(&["a{le=\"2\"}", "a"], i64::MIN, i64::MAX, &[first, second]);
    check(&["a"], 2, 2, &["a{le=\"2\"} 1=1.6@2"]);
    check(&["a", "b"], 3, 4, &[first, "b 0=0.1@3"]);
    check(&["c"], i64::MIN, i64::MAX, &[]);
}

#[test]
fn an_exemplar_that_is_known_older_or_too_long_is_refused() {
    let store = Store::new(Limits::default());
    let mut batch = store.batch();
    let id = batch.series(&labels("__name__=a")).unwrap();
    let long = "x".repeat(121);
    for one in [
        exemplar("first", 1.0, 10),
        exemplar("first", 1.0, 10),
        exemplar("older", 1.0, 9),
        exemplar("lower", 0.5, 10),
        exemplar("higher", 2.0, 10),
        exemplar(&long, 1.0, 11),
        exemplar(&long[1..], 1.0, 12),
    ] {
        batch.exemplar(id, &one);
    }
    drop(batch);
    let expected = format!("a first=1@10 higher=2@10 {}=1@12", &long[1..]);
    assert_eq!(noted(&store, &["a"], 0, 99), [expected]);
    assert_eq!(store.stats().counts.exemplars, 3);
}

#[test]
fn exemplars_are_bounded_by_series_and_in_total() {
    let limits = Limits {
        exemplars: 160,
        exemplars_per_series: 100,
        ..Limits::default()
    };
    let store = Store::new(limits);
    note(&store, "__name__=often", (0..500).map(|t_ms| (t_ms, 1.0)));
    assert_eq!(store.stats().exemplars, 100);
    note(&store, "__name__=seldom", [(7, 1.0), (450, 1.0)]);
    for number in 0..58 {
        note(&store, &format!("__name__=s{number}"), [(600, 1.0)]);
    }
    assert_eq!(store.stats().exemplars, 160);
    // One too many: the eleven oldest of all go.
    note(&store, "__name__=last", [(700, 1.0)]);
    assert_eq!(store.stats().exemplars, 150);
    assert_eq!(noted(&store, &["seldom"], 0, 999), ["seldom 1=1@450"]);
    assert_eq!(store.select(&selector("often"), 0, 999).len(), 0);
    let often = noted(&store, &["often"], 0, 409);
    assert_eq!(often, Vec::<String>::new(), "the oldest of them went");
}

#[test]
fn exemplars_go_with_their_age_and_with_their_series() {
    let limits = Limits {
        retention: Duration::from_secs(1),
        ..Limits::default()
    };
    let store = Store::new(limits);
    write(&store, "__name__=a", [(0, 1.0)]);
    write(&store, "__name__=b", [(0, 1.0), (5_000, 1.0)]);
    note(&store, "__name__=a", [(0, 1.0), (5_000, 1.0)]);
    note(&store, "__name__=b", [(0, 1.0), (5_000, 1.0)]);
    store.expire(5_500);
    assert_eq!(noted(&store, &["a"], 0, 9_000), Vec::<String>::new());
    assert_eq!(noted(&store, &["b"], 0, 9_000), ["b 1=1@5000"]);
    assert_eq!(store.stats().exemplars, 1);
}

#[test]
fn labels_of_an_exemplar_come_back_as_they_were() {
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let check = |pairs: &[(&str, &str)], is_compact: bool| {
        let labels = ExemplarLabels::new(pairs.iter().copied());
        let is_span = matches!(labels, ExemplarLabels::Span(..));
        assert_eq!(is_span, is_compact, "{pairs:?}");
        let expected = Labels::new(pairs.iter().copied());
        assert_eq!(labels.to_labels(), expected, "{pairs:?}");
    };
    check(&[("trace_id", trace), ("span_id", span)], true);
    check(&[("span_id", span), ("trace_id", trace)], true);
    check(&[("trace_id", trace)], false);
    check(&[("trace_id", trace), ("span_id", &span[1..])], false);
    let upper = trace.to_uppercase();
    check(&[("trace_id", &upper), ("span_id", span)], false);
    let more = [("trace_id", trace), ("span_id", span), ("user", "7")];
    check(&more, false);
    check(&[("trace_id", trace), ("trace_id", trace)], false);
    check(&[], false);
}

#[test]
fn after_the_clock_went_back_samples_are_stored_and_a_moment_is_told_once() {
    use Append::{OutOfOrder, Stored};
    let store = Store::new(Limits::default());
    let times = |store: &Store| {
        let series = store.select(&selector("up"), i64::MIN, i64::MAX);
        let samples = series.iter().flat_map(|one| &one.samples);
        samples
            .map(|sample| sample.t_ms / 1_000)
            .collect::<Vec<_>>()
    };
    let write = |times_s: &[i64]| {
        let samples = times_s.iter().map(|t_s| (t_s * 1_000, *t_s as f64));
        write(&store, "__name__=up", samples)
    };
    assert_eq!(write(&[5_000, 5_001, 5_002]), [Stored; 3]);
    assert_eq!(write(&[1_400]), [OutOfOrder], "no one turned it back");
    store.turn_back();
    assert_eq!(write(&[1_400, 1_401]), [Stored; 2]);
    assert_eq!(times(&store), [1_400, 1_401, 5_000, 5_001, 5_002]);
    // An hour later the stretch comes again, and is passed.
    assert_eq!(
        write(&[4_999, 5_000, 5_002]),
        [Stored, OutOfOrder, OutOfOrder]
    );
    assert_eq!(write(&[5_003]), [Stored]);
    let all = [1_400, 1_401, 4_999, 5_000, 5_001, 5_002, 5_003];
    assert_eq!(times(&store), all);
    let stats = store.stats();
    assert_eq!(
        (stats.min_ms, stats.max_ms, stats.counts.out_of_order),
        (Some(1_400_000), Some(5_003_000), 3)
    );
    // Back by three seconds only: nothing until time has caught up.
    store.turn_back();
    assert_eq!(
        write(&[5_000, 5_002, 5_004]),
        [OutOfOrder, OutOfOrder, Stored]
    );
    store.expire(6 * 3_600_000 + 5_003_500);
    assert_eq!(times(&store), [5_004], "the rest is older than six hours");
}

#[test]
fn the_newest_sample_is_the_last_of_all_wherever_the_window_ends() {
    let store = Store::new(Limits::default());
    let samples = |from_s: i64, to_s: i64| (from_s..to_s).map(|t_s| (t_s * 1_000, t_s as f64));
    write(&store, "__name__=up", samples(5_000, 5_400));
    store.turn_back();
    write(&store, "__name__=up", samples(1_400, 1_402));
    for (from_s, to_s) in [
        (0, 10_000),
        (5_399, 5_399),
        (5_400, 6_000),
        (5_000, 5_100),
        (1_000, 1_400),
        (1_402, 4_999),
        (1_401, 5_000),
    ] {
        let (from_ms, to_ms) = (from_s * 1_000, to_s * 1_000);
        let all = store.select(&selector("up"), from_ms, to_ms);
        let last = all.first().and_then(|series| series.samples.last());
        let newest = store.newest(&selector("up"), from_ms, to_ms);
        let found: Vec<_> = newest.iter().flat_map(|one| &one.samples).collect();
        assert_eq!(
            found,
            last.into_iter().collect::<Vec<_>>(),
            "{from_s} to {to_s}"
        );
    }
}
