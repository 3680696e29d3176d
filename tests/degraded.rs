//! Drills with a part of the telemetry missing: what is missing is missing, the rest is there, and a drill that cannot be
//! settled without it is refused.

use libtest_mimic::Trial;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::{Drill, SOON, claims, refused, trial, until, wait_for};

/// A drill that all kinds leave something to settle it by.
const ID: &str = "deliveries-stop";

pub(crate) fn trials() -> Vec<Trial> {
    let missing = ["sampling", "scrape", "logs", "spans"].map(|kind| {
        let claim = format!("a_drill_without_{kind}_lacks_that_and_says_so");
        trial(module_path!(), &claim, move || lacks(kind))
    });
    let refusals = claims![a_drill_that_needs_what_is_missing_is_refused];
    missing.into_iter().chain(refusals).collect()
}

fn lacks(kind: &str) {
    let drill = Drill::start(&[
        "run",
        ID,
        "--pace",
        "fast",
        "--seed",
        "5",
        "--degraded",
        kind,
    ]);
    assert_eq!(drill.ready["degraded"], kind);
    until("traffic", SOON, || requests(&drill) > Some(300.0));
    match kind {
        "sampling" => few_traces_are_kept(&drill),
        "scrape" => one_replica_has_no_metrics(&drill),
        "logs" => lines_arrive_late(&drill),
        _ => spans_are_dropped(&drill),
    }
}

fn requests(drill: &Drill) -> Option<f64> {
    drill.value_of("sum(http_server_request_duration_seconds_count{service=\"gateway\"})")
}

fn few_traces_are_kept(drill: &Drill) {
    let traces = wait_for("a trace", SOON, || {
        let traces = drill.try_json(&["traces", "--limit", "1000", "--since", "10m"])?;
        let kept = traces.as_array()?.len();
        (kept > 0).then_some(kept)
    });
    let sent = requests(drill).expect("traffic");
    assert!(
        (traces as f64) < 0.1 * sent,
        "{traces} traces of {sent} requests"
    );
}

fn one_replica_has_no_metrics(drill: &Drill) {
    let scraped = |instance: &str| drill.value_of(&format!("count(up{{instance=\"{instance}\"}})"));
    assert_eq!(scraped("inventory-1"), Some(1.0));
    assert_eq!(scraped("inventory-2"), None);
    let both = drill
        .processes()
        .iter()
        .any(|one| one["instance"] == "inventory-2");
    assert!(both, "it runs all the same");
}

fn lines_arrive_late(drill: &Drill) {
    let newest = wait_for("a line", SOON, || {
        let lines = drill.ok(&["logs", "--since", "10m", "--json"]);
        let at = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("a JSON line");
            OffsetDateTime::parse(line["timestamp"].as_str()?, &Rfc3339).ok()
        };
        lines.lines().filter_map(at).max()
    });
    let age = OffsetDateTime::now_utc() - newest;
    assert!(age.as_seconds_f64() > 8.0, "the newest line is {age} old");
}

fn spans_are_dropped(drill: &Drill) {
    until("spans are dropped", SOON, || {
        drill.value_of("sum(otel_spans_dropped_total)") > Some(0.0)
    });
}

fn a_drill_that_needs_what_is_missing_is_refused() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let args = [
        "run",
        "orders-drag",
        "--pace",
        "fast",
        "--degraded",
        "sampling",
    ];
    let said = ["cannot be told from others", "it can be in", ID];
    refused(state.path(), &args, 2, &said);
}
