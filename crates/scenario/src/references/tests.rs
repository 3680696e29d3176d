use grader::differential::{Claim, Lengths, Shown, excludes};
use grader::lineup::Row;
use grader::reference::MAX_BYTES;

use super::*;

fn drill(id: &str) -> Scenario {
    catalogue::load(id).expect(id)
}

#[test]
fn every_reference_is_of_its_scenario_as_it_is() {
    let problems: Vec<String> = problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    for (id, bytes) in FILES {
        assert!(catalogue::file(id).is_ok(), "`{id}` is not a drill");
        assert!(bytes.len() <= MAX_BYTES, "`{id}`: {} bytes", bytes.len());
    }
}

#[test]
fn a_reference_that_cannot_be_used_is_told_with_its_remedy() {
    let scenario = drill("orders-queue");
    let good = |recipe: &str| {
        let reference = Reference {
            id: scenario.id.clone(),
            scenario: recipe.to_owned(),
            ..Reference::default()
        };
        reference.bytes().expect("it is small")
    };
    let bytes = good(&scenario.recipe);
    let mut older = bytes.clone();
    // After the magic line, the format is a number of four bytes.
    older[b"firedrill reference\n".len()] = 0;
    for (bytes, expected) in [
        (None, "is missing"),
        (Some(&bytes[..bytes.len() / 2]), "is damaged"),
        (Some(older.as_slice()), "has format 0"),
        (
            Some(good("another").as_slice()),
            "before its scenario changed",
        ),
    ] {
        let problem = problem(&scenario, bytes).expect(expected).to_string();
        let place = "scenarios/references/orders-queue.reference:1:1: its reference ";
        assert!(problem.starts_with(place), "{problem}");
        assert!(problem.contains(expected), "{problem}");
        let remedy = "; record it with `firedrill verify --record orders-queue`";
        assert!(problem.ends_with(remedy), "{problem}");
        assert!(candidate(&scenario, bytes).reference.is_err(), "{expected}");
    }
    assert_eq!(problem(&scenario, Some(&bytes)), None);
}

#[test]
fn the_debrief_of_a_drill_becomes_pointers() {
    let candidate = candidate(&drill("orders-queue"), None);
    let path: Vec<&str> = candidate
        .path
        .iter()
        .map(|(text, _)| text.as_str())
        .collect();
    assert_eq!(path[0], "trace:<gateway POST /v1/orders>");
    assert!(path[1].starts_with("promql:sum(rate(db_client"), "{path:?}");
    assert!(!path.iter().any(|text| text.contains("rollback")));
    let causes: Vec<String> = candidate
        .causes
        .iter()
        .map(|(component, mechanism)| format!("{component} {mechanism}"))
        .collect();
    assert_eq!(
        causes,
        ["checkout pool-too-small", "checkout lock-contention"]
    );
}

#[test]
fn a_scenario_from_outside_of_the_catalogue_has_no_rival_with_its_cause() {
    let mut scenario = drill("orders-queue");
    let ids = |lineup: &Lineup| -> Vec<String> {
        let rivals = lineup.rivals().iter();
        rivals.map(|rival| rival.id.clone()).collect()
    };
    assert!(!ids(&lineup(&scenario)).contains(&"orders-queue".to_owned()));
    scenario.id = "late-answers".to_owned();
    assert!(!ids(&lineup(&scenario)).contains(&"orders-queue".to_owned()));
    assert!(ids(&lineup(&scenario)).len() >= 5);
}

/// What becomes of the rivals of a drill when a run like its reference is written up with these pointers.
fn judged(drill: &Candidate, pointers: &[(String, Option<Probe>)]) -> Vec<Row> {
    let own = drill.reference.as_ref().expect("a reference");
    let lineup = Lineup::of(&drill.id, &drill.page, drill.is_control, candidates());
    let shown: Vec<Shown> = pointers
        .iter()
        .map(|(text, probe)| {
            let here = probe.as_ref().and_then(|probe| probe.shown(own).ok());
            lineup.shown(text, here, probe.as_ref())
        })
        .collect();
    let claim = match drill.is_control {
        true => Claim::Absent,
        false => Claim::Present,
    };
    let claims: Vec<(Claim, &Shown)> = shown.iter().map(|one| (claim, one)).collect();
    lineup.table(own.incident.length_s(), |_| claims.clone())
}

#[test]
fn every_drill_s_own_evidence_excludes_every_rival() {
    let mut alike = Vec::new();
    for drill in candidates() {
        let rows = drill.told_apart(candidates());
        assert!(rows.len() >= 5, "{} has {} rivals", drill.id, rows.len());
        let standing = rows.iter().filter(|row| !row.outcome.is_excluded());
        alike.extend(standing.map(|row| format!("{} and {}", drill.id, row.outcome.rival)));
    }
    assert_eq!(alike, Vec::<String>::new(), "no step tells these apart");
}

#[test]
fn what_always_looks_the_same_excludes_nothing() {
    let log = |query: &str| Some(Probe::Log(query.parse().expect(query)));
    let promql = |text: &str| Expression::read(text, BASELINE_S).ok().map(Probe::Promql);
    let pointers = [
        ("promql:up@page", promql("up")),
        ("promql:build_info@page", promql("build_info")),
        ("promql:ALERTS@page", promql("ALERTS")),
        ("log:level=info", log("level=info")),
        ("deploy:checkout@2026.11.8", None),
    ];
    for drill in candidates() {
        for (text, probe) in &pointers {
            for row in judged(drill, &[((*text).to_owned(), probe.clone())]) {
                let is_excluded = row.outcome.is_excluded();
                assert!(!is_excluded, "{}: {text}: {:?}", drill.id, row.outcome);
            }
        }
    }
}

/// Evidence of whatever kind, gathered for another cause, shows in this run what it shows in this drill: whoever claims the
/// other cause has this one still standing.
#[test]
fn the_evidence_for_another_cause_leaves_the_drill_itself_standing() {
    for drill in candidates() {
        let own = drill.reference.as_ref().expect("a reference");
        let length_s = own.incident.length_s();
        let lengths = Lengths {
            here_s: length_s,
            there_s: length_s,
        };
        for (text, probe) in candidates().iter().flat_map(|one| &one.path) {
            let (here, there) = (probe.shown(own), probe.effect(own));
            let (here, there) = here.and_then(|here| Ok((here, there?))).expect(text);
            let found = excludes(Claim::Present, &here, None, &there, lengths);
            assert_eq!(found, None, "{}: {text}", drill.id);
        }
    }
}
