use grader::differential::{Claim, Lengths, Shown, excludes};
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
    assert!(ids(&lineup(&scenario)).len() >= 3);
}

#[test]
fn every_drill_s_own_evidence_excludes_every_rival() {
    let mut alike = Vec::new();
    for drill in candidates() {
        let rows = drill.told_apart(candidates());
        assert!(rows.len() >= 3, "{} has {} rivals", drill.id, rows.len());
        let standing = rows.iter().filter(|row| !row.outcome.is_excluded());
        alike.extend(standing.map(|row| format!("{} and {}", drill.id, row.outcome.rival)));
    }
    assert_eq!(alike, Vec::<String>::new(), "no step tells these apart");
}

/// A pointer to a metric, to log lines, or to a trace by the operation that it begins with.
fn pointer_to(text: &str, baseline_s: f64) -> (String, Probe) {
    let (kind, what) = text.split_once(':').expect("a kind");
    let probe = match kind {
        "log" => Probe::Log(what.parse().expect(text)),
        "trace" => Probe::Trace(what.to_owned()),
        _ => Probe::Promql(Expression::read(what, baseline_s).expect(text)),
    };
    (text.to_owned(), probe)
}

/// Rivals that are still possible when a run like the reference is written up with the right cause and these pointers.
fn standing<'a>(id: &str, pointers: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let drill = candidates().iter().find(|one| one.id == id).expect(id);
    let reference = drill.reference.as_ref().expect("a reference");
    let baseline_s = reference.baseline.length_s();
    let pointers: Vec<_> = pointers
        .into_iter()
        .map(|text| pointer_to(text, baseline_s))
        .collect();
    let rows = drill.told_apart_by(candidates(), &pointers);
    let standing = rows.into_iter().filter(|row| !row.outcome.is_excluded());
    standing.map(|row| row.outcome.rival).collect()
}

/// Whoever guesses the cause and shows what everybody can show passes where one look may be enough, and nowhere else.
#[test]
fn wide_dashboards_settle_no_drill_above_level_2() {
    let wide = WIDE_DASHBOARDS.map(|expr| format!("promql:{expr}"));
    let settled = candidates().iter().filter(|one| {
        !one.is_control && standing(&one.id, wide.iter().map(String::as_str)).is_empty()
    });
    let levels: Vec<(&str, u8)> = settled
        .map(|one| (one.id.as_str(), drill(&one.id).level))
        .collect();
    assert_eq!(levels, [("error-spike", 1), ("slow-checkout", 2)]);
}

/// Nor do they where each other cause is ruled out by them, with its right name.
#[test]
fn wide_dashboards_rule_out_too_little_above_level_2() {
    for one in candidates().iter().filter(|one| !one.is_control) {
        let reference = one.reference.as_ref().expect("a reference");
        let lineup = lineup(&drill(&one.id));
        let shown: Vec<Shown> = WIDE_DASHBOARDS
            .iter()
            .map(|expr| {
                let (text, probe) =
                    pointer_to(&format!("promql:{expr}"), reference.baseline.length_s());
                let here = probe.shown(reference).ok();
                lineup.shown(&text, here, Some(&probe), one.component())
            })
            .collect();
        let claims: Vec<(Claim, &Shown)> =
            shown.iter().map(|shown| (Claim::Either, shown)).collect();
        let rows = lineup.table(reference.incident.length_s(), |_| claims.clone());
        let is_settled = rows.iter().all(|row| row.outcome.is_excluded());
        let is_easy = ["error-spike", "slow-checkout"].contains(&one.id.as_str());
        assert_eq!(is_settled, is_easy, "{}: {rows:?}", one.id);
    }
}

/// What responders had in hand when they knew the cause, without the steps of any debrief.
#[test]
fn evidence_of_one_honest_look_at_the_cause_settles_it() {
    for (id, pointers) in [
        ("edge-refuses", &["promql:process_open_fds"][..]),
        (
            "edge-refuses",
            &["log:service=gateway \"Too many open files\""],
        ),
        (
            "unknown-callers",
            &[
                "trace:gateway POST /v1/orders",
                "trace:checkout POST /internal/orders",
            ],
        ),
        (
            "error-spike",
            &["log:service=checkout level=error \"inventory\""],
        ),
        (
            "error-spike",
            &[
                "promql:sum by (http_response_status_code) (rate(http_client_request_duration_seconds_count{service=\"checkout\", target=\"inventory\"}[20s]))",
            ],
        ),
        (
            "try-again-later",
            &[
                "promql:sum by (http_response_status_code) (rate(http_client_request_duration_seconds_count{target=\"payment\"}[20s]))",
            ],
        ),
        (
            "try-again-later",
            &["log:service=checkout \"payment\" level>=warn"],
        ),
        (
            "warehouse-waits",
            &["log:service=checkout level=warn deliveries>2"],
        ),
        (
            "after-the-rush",
            &["promql:sum by (service, target, reason) (rate(http_client_retries_total[20s]))"],
        ),
        ("orders-in-waves", &["log:\"panicked at\""]),
        (
            "memory-growth",
            &["promql:sum by (service, cache) (cache_entries)"],
        ),
    ] {
        let standing = standing(id, pointers.iter().copied());
        assert_eq!(standing, Vec::<String>::new(), "{id}: {pointers:?}");
    }
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
            let pointer = probe.clone().map(|probe| ((*text).to_owned(), probe));
            for row in drill.told_apart_by(candidates(), pointer.as_slice()) {
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
            let here = Shown::here(text, Some(here));
            let found = excludes(Claim::Present, &here, &there, lengths);
            assert_eq!(found, None, "{}: {text}", drill.id);
        }
    }
}
