//! What a drill survives: clients that stop half-way, and processes that are killed, stopped or short of files.
//!
//! `FIREDRILL_FAULTS=N` repeats the faults of processes N times, with stops of 10 s; without it each is done once.

mod limit;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};

use crate::stack::listening;
use crate::support::{
    Drill, Opened, SOON, children_of, claims, get_json, http, is_alive, until, wait_for,
};

pub(crate) fn trials() -> Vec<Trial> {
    let processes = claims![
        half_sent_requests_are_ended_on_every_port,
        processes_that_fail_come_back_and_nothing_is_left,
        acknowledged_spans_survive_a_kill_but_for_the_last_second,
    ];
    [processes, limit::trials()].into_iter().flatten().collect()
}

/// Longer than a head and a body may pause, shorter than a connection may be idle.
const ENDED_WITHIN: Duration = Duration::from_secs(30);
/// As many traces as one search gives, and a service has.
const A_SEARCH: usize = 1_000;
/// The descriptors that the runner has left.
const FEW_FILES: u64 = 256;

/// What is sent before nothing more comes. HTTP/2 is told by its preface, and ended later than the others.
const HALVES: [&str; 4] = [
    "G",
    "GET / HTTP/1.1\r\nHost: 127.0.0.1",
    "POST /v1/submit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n",
    "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
];

fn half_sent_requests_are_ended_on_every_port() {
    let drill = Drill::start(&["up", "--seed", "61"]);
    drill.await_scrapes();
    let http2 = address(drill.url("otlp_grpc"));
    let ports = listening(&drill);
    let runner = Pid::from_raw(drill.pid().cast_signed());
    let few = Rlimit {
        current: Some(FEW_FILES),
        maximum: Some(FEW_FILES),
    };
    prlimit(runner, Resource::Nofile, few).expect("one's own process");
    let mut half_sent = Vec::new();
    for addr in &ports {
        for half in HALVES.iter().cycle().take(80) {
            let mut client = TcpStream::connect(addr).expect("it listens");
            client
                .set_read_timeout(Some(ENDED_WITHIN))
                .expect("a timeout");
            // One of many may have been given up already.
            let _ = client.write_all(half.as_bytes());
            half_sent.push((*addr, *half, client));
        }
    }
    let sent = Instant::now();
    assert!(half_sent.len() > 1_000, "{}", half_sent.len());
    drill.ok(&["status"]);
    drill.ok(&["restart", "inventory"]);
    drill.await_scrapes();
    for (addr, half, mut client) in half_sent {
        if addr == http2 {
            continue;
        }
        let mut rest = Vec::new();
        // A reset is an end, too; only waiting for ever is none.
        if let Err(error) = client.read_to_end(&mut rest) {
            let is_late = error.kind() == std::io::ErrorKind::WouldBlock;
            assert!(!is_late, "{addr} still waits for the rest of {half:?}");
        }
    }
    // The network to inventory carries a few at a time, so its last ones wait for the first to be ended.
    assert!(sent.elapsed() < ENDED_WITHIN * 3, "{:?}", sent.elapsed());
}

fn processes_that_fail_come_back_and_nothing_is_left() {
    let rounds = std::env::var("FIREDRILL_FAULTS")
        .ok()
        .and_then(|text| text.parse().ok());
    let pause = match rounds {
        Some(_) => Duration::from_secs(10),
        None => Duration::from_secs(2),
    };
    let drill = Drill::start(&["up", "--seed", "62"]);
    drill.await_scrapes();
    for round in 0..rounds.unwrap_or(1) {
        for name in ["backend", "payment", "gateway", "checkout", "inventory"] {
            let found = || drill.child(name);
            let before = wait_for(name, SOON, found);
            signal(before, Signal::KILL);
            until(
                &format!("{name} comes back after kill {round}"),
                SOON,
                || found().is_some_and(|now| now != before),
            );
            works(&drill, &format!("{name} was killed"));
        }
        for name in ["backend", "checkout", "inventory"] {
            let id = wait_for(name, SOON, || drill.child(name));
            signal(id, Signal::STOP);
            let stopped = Instant::now();
            until("the stop is over", pause * 2, || stopped.elapsed() >= pause);
            signal(id, Signal::CONT);
            works(&drill, &format!("{name} was stopped"));
            assert!(is_alive(id), "{name} is the same process");
        }
    }
    let children = children_of(drill.pid());
    let (code, folder, state) = drill.interrupt();
    assert_eq!(code, 0);
    assert!(!children.iter().any(|id| is_alive(*id)), "a child is left");
    assert!(!folder.join("scratch").exists());
    let run = folder.file_name().and_then(|name| name.to_str());
    let opened = Opened::start(state.path(), run.expect("an id"));
    assert!(opened.services() >= 3, "{}", opened.services());
}

/// The whole answers: the runner, both backends, and an order through all services.
fn works(drill: &Drill, after: &str) {
    until(&format!("`status` after {after}"), SOON, || {
        drill.cli(&["status"]).status.success()
    });
    until(&format!("orders after {after}"), SOON, || {
        let ordered = drill.value_of(
            "sum(increase(http_server_request_duration_seconds_count{service=\"checkout\",http_response_status_code=\"201\"}[5s]))",
        );
        ordered.is_some_and(|count| count > 0.0)
    });
    until(&format!("traces after {after}"), SOON, || {
        drill
            .order_traces("1")
            .is_some_and(|found| !found.is_empty())
    });
}

fn acknowledged_spans_survive_a_kill_but_for_the_last_second() {
    let mut drill = Drill::start(&["up", "--seed", "63"]);
    let client = http();
    let url = format!("{}/v1/traces", drill.url("otlp_http"));
    let began = Instant::now();
    let mut acknowledged = Vec::new();
    while began.elapsed() < Duration::from_secs(4) {
        let request = spans(acknowledged.len());
        let answer = client.post(&url).json(&request).send().expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        acknowledged.push(Instant::now());
    }
    signal(drill.child("backend").expect("it runs"), Signal::KILL);
    let killed = Instant::now();
    drill.event("process", SOON);
    let back = drill.event("process", SOON);
    let what = back["what"].as_str().unwrap_or_default();
    assert!(what.contains("the last second"), "the loss is said: {back}");
    let found: usize = (0..=acknowledged.len() / A_SEARCH)
        .map(|number| {
            let search = format!("service=probe-{number}&limit={A_SEARCH}");
            let found = get_json(&format!("{}/api/traces?{search}", drill.url("jaeger")));
            found["data"].as_array().expect("traces").len()
        })
        .sum();
    let safe = acknowledged
        .iter()
        .filter(|at| killed - **at >= Duration::from_secs(1))
        .count();
    assert!(safe > 20, "{safe} of {}", acknowledged.len());
    assert!(found >= safe, "{found} of {safe} are left");
}

/// A request with one span in a trace of its own.
fn spans(number: usize) -> Value {
    let name = json!({"key": "service.name", "value": {"stringValue": format!("probe-{}", number / A_SEARCH)}});
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_nanos().to_string();
    json!({"resourceSpans": [{"resource": {"attributes": [name]}, "scopeSpans": [{"spans": [{
        "traceId": format!("{:032x}", number + 1), "spanId": format!("{:016x}", number + 1),
        "name": "probe", "startTimeUnixNano": now, "endTimeUnixNano": now,
    }]}]}]})
}

fn signal(id: u32, signal: Signal) {
    let id = Pid::from_raw(id.cast_signed()).expect("a child's id is not 0");
    kill_process(id, signal).expect("it runs");
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}
