use super::*;

/// The effect of what looks at moments.
fn effect(
    baseline: &[Series],
    incident: &[Series],
    origins: &Origins,
    events: Option<Seconds>,
) -> Effect {
    super::effect(baseline, incident, origins, 0.0, events)
}

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
        &Origins::default(),
        None,
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

/// Traffic begins shortly before the baseline.
#[test]
fn a_rate_that_is_still_rising_is_not_how_low_a_series_was() {
    let before = [series(&[], 0, |at| (1.2 * at).min(9.0), 20)];
    let during = [series(&[], 20, |_| 2.5, 20)];
    for (looks_back_s, expected) in [
        (0.0, ""),
        (8.0, "its value Down"),
        (600.0, "its value Down"),
    ] {
        let expression = crate::effect::expression::Expression {
            looks_back_s,
            ..crate::effect::expression::Expression::read("rate(x_total[9s])", 20.0)
                .expect("it can be read")
        };
        let settled_s = expression.settled_s(0.0, 20.0);
        let effect = super::effect(&before, &during, &Origins::default(), settled_s, None);
        assert_eq!(told(&effect), expected, "{looks_back_s}");
    }
}

/// A baseline of ten seconds has not seen what comes every quarter of a minute.
#[test]
fn a_few_events_after_a_short_baseline_may_be_chance() {
    for (per_s, baseline_s, expected) in [
        (0.2, 8, ""),
        (2.0, 8, "its value Up"),
        (0.2, 60, "its value Up"),
    ] {
        let before = [series(&[], 0, |_| 0.0, baseline_s)];
        let during = [series(&[], baseline_s, move |_| per_s, 40)];
        let told_as = |events| told(&effect(&before, &during, &Origins::default(), events));
        let seconds = Seconds {
            baseline: f64::from(baseline_s),
            incident: 40.0,
        };
        assert_eq!(told_as(Some(seconds)), expected, "{per_s} {baseline_s}");
        assert_eq!(
            told_as(None),
            "its value Up",
            "a value that does not count events"
        );
    }
}

/// A dozen requests for what does not exist, in a minute.
#[test]
fn of_many_series_one_may_begin_by_chance() {
    let code =
        |code: &str, from: i32, per_s: f64| series(&[("code", code)], from, move |_| per_s, 40);
    let seconds = Seconds {
        baseline: 12.0,
        incident: 40.0,
    };
    // One that came in the last second of the baseline is none that was never there.
    let last = || Series {
        samples: vec![Sample {
            at_s: 11.0,
            value: 0.1,
        }],
        ..code("404", 0, 0.0)
    };
    for (others, expected) in [(0, "{code=\"404\"} Up"), (8, "")] {
        let others: Vec<String> = (0..others).map(|code| code.to_string()).collect();
        let of = |from| others.iter().map(move |one| code(one, from, 5.0));
        let before: Vec<Series> = of(0).collect();
        let during: Vec<Series> = of(12).chain([code("404", 12, 0.5)]).collect();
        for before in [before.clone(), before.into_iter().chain([last()]).collect()] {
            let found = effect(&before, &during, &Origins::default(), Some(seconds));
            assert_eq!(told(&found), expected, "beside {others:?}");
        }
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
    let effect = effect(&before, &during, &Origins::default(), None);
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
    let none = Origins::default();
    assert_eq!(
        told(&effect(&many(0, 0.0), &many(20, 8.0), &none, None)),
        ""
    );
    assert_eq!(
        told(&effect(&many(0, 0.0), &many(20, 20.0), &none, None)),
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
    let effect = effect(&all(0, 1.0), &all(20, 9.0), &Origins::default(), None);
    assert!(!effect.is_clear());
    let why = effect.refused.expect("a reason");
    assert!(why.starts_with("25 series change"), "{why}");
}

/// `NAME=VALUE` for each label.
fn labels(text: &str) -> Vec<(&str, &str)> {
    text.split_whitespace()
        .filter_map(|label| label.split_once('='))
        .collect()
}

/// The services at which a change of this answer shows, those that are called in brackets; `behind` is what its samples come
/// from, with the value in the incident.
fn places(is_labelled: bool, answer: &str, behind: &[(&str, f64)]) -> String {
    let at = |from, value: &dyn Fn(f64) -> f64| -> Vec<Series> {
        let series = behind.iter().map(|(text, then)| {
            let value = value(*then);
            series(&labels(text), from, move |_| value, 20)
        });
        series.collect()
    };
    let windowed = (at(0, &|_| 1.0), at(20, &|then| then));
    let origins = Origins::of(is_labelled, &[windowed]);
    let one = |from, value: f64| [series(&labels(answer), from, move |_| value, 20)];
    let effect = effect(&one(0, 1.0), &one(20, 9.0), &origins, None);
    let (_, change) = effect.strongest().expect("it rises");
    let owners: Vec<&str> = change.owners().map(String::as_str).collect();
    let called: Vec<&str> = change.called.iter().map(String::as_str).collect();
    match called.is_empty() {
        true => owners.join(" "),
        false => format!("{} [{}]", owners.join(" "), called.join(" "))
            .trim()
            .to_owned(),
    }
}

#[test]
fn a_change_shows_where_its_samples_come_from_and_at_whom_they_are_about() {
    let rises = 9.0;
    let stays = 1.0;
    // The answer's labels; the series behind it with their value in the incident; the services, those called in brackets.
    for (answer, behind, expected) in [
        (
            "service=inventory",
            &[("service=gateway", rises)][..],
            "inventory",
        ),
        ("service=checkout target=payment", &[], "checkout [payment]"),
        (
            "target=checkout",
            &[
                ("service=gateway target=checkout", rises),
                ("service=gateway target=inventory", rises),
            ],
            "gateway [checkout]",
        ),
        (
            "code=422",
            &[
                ("service=checkout target=inventory code=422", rises),
                ("service=checkout target=payment code=200", rises),
            ],
            "checkout [inventory]",
        ),
        // None of the series changes on its own, so the labels that all of them share tell where they are.
        (
            "",
            &[
                ("service=checkout target=payment", stays),
                ("service=gateway target=payment", stays),
            ],
            "[payment]",
        ),
        ("", &[("service=checkout", stays)], "checkout"),
        (
            "",
            &[("service=checkout", stays), ("service=gateway", stays)],
            "",
        ),
        (
            "",
            &[("service=checkout", rises), ("service=gateway", stays)],
            "checkout",
        ),
    ] {
        assert_eq!(
            places(true, answer, behind),
            expected,
            "{answer} {behind:?}"
        );
        if answer.is_empty() {
            let renamed = places(false, "service=payment", behind);
            assert_eq!(
                renamed, expected,
                "a label that was written says nothing: {behind:?}"
            );
        }
    }
}
