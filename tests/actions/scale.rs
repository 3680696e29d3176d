//! Replicas that come and go, under traffic: what reaches them, what Prometheus has of them, and that no request is lost.

use serde_json::Value;

use super::metric;
use crate::support::{Drill, SOON, get_json, wait_for};

/// What a series of `inventory` has in Prometheus, by instance, lowest first.
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

/// Up, while requests come, down, and what is refused.
pub(super) fn scale(drill: &Drill) {
    let instances = |service: &str| -> Vec<Value> {
        let status = drill.json(&["status"]);
        let all = status["services"].as_array().expect("services").iter();
        let of_service = all.filter(|one| one["service"] == service);
        of_service.map(|one| one["instance"].clone()).collect()
    };
    let is_failed = |method| {
        let answers = "http_server_request_duration_seconds_count{http_request_method";
        format!("{answers}=\"{method}\",http_response_status_code=\"5")
    };
    // Neither an answer that is an error nor a call that had to be made again because nobody was there.
    let failed = || {
        let answered =
            ["GET", "POST", "PUT"].map(|method| metric(drill, "gateway", &is_failed(method)));
        let lost = ["connect", "interrupted"].map(|reason| {
            let retries = format!("http_client_retries_total{{reason=\"{reason}\"");
            metric(drill, "gateway", &retries) + metric(drill, "checkout", &retries)
        });
        (answered, lost)
    };
    let before = failed();
    let counts = "http_server_request_duration_seconds_count";

    let done = drill.json(&["scale", "inventory", "3"]);
    assert_eq!(
        (&done["count"], &done["what"], &done["note"]),
        (
            &1.into(),
            &"scale inventory 3".into(),
            &"replicas: 2 to 3".into()
        )
    );
    let three = ["inventory-1", "inventory-2", "inventory-3"];
    assert_eq!(instances("inventory"), three);
    for least in [1.0, 10.0] {
        wait_for("requests reach the third", SOON, || {
            let third = by_instance(drill, counts).into_iter().nth(2)?;
            (third.0 == "inventory-3" && third.1 >= least).then_some(())
        });
    }
    let again = drill.json(&["scale", "inventory", "3"]);
    assert_eq!((&again["count"], &again["id"]), (&0.into(), &Value::Null));
    drill.ok(&["heap", "snapshot", "third", "inventory-3"]);

    // A caller that is started later has the list as well, and is told of the next.
    drill.ok(&["restart", "checkout"]);
    let done = drill.json(&["scale", "inventory", "1"]);
    assert_eq!(
        (&done["count"], &done["note"]),
        (&2.into(), &"replicas: 3 to 1".into())
    );
    assert_eq!(instances("inventory"), ["inventory-1"]);
    wait_for("the targets of the others are gone", SOON, || {
        let names = |up: Vec<(String, f64)>| up.into_iter().map(|one| one.0).collect::<Vec<_>>();
        (names(by_instance(drill, "up")) == ["inventory-1"]).then_some(())
    });
    let alone = by_instance(drill, counts);
    wait_for("requests reach the one that is left", SOON, || {
        (by_instance(drill, counts)[0].1 > alone[0].1 + 10.0).then_some(())
    });
    assert_eq!(
        failed(),
        before,
        "no request met a replica that was not there"
    );

    for (service, replicas) in [("gateway", "2"), ("inventory", "0"), ("checkout", "4")] {
        let refused = drill.cli(&["scale", service, replicas]);
        assert_eq!(refused.status.code(), Some(2), "{service}: {refused:?}");
    }
}
