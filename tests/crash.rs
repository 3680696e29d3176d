//! However a drill ends, nothing of it is left: no process, no port, no database, and what it recorded can be opened.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::support::{
    Drill, Opened, SOON, children_of, claims, get_json, is_alive, kill, until, wait_for,
};
use libtest_mimic::Trial;

/// What the issue of the whole allows after a kill.
const GONE_WITHIN: Duration = Duration::from_secs(5);

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        a_killed_runner_leaves_no_process_port_or_database,
        an_interrupt_ends_everything_and_the_record_opens,
        a_killed_backend_comes_back_with_what_it_recorded,
        a_killed_service_comes_back_and_that_is_visible,
    ]
}

fn a_killed_runner_leaves_no_process_port_or_database() {
    let mut drill = Drill::start(&["up", "--seed", "1"]);
    wait_for_traces(&drill);
    let children = children_of(drill.pid());
    assert!(
        children.len() >= 6,
        "four services, a provider and the backend are children: {children:?}"
    );
    let ports: Vec<SocketAddr> = ["gateway", "jaeger", "prometheus", "otlp_grpc", "otlp_http"]
        .map(|name| address(drill.url(name)))
        .into();
    drill.kill();
    until("every child ends", GONE_WITHIN, || {
        !children.iter().any(|id| is_alive(*id))
    });
    for port in ports {
        wait_for("every port is closed", GONE_WITHIN, || {
            TcpStream::connect(port).is_err().then_some(())
        });
    }
    let scratch = drill.folder().join("scratch");
    until("the databases are removed", GONE_WITHIN, || {
        !scratch.exists()
    });
    opens(drill.state(), &drill.folder());
}

fn an_interrupt_ends_everything_and_the_record_opens() {
    let drill = Drill::start(&["up", "--seed", "2"]);
    wait_for_traces(&drill);
    let children = children_of(drill.pid());
    let (code, folder, state) = drill.interrupt();
    assert_eq!(code, 0);
    assert!(
        !children.iter().any(|id| is_alive(*id)),
        "a child outlived the drill"
    );
    assert!(!folder.join("scratch").exists());
    opens(state.path(), &folder);
}

/// Until there is something to record: traces of all three services, and a scrape.
fn wait_for_traces(drill: &Drill) {
    wait_for("traces of three services", SOON, || {
        let services = get_json(&format!("{}/api/v3/services", drill.url("jaeger")));
        (services["services"].as_array()?.len() >= 3).then_some(())
    });
    drill.await_scrapes();
    // What the collector has is in the journal a second later; the kill comes after that.
    let journal = drill.folder().join("traces.otlp.lz4");
    wait_for("the journal", SOON, || {
        std::fs::metadata(&journal)
            .ok()
            .filter(|file| file.len() > 10_000)
    });
}

/// The recorded telemetry answers again, with no service running.
fn opens(state: &Path, folder: &Path) {
    let run = folder.file_name().and_then(|name| name.to_str());
    let opened = Opened::start(state, run.expect("an id is text"));
    assert!(opened.services() >= 3, "{} services", opened.services());
    let names = format!("{}/api/v1/label/__name__/values", opened.url("prometheus"));
    let names = get_json(&names);
    let names = names["data"].as_array().expect("names");
    assert!(names.len() > 20, "{names:?}");
}

fn a_killed_backend_comes_back_with_what_it_recorded() {
    let mut drill = Drill::start(&["up", "--seed", "4"]);
    wait_for_traces(&drill);
    let trace = wait_for("an order's trace", SOON, || drill.newest_order());
    let first = wait_for("a first sample", SOON, || oldest_sample(&drill));
    drill.await_journal("metrics.lz4");
    kill(drill.child("backend").expect("the backend is a child"));
    let ended = drill.event("process", SOON);
    assert_eq!(ended["instance"], "backend", "{ended}");
    let back = drill.event("process", SOON);
    let what = "restarted; of the last second before, spans and samples may be missing";
    assert_eq!(
        (&back["instance"], &back["what"]),
        (&"backend".into(), &what.into()),
        "{back}"
    );
    assert!(
        drill.ok(&["trace", &trace]).contains("inventory"),
        "the trace from before is there"
    );
    assert_eq!(oldest_sample(&drill), Some(first), "and so are the samples");
    drill.await_scrapes();
}

/// The time of the first sample of the gateway's `up`, in seconds since 1970.
fn oldest_sample(drill: &Drill) -> Option<f64> {
    drill.value_of("min_over_time(timestamp(up{service=\"gateway\"})[10m:1s])")
}

fn a_killed_service_comes_back_and_that_is_visible() {
    let mut drill = Drill::start(&["up", "--seed", "3"]);
    let before = drill.pid_of("checkout-1").expect("a process");
    kill(before);
    let event = drill.event("process", SOON);
    assert_eq!(event["instance"], "checkout-1");
    assert!(
        event["what"]
            .as_str()
            .is_some_and(|what| what.contains("signal: 9")),
        "{event}"
    );
    drill.event("process", SOON);
    let now = drill.pid_of("checkout-1");
    assert!(now.is_some_and(|now| now != before), "{now:?}");
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}
