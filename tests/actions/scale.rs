//! Replicas that come and go, under traffic: what reaches them, what Prometheus has of them, and that no request is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::{act, metric};
use crate::support::{Drill, SOON, get, get_json, kill, until, wait_for};

/// Requests that a process has answered.
const ANSWERED: &str = "http_server_request_duration_seconds_count";
/// Those who ask for one product after the other meanwhile.
const CALLERS: usize = 4;

/// Up, down while requests come, with a caller that is away, and what is refused.
pub(super) fn scale(drill: &Drill) {
    up(drill);
    down(drill);
    away(drill);
    for (service, replicas) in [("gateway", "2"), ("inventory", "0"), ("checkout", "4")] {
        drill.refuses(&["scale", service, replicas], &[]);
    }
}

/// The processes of a service.
fn processes(drill: &Drill, service: &str) -> Vec<Value> {
    let mut all = drill.processes();
    all.retain(|one| one["service"] == service);
    all
}

fn names(processes: &[Value]) -> Vec<&str> {
    processes
        .iter()
        .map(|one| one["instance"].as_str().expect("a name"))
        .collect()
}

/// What a series of inventory has in Prometheus, by instance, lowest first.
fn by_instance(drill: &Drill, series: &str) -> Vec<(String, f64)> {
    let expr = format!("sum by (instance) ({series}{{service=\"inventory\"}})");
    let url = format!("{}/api/v1/query?query={expr}", drill.url("prometheus"));
    let answer = get_json(&url);
    let found = answer["data"]["result"].as_array().expect("a vector");
    let mut values: Vec<(String, f64)> = found
        .iter()
        .map(|one| {
            let value = one["value"][1].as_str().expect("a value");
            let instance = one["metric"]["instance"].as_str().expect("an instance");
            (instance.to_owned(), value.parse().expect("a number"))
        })
        .collect();
    values.sort_by(|one, other| one.0.cmp(&other.0));
    values
}

fn up(drill: &Drill) {
    let done = act(drill, &["scale", "inventory", "3"], 1);
    assert_eq!(done["note"], "scaled from 2 to 3 replicas");
    let three = ["inventory-1", "inventory-2", "inventory-3"];
    assert_eq!(names(&processes(drill, "inventory")), three);
    for least in [1.0, 10.0] {
        wait_for("requests reach the third", SOON, || {
            let third = by_instance(drill, ANSWERED).into_iter().nth(2)?;
            (third.0 == "inventory-3" && third.1 >= least).then_some(())
        });
    }
    act(drill, &["scale", "inventory", "3"], 0);
    drill.ok(&["heap", "snapshot", "third", "inventory-3"]);
    let profile = [
        "profile",
        "cpu",
        "inventory-3",
        "--seconds",
        "2",
        "--name",
        "third",
    ];
    // One that happens to use no CPU for two seconds is not kept.
    until("the third uses CPU", SOON, || {
        drill.cli(&profile).status.success()
    });
    for ending in ["folded", "json", "svg"] {
        let file = drill.folder().join(format!("profile/third.{ending}"));
        assert!(file.is_file(), "{}", file.display());
    }
    drill.refuses(&profile, &["`third` already exists"]);
    // A caller that is started later has the list as well, and is told of the next.
    drill.ok(&["restart", "checkout"]);
}

fn down(drill: &Drill) {
    // Calls that were retried because nothing listened.
    let lost = || {
        let reasons = ["connect", "interrupted"];
        reasons.map(|reason| {
            let retries = format!("http_client_retries_total{{reason=\"{reason}\"");
            metric(drill, "gateway", &retries) + metric(drill, "checkout", &retries)
        })
    };
    let before = lost();
    let done = under_traffic(drill, || act(drill, &["scale", "inventory", "1"], 2));
    assert_eq!(done["note"], "scaled from 3 to 1 replicas");
    assert_eq!(names(&processes(drill, "inventory")), ["inventory-1"]);
    assert_eq!(lost(), before, "no call met a replica that was not there");
    let only = wait_for("the targets of the others are gone", SOON, || {
        let up = by_instance(drill, "up");
        (up.len() == 1).then_some(up)
    });
    assert_eq!(only, [("inventory-1".to_owned(), 1.0)]);
    let alone = by_instance(drill, ANSWERED);
    until("requests reach the one that is left", SOON, || {
        by_instance(drill, ANSWERED)[0].1 > alone[0].1 + 10.0
    });
}

/// Carries something out while products are asked for, of which each is answered.
fn under_traffic<T>(drill: &Drill, act: impl FnOnce() -> T) -> T {
    let (url, is_over) = (drill.url("gateway"), AtomicBool::new(false));
    let calls = |caller: usize| {
        let mut number = caller;
        while !is_over.load(Ordering::SeqCst) {
            number += CALLERS;
            let (status, text) = get(&format!("{url}/v2/products/sku-{:06}", number % 500 + 1));
            assert_eq!(status, 200, "{text}");
        }
        number
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let calls = &calls;
                scope.spawn(move || calls(caller))
            })
            .collect();
        let done = act();
        is_over.store(true, Ordering::SeqCst);
        for caller in callers {
            let asked = caller.join().expect("every product is answered");
            assert!(asked >= CALLERS, "nothing was asked for");
        }
        done
    })
}

/// A caller that is down at that moment has the list when it is back: only checkout reserves.
fn away(drill: &Drill) {
    kill(drill.pid_of("checkout-1").expect("a process"));
    drill.ok(&["scale", "inventory", "2"]);
    let reserved = format!(
        "{ANSWERED}{{http_request_method=\"POST\",http_response_status_code=\"200\",http_route=\"/internal/reservations\""
    );
    wait_for("checkout calls the second", SOON, || {
        let inventory = processes(drill, "inventory");
        let admin = inventory.get(1)?["admin"].as_str()?.to_owned();
        let page = get(&format!("http://{admin}/metrics")).1;
        page.contains(&reserved).then_some(())
    });
}
