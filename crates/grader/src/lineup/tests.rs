use super::*;
use crate::effect::expression::Expression;
use crate::evidence::{Sample, Series};
use crate::reference::{Metrics, Stretch};

/// A drill of half a minute before and half a minute of incident, in which these metrics rise from 1 to 9.
fn candidate(id: &str, rising: &[&str]) -> Candidate {
    let series: Vec<Series> = ["wait", "errors", "heap"]
        .iter()
        .map(|name| Series {
            labels: [("__name__", *name), ("service", "checkout")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            samples: (0..60)
                .map(|second| Sample {
                    at_s: f64::from(second),
                    value: if second >= 30 && rising.contains(name) {
                        9.0
                    } else {
                        1.0
                    },
                })
                .collect(),
        })
        .collect();
    let reference = Reference {
        id: id.to_owned(),
        page: "Slow".to_owned(),
        is_control: rising.is_empty(),
        baseline: Stretch {
            from_s: 5.0,
            to_s: 29.0,
        },
        incident: Stretch {
            from_s: 30.0,
            to_s: 59.0,
        },
        metrics: Metrics::of(&series, 0.0),
        ..Reference::default()
    };
    Candidate {
        id: id.to_owned(),
        title: format!("The one called {id}"),
        page: "Slow".to_owned(),
        symptom: Symptom::default(),
        is_control: rising.is_empty(),
        causes: Vec::new(),
        suspects: Vec::new(),
        path: rising
            .iter()
            .map(|name| (format!("promql:{name}@page"), probe(name)))
            .collect(),
        reference: Ok(reference),
    }
}

fn probe(expr: &str) -> Probe {
    Probe::Promql(Expression::read(expr, 24.0).expect(expr))
}

/// What is said of each rival when a run like `drill` is written up with these expressions.
fn told(catalogue: &[Candidate], drill: &str, claim: Claim, exprs: &[&str]) -> Vec<String> {
    let own = catalogue
        .iter()
        .find(|one| one.id == drill)
        .expect("a drill");
    let run = own.reference.as_ref().expect("a reference");
    let lineup = Lineup::of(drill, "Slow", own.is_control, catalogue);
    let shown: Vec<Shown> = exprs
        .iter()
        .map(|expr| {
            let here = probe(expr).effect(run).ok();
            lineup.shown(expr, here, Some(&probe(expr)), None)
        })
        .collect();
    let pointers: Vec<(Claim, &Shown)> = shown.iter().map(|one| (claim, one)).collect();
    let rows = lineup.table(29.0, |_| pointers.clone());
    rows.iter()
        .map(|row| match (&row.outcome.standing, &row.would) {
            (Standing::Excluded { by }, _) => format!("{} by {}", row.outcome.rival, by[0].field),
            (Standing::Unchecked { why }, _) => format!("{} unchecked: {why}", row.outcome.rival),
            (Standing::Standing, Some(would)) => {
                format!("{} stands, but for {}", row.outcome.rival, would.pointer)
            }
            (Standing::Standing, None) => format!("{} stands", row.outcome.rival),
        })
        .collect()
}

#[test]
fn evidence_is_held_against_every_rival_and_what_is_missing_is_told() {
    let mut catalogue = vec![
        candidate("a", &["wait", "errors"]),
        candidate("b", &["errors"]),
        candidate("c", &["wait", "heap"]),
        candidate("d", &[]),
    ];
    for (claim, drill, exprs, expected) in [
        (
            Claim::Present,
            "a",
            &["wait"][..],
            &[
                "b by wait",
                "c stands, but for promql:errors@page",
                "d by wait",
            ][..],
        ),
        (
            Claim::Present,
            "a",
            &["errors", "wait"],
            &["b by wait", "c by errors", "d by errors"],
        ),
        (
            Claim::Absent,
            "d",
            &["heap", "errors"],
            &["a by errors", "b by errors", "c by heap"],
        ),
        (
            Claim::Absent,
            "d",
            &["heap"],
            &["a stands", "b stands", "c by heap"],
        ),
        // Nothing tells these apart: the second is all that the first is.
        (
            Claim::Present,
            "b",
            &["errors"],
            &["a stands", "c by errors", "d by errors"],
        ),
    ] {
        let mut found = told(&catalogue, drill, claim, exprs);
        found.sort();
        assert_eq!(found, expected, "{drill} {exprs:?}");
    }
    catalogue[2].reference = Err("its reference is damaged".to_owned());
    let mut found = told(&catalogue, "a", Claim::Present, &["errors", "wait"]);
    found.sort();
    assert_eq!(
        found,
        [
            "b by wait",
            "c unchecked: its reference is damaged",
            "d by errors"
        ]
    );
}

/// It does not make the rival unchecked either, which would count for the responder.
#[test]
fn a_pointer_that_fails_on_a_reference_excludes_no_rival() {
    let catalogue = [candidate("a", &["wait"]), candidate("b", &["wait"])];
    let lineup = Lineup::of("a", "Slow", false, &catalogue);
    let run = catalogue[0].reference.as_ref().expect("a reference");
    let here = || probe("wait").effect(run).ok();
    let wait = lineup.shown("wait", here(), Some(&probe("wait")), None);
    let profile = Probe::Profile("checkout".to_owned());
    let profile = lineup.shown("profile", here(), Some(&profile), None);
    for shown in [&[&profile][..], &[&wait, &profile]] {
        let claims: Vec<(Claim, &Shown)> = shown.iter().map(|one| (Claim::Present, *one)).collect();
        let rows = lineup.table(29.0, |_| claims.clone());
        assert!(rows.iter().all(|row| row.outcome.stands()), "{rows:?}");
    }
}

#[test]
fn a_pointer_is_told_by_how_many_it_would_look_the_same_in() {
    let catalogue = [
        candidate("a", &["wait", "errors"]),
        candidate("b", &["errors"]),
        candidate("c", &["wait", "heap"]),
    ];
    let lineup = Lineup::of("a", "Slow", false, &catalogue);
    let run = catalogue[0].reference.as_ref().expect("a reference");
    let alike = |expr: &str| -> Vec<String> {
        let shown = lineup.shown(expr, probe(expr).effect(run).ok(), Some(&probe(expr)), None);
        let alike = lineup.alike(Claim::Present, &shown, 29.0);
        alike.into_iter().map(str::to_owned).collect()
    };
    assert_eq!(alike("wait"), ["c"]);
    assert_eq!(alike("errors"), ["b"]);
    assert_eq!(
        alike("heap").len(),
        2,
        "what shows nothing looks the same everywhere"
    );
    let refused = lineup.shown("up", Some(Effect::refused("`up` says nothing")), None, None);
    assert_eq!(refused.here, None);
}
