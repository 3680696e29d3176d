//! A wall clock that jumps by an hour, either way: a shop goes on, a drill is void and says why.

use std::time::SystemTime;

use libtest_mimic::Trial;

use crate::support::{
    Clock, Drill, Opened, SOON, claims, get_json, kill, until, value_of, wait_for,
};

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        a_shop_goes_on_after_its_clock_jumped_and_loses_nothing,
        a_drill_whose_clock_jumped_is_void_and_says_so,
    ]
}

const HOUR_S: i64 = 3_600;

fn a_shop_goes_on_after_its_clock_jumped_and_loses_nothing() {
    let clock = Clock::new();
    let mut drill = Drill::start_at(&clock, &["up", "--seed", "64"]);
    let jumps = [
        (0, ""),
        (HOUR_S, "jumped forward by 1h 00m"),
        (-HOUR_S, "jumped back by 2h 00m"),
    ];
    // A trace and a moment of each time.
    let mut told = Vec::new();
    for (offset_s, what) in jumps {
        let earlier = drill.newest_order();
        clock.set(offset_s);
        if offset_s != 0 {
            let event = drill.event("clock", SOON);
            let said = event["what"].as_str().unwrap_or_default();
            assert!(said.starts_with(what), "{event}");
        }
        drill.await_scrapes();
        let ordered = "sum(rate(http_server_request_duration_seconds_count{http_response_status_code=\"201\"}[5s]))";
        until("orders are placed and counted", SOON, || {
            drill.value_of(ordered).is_some_and(|rate| rate > 0.0)
        });
        let trace = wait_for("a trace of this time", SOON, || {
            drill
                .newest_order()
                .filter(|now| Some(now) != earlier.as_ref())
        });
        drill.ok(&["status"]);
        drill.ok(&["restart", "inventory"]);
        let scraped = wait_for("a moment with all four", SOON, || {
            let at_s = unix_s() + offset_s;
            (up_at(&drill, at_s) == Some(4.0)).then_some(at_s)
        });
        told.push((trace, scraped));
    }
    let all = |drill: &Drill| {
        for (trace, at_s) in &told {
            let there = get_json(&format!("{}/api/traces/{trace}", drill.url("jaeger")));
            assert!(!there["data"][0].is_null(), "{trace}: {there}");
            assert_eq!(up_at(drill, *at_s), Some(4.0), "at {at_s}");
        }
    };
    all(&drill);
    drill.await_journal("metrics.lz4");
    kill(drill.child("backend").expect("the backend is a child"));
    drill.event("process", SOON);
    drill.event("process", SOON);
    all(&drill);
    let (code, folder, state) = drill.interrupt();
    assert_eq!(code, 0);
    let run = folder.file_name().and_then(|name| name.to_str());
    let opened = Opened::start(state.path(), run.expect("an id"));
    assert!(opened.services() >= 3, "{}", opened.services());
}

fn a_drill_whose_clock_jumped_is_void_and_says_so() {
    let clock = Clock::new();
    let mut drill = Drill::start_at(&clock, &["run", "error-spike", "--pace", "fast"]);
    drill.event("steady", SOON);
    clock.set(-HOUR_S);
    let void = drill.event("void", SOON);
    let reason = void["reason"].as_str().unwrap_or_default();
    assert!(
        reason.starts_with("the clock of this machine jumped back by 1h 00m"),
        "{void}"
    );
    assert_eq!(drill.wait_for_end().code(), Some(11));
}

fn up_at(drill: &Drill, at_s: i64) -> Option<f64> {
    let at = [("time", &*at_s.to_string())];
    value_of(drill.url("prometheus"), "sum(up)", &at)
}

/// The machine's own clock.
fn unix_s() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs().cast_signed()
}
