//! The expert's path in every drill: from the page to a culprit that can be cited, in clicks of the console.

use serde_json::Value;

use super::CHROMIUM;
use super::console::{Console, MOST_CLICKS};
use crate::console::Console as Api;
use crate::drills::{Case, FAILED, FAILED_CART, FAILED_ORDER, LATE_ORDER};
use crate::support::{Drill, has_program};
use crate::writeup::Facts;

/// Cites the culprit by clicks alone, where there is a browser: the guilty deploy; else a trace of those that failed or
/// were slow; else what differs most from the baseline.
pub(crate) fn cites_the_culprit(drill: &Drill, case: &Case, facts: &Facts) {
    if !has_program(CHROMIUM) {
        return;
    }
    let (_, right) = &case.write_ups("right")[0];
    let mut console = Console::open(drill);
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
    let cited = cited(drill);
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
