//! Start, readiness, drain, socket hand-over, exit with the parent.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde_json::json;

use crate::mini::{Start, until};

#[test]
fn readiness_proves_identity_and_sigterm_drains() {
    let mut mini = Start::default().run();
    assert_eq!(mini.ready["ready"], true);
    assert_eq!(mini.ready["instance"], "mini-1");
    let answer = mini.admin(reqwest::Method::GET, "/readyz").send();
    let ready: serde_json::Value = answer.and_then(|a| a.json()).expect("JSON");
    assert_eq!(ready["run"], "run-1");
    let url = format!("http://{}/wait/300", mini.addr("listen"));
    let http = mini.http.clone();
    let in_flight = std::thread::spawn(move || http.get(url).send()?.error_for_status()?.text());
    until("the request is in flight", || {
        mini.metric("http_server_active_requests") == Some(1.0)
    });
    mini.terminate();
    let text = in_flight.join().expect("no panic");
    assert_eq!(text.expect("finished during the drain"), "waited");
    assert!(mini.wait().success());
    let messages: Vec<_> = mini.logs().iter().map(|l| l["message"].clone()).collect();
    assert!(
        messages.contains(&json!("the background task was told to stop")),
        "{messages:?}"
    );
    assert!(messages.contains(&json!("drain complete")), "{messages:?}");
}

#[test]
fn the_limit_on_open_files_applies_and_other_limits_do_not_change() {
    let limits = |process: &str| -> Vec<String> {
        let text = std::fs::read_to_string(format!("/proc/{process}/limits"));
        text.expect("limits").lines().map(str::to_owned).collect()
    };
    let change = json!({ "process": {"max_open_files": 100} });
    let mini = Start::default().change(change).run();
    for (own, limit) in limits("self")
        .iter()
        .zip(limits(&mini.child.id().to_string()))
    {
        if limit.starts_with("Max open files") {
            assert_eq!(limit.split_whitespace().nth(3), Some("100"), "{limit}");
        } else {
            assert_eq!(&limit, own);
        }
    }
}

#[test]
fn a_background_task_that_panics_ends_the_process() {
    let change = json!({ "settings": {"panics": true} });
    let mut mini = Start::default().change(change).run();
    assert_eq!(mini.wait().code(), Some(1));
    let messages: Vec<_> = mini.logs().iter().map(|l| l["message"].clone()).collect();
    let is_told = |text: &str| messages.iter().any(|m| m.to_string().contains(text));
    assert!(is_told("panicked at"), "{messages:?}");
    assert!(is_told("a background task failed"), "{messages:?}");
}

#[test]
fn a_child_exits_with_its_parent() {
    let mut mini = Start::default().run();
    // A request in flight does not delay the exit.
    let url = format!("http://{}/wait/60000", mini.addr("listen"));
    let http = mini.http.clone();
    let in_flight = std::thread::spawn(move || http.get(url).send().is_err());
    until("the request is in flight", || {
        mini.metric("http_server_active_requests") == Some(1.0)
    });
    drop(mini.stdin.take());
    mini.wait();
    assert!(in_flight.join().expect("no panic"), "cut off");
}

#[test]
fn a_swap_on_an_inherited_socket_loses_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let start = |release: &str| {
        let listener = listener.try_clone().expect("a socket");
        let start = Start {
            listener: Some(listener),
            ..Start::default()
        };
        start.change(json!({ "release": release })).run()
    };
    let mut old = start("1");
    let url = format!("http://{}/hello", old.addr("listen"));
    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (url, http) = (url.clone(), old.http.clone());
            let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = http.get(&url).send().and_then(|a| a.error_for_status());
                    answer.expect("every request succeeds");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    until("load runs", || answered.load(Ordering::Relaxed) > 100);
    let new = start("2");
    old.terminate();
    assert!(old.wait().success());
    let at_swap = answered.load(Ordering::Relaxed);
    until("the new process responds", || {
        answered.load(Ordering::Relaxed) > at_swap + 100
    });
    is_over.store(true, Ordering::Relaxed);
    for thread in load {
        thread.join().expect("no request failed");
    }
    assert!(
        new.metric("build_info{service=\"mini\",version=\"2\"}")
            .is_some()
    );
}
