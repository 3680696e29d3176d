//! Drills on real Jaeger and Prometheus, started by the drill (native) or running already (external): the same write-ups
//! are passed, nothing stays behind, and what is wrong with a backend is said before anything starts.
//!
//! Skipped without a real Jaeger and Prometheus; `tests/tools/build` builds them.

mod fake;
mod outage;
mod refused;

use libtest_mimic::Trial;

use crate::drills::{self, CASES};
use crate::support::{tool, wants_program};

/// The drills that run on real backends in every run of the suite: each kind of evidence, and a control.
const ALWAYS: [&str; 5] = [
    "error-spike",
    "memory-growth",
    "noisy-warnings",
    "slow-checkout",
    "unknown-callers",
];

pub(crate) fn trials() -> Vec<Trial> {
    let is_there = tool("jaeger").is_some() && tool("prometheus").is_some();
    // All of them take some minutes more than a suite may that is run before every commit; `.ci/run` takes them.
    let is_whole = std::env::var_os("FIREDRILL_ALL_NATIVE").is_some();
    let chosen = CASES
        .iter()
        .filter(move |case| is_whole || ALWAYS.contains(&case.id));
    let drills = chosen.map(|case| {
        let name = format!(
            "native::{}_is_passed_on_real_backends_by_a_right_write_up",
            case.id.replace('-', "_")
        );
        Trial::test(name, move || {
            drills::run(case, &["--backend", "native"]);
            Ok(())
        })
    });
    let whole: [(&str, fn()); 5] = [
        (
            "a_killed_runner_leaves_no_program_port_or_database",
            outage::kill_the_runner,
        ),
        (
            "killed_programs_and_keepers_come_back_on_their_ports",
            outage::kill_the_programs,
        ),
        (
            "a_jaeger_that_dies_is_said_and_what_it_lost_is_not_marked_wrong",
            outage::lose_jaeger,
        ),
        (
            "a_drill_runs_on_backends_that_are_already_running",
            outage::external,
        ),
        (
            "a_prometheus_that_goes_for_good_leaves_a_grade_that_says_so",
            outage::lose_prometheus,
        ),
    ];
    let whole = whole.into_iter().map(|(name, test)| {
        Trial::test(format!("native::{name}"), move || {
            test();
            Ok(())
        })
    });
    let needing = drills.chain(whole);
    let needing = needing.map(|trial| wants_program(trial, is_there));
    let paged = Trial::test(
        "native::a_page_comes_by_the_alertmanager_that_the_drill_started",
        || {
            outage::page_by_alertmanager();
            Ok(())
        },
    );
    let is_paged = is_there && tool("alertmanager").is_some();
    let paged = wants_program(paged, is_paged);
    needing.chain([paged]).chain(refused::trials()).collect()
}
