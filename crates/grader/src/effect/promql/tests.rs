use super::*;

/// A series with one sample a second from `from` on.
fn series(labels: &[(&str, &str)], from: i32, value: impl Fn(f64) -> f64, count: i32) -> Series {
    let samples = (from..from + count).map(f64::from).map(|at_s| Sample {
        at_s,
        value: value(at_s),
    });
    Series {
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        samples: samples.collect(),
    }
}

fn of(before: impl Fn(f64) -> f64, during: impl Fn(f64) -> f64) -> Effect {
    effect(
        &[series(&[], 0, before, 20)],
        &[series(&[], 20, during, 20)],
        &BTreeSet::new(),
    )
}

fn told(effect: &Effect) -> String {
    let told: Vec<String> = effect
        .clear()
        .map(|(feature, _)| format!("{} {:?}", feature.name, feature.direction))
        .collect();
    told.join(", ")
}

#[test]
fn a_series_tells_when_the_baseline_neither_had_nor_led_to_it() {
    let noisy = |at: f64| 10.0 + at % 7.0;
    for (name, effect, expected) in [
        ("flat", of(|_| 0.04, |_| 0.045), ""),
        ("far above", of(|_| 0.04, |_| 0.48), "its value Up"),
        ("noise", of(noisy, noisy), ""),
        ("far above noise", of(noisy, |_| 40.0), "its value Up"),
        ("far below noise", of(noisy, |_| 0.0), "its value Down"),
        (
            "varied widely and stopped",
            of(|at| 2.8 + at % 6.0, |_| 0.0),
            "its value Down",
        ),
        (
            "stopped, and came back a little above",
            of(|at| 2.8 + at % 6.0, |at| if at < 34.0 { 0.0 } else { 9.5 }),
            "its value Down",
        ),
        (
            "varied widely and paused",
            of(|at| 2.8 + at % 6.0, |at| if at < 25.0 { 0.0 } else { 3.0 }),
            "",
        ),
        ("always 0", of(|_| 0.0, |_| 0.0), ""),
        ("from 0", of(|_| 0.0, |_| 0.3), "its value Up"),
        (
            "the echo of one event",
            of(|_| 0.0, |at| if at < 30.0 { 0.1 } else { 0.0 }),
            "",
        ),
        (
            "one event where there was no series",
            of(|_| f64::NAN, |at| if at < 30.0 { 0.1 } else { 0.0 }),
            "",
        ),
        ("goes on as it went", of(|at| at, |at| at), ""),
        (
            "turns up",
            of(|at| at, |at| 20.0 + 9.0 * (at - 19.0)),
            "its value Up",
        ),
        (
            "two samples",
            of(|_| 1.0, |at| if at < 22.0 { 99.0 } else { 1.0 }),
            "",
        ),
        (
            "three samples",
            of(|_| 1.0, |at| if at < 23.0 { 99.0 } else { 1.0 }),
            "its value Up",
        ),
        ("no number", of(|_| 1.0, |_| f64::NAN), "its value Down"),
        (
            "a number at last",
            of(|_| f64::NAN, |_| 2.0),
            "its value Up",
        ),
    ] {
        // A window that answers nothing is as long as the other series say.
        assert_eq!(told(&effect), expected, "{name}: {effect:?}");
    }
}

#[test]
fn instances_and_releases_are_one_feature_and_places_are_told() {
    let one = |instance, from, value: f64| {
        let labels = [
            ("instance", instance),
            ("service", "inventory"),
            ("code", "500"),
        ];
        series(&labels, from, move |_| value, 20)
    };
    let before = [one("inventory-1", 0, 0.0), one("inventory-2", 0, 0.0)];
    let during = [one("inventory-1", 20, 0.0), one("inventory-2", 20, 3.0)];
    let effect = effect(&before, &during, &["gateway".to_owned()].into());
    assert_eq!(told(&effect), "{code=\"500\",service=\"inventory\"} Up");
    assert_eq!(
        effect.services(),
        ["inventory"].into(),
        "its own label counts"
    );
}

#[test]
fn one_of_many_must_stand_out_more() {
    let many = |from, extra: f64| -> Vec<Series> {
        (0..64)
            .map(|index| {
                let name = index.to_string();
                let add = if index == 0 { extra } else { 0.0 };
                series(
                    &[("route", &name)],
                    from,
                    move |at| 10.0 + at % 3.0 + add,
                    20,
                )
            })
            .collect()
    };
    let none = BTreeSet::new();
    assert_eq!(told(&effect(&many(0, 0.0), &many(20, 8.0), &none)), "");
    assert_eq!(
        told(&effect(&many(0, 0.0), &many(20, 20.0), &none)),
        "{route=\"0\"} Up"
    );
}

#[test]
fn what_points_at_everything_points_at_nothing() {
    let all = |from, value: f64| -> Vec<Series> {
        (0..25)
            .map(|index| series(&[("route", &index.to_string())], from, move |_| value, 20))
            .collect()
    };
    let effect = effect(&all(0, 1.0), &all(20, 9.0), &BTreeSet::new());
    assert!(!effect.is_clear());
    let why = effect.refused.expect("a reason");
    assert!(why.starts_with("25 series change"), "{why}");
}
