//! Drills on real Jaeger and Prometheus, started by the drill (native) or running already (external): the same write-ups
//! are passed, nothing stays behind, and what is wrong with a backend is said before anything starts.
//!
//! Skipped without a real Jaeger and Prometheus; `tests/tools/build` builds them.

mod outage;
mod refused;

use libtest_mimic::Trial;

use crate::drills::{self, CASES};
use crate::support::{tool, trial, wanting};

/// The drills that run on real backends in every run of the suite: each family, each kind of evidence, and a control.
const ALWAYS: [&str; 6] = [
    "error-spike",
    "memory-growth",
    "noisy-warnings",
    "slow-checkout",
    "unknown-callers",
    "warehouse-waits",
];

pub(crate) fn trials() -> Vec<Trial> {
    let are_there = tool("jaeger").is_some() && tool("prometheus").is_some();
    // All of them take some minutes more than a suite may that is run before every commit.
    let is_whole = std::env::var_os("FIREDRILL_ALL_NATIVE").is_some();
    let chosen = CASES
        .iter()
        .filter(move |case| is_whole || ALWAYS.contains(&case.id));
    let drills = chosen.map(|case| {
        let id = case.id.replace('-', "_");
        let claim = format!("{id}_is_passed_on_real_backends_by_a_right_write_up");
        trial(module_path!(), &claim, move || {
            // Another seed than on the embedded ones, so that both are looked at.
            drills::run(case, &["--backend", "native", "--seed", "6"]);
        })
    });
    let drills = drills.chain(outage::trials()).collect();
    let has_alertmanager = are_there && tool("alertmanager").is_some();
    let paged = wanting(has_alertmanager, outage::trials_with_alertmanager());
    [wanting(are_there, drills), paged, refused::trials()]
        .into_iter()
        .flatten()
        .collect()
}
