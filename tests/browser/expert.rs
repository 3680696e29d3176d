//! The expert's path in every drill: from the page to a culprit that can be cited, in clicks of the console.

use libtest_mimic::Trial;
use serde_json::Value;

use super::console::{Console, MOST_CLICKS};
use crate::console::Console as Api;
use crate::drills::{
    CASES, Case, FAILED, FAILED_CART, FAILED_ORDER, LATE_ORDER, PAGED_WITHIN, seed_of, start,
};
use crate::support::{Drill, trial};
use crate::writeup::Facts;

/// The drills that are walked in every run of the suite: one whose culprit is a slow trace, one with failed ones, one
/// with a metric. `a_drill_is_worked_by_the_page_alone` has a deploy.
const ALWAYS: [&str; 3] = ["deliveries-stop", "orders-cut-off", "orders-wait"];

pub(super) fn trials() -> Vec<Trial> {
    // All of them take some minutes more than a suite may that is run before every commit.
    let is_whole = std::env::var_os("FIREDRILL_ALL_EXPERTS").is_some();
    let chosen = CASES
        .iter()
        .filter(move |case| is_whole || ALWAYS.contains(&case.id));
    let walks = chosen.map(|case| {
        let claim = format!("{}_is_cited_within_five_clicks", case.id.replace('-', "_"));
        trial(module_path!(), &claim, move || cites_the_culprit(case))
    });
    walks.collect()
}

/// Cites the culprit by clicks alone: the guilty deploy; else a trace of those that failed or were slow; else what
/// differs most from the baseline.
fn cites_the_culprit(case: &Case) {
    let mut drill = start(case, &[]);
    let paged = drill.page(case.alert, PAGED_WITHIN);
    let mut facts = Facts::new(&drill, &paged);
    facts.name_releases(case.id, seed_of(&drill));
    let (_, right) = &case.write_ups("right")[0];
    let mut console = Console::open(&drill);
    console.clicks = 0;
    if let Some((_, guilty)) = right.split_once("evidence = [\"deploy:")
        && let Some((guilty, _)) = guilty.split_once('"')
        && guilty.ends_with("@{{new}}")
    {
        console.click(".happened a", &facts.fill(guilty));
        console.click_first(".entry[data-pointer^='deploy:'] .pin", "pin");
    } else if [FAILED_ORDER, FAILED_CART, FAILED, LATE_ORDER].contains(&case.trace) {
        console.go("Compare");
        if case.trace != LATE_ORDER {
            console.click(".tabs button", "Failed");
        }
        console.click("main a", "one of them beside a usual one");
        console.click_first(".card[data-pointer^='trace:'] .pin", "pin");
    } else {
        console.click_first("main tr[data-pointer^='promql:'] .pin", "pin");
    }
    console.click("dialog button", "Pin");
    console.page.shows("Pinned:");
    console.did_nothing_wrong();
    let clicks = console.clicks;
    assert!(clicks <= MOST_CLICKS, "{clicks} clicks");
    let cited = cited(&drill);
    assert!(holds(&cited), "{}: {cited:#}", case.id);
    eprintln!("{}: cited with {clicks} clicks: {}", case.id, cited["text"]);
}

/// The first evidence of the cause in the draft, with what it shows.
pub(super) fn cited(drill: &Drill) -> Value {
    let checked = Api::of(drill).json("/api/report/check");
    let pointers = checked["pointers"].as_array().expect("pointers");
    let mut pointers = pointers.iter();
    let cited = pointers.find(|one| one["field"] == "cause.evidence[0]");
    cited.expect("what was pinned").clone()
}

/// A deploy that is on record, or something else that shows a change from the baseline.
fn holds(pointer: &Value) -> bool {
    let outcome = &pointer["outcome"];
    let effect = &outcome["of"]["effect"];
    let shows = effect["changes"]
        .as_array()
        .is_some_and(|some| !some.is_empty());
    outcome["is"] == "found" && (pointer["kind"] == "deploy" || shows)
}
