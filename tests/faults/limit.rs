//! Processes that run out of memory or of file descriptors.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use libtest_mimic::Trial;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use super::{address, works};
use crate::support::{Drill, SOON, claims, get_json, http, is_alive, status_kib, until, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        a_backend_without_memory_is_restarted_with_what_it_recorded_and_says_why,
        processes_without_file_descriptors_say_so_and_recover,
    ]
}

/// What the backend has left when the limit is set.
const LITTLE_MEMORY: u64 = 8 << 20;
/// More than a process has left.
const CLIENTS: usize = 64;

fn a_backend_without_memory_is_restarted_with_what_it_recorded_and_says_why() {
    let mut drill = Drill::start(&["up", "--seed", "65"]);
    drill.await_scrapes();
    let trace = wait_for("an order's trace", SOON, || drill.newest_order());
    drill.await_journal("traces.otlp.lz4");
    let backend = drill.child("backend").expect("it runs");
    let most = status_kib(backend, "VmSize:") * 1_024 + LITTLE_MEMORY;
    limit(backend, Resource::As, Some(most));
    let url = format!("{}/v1/traces", drill.url("otlp_http"));
    let (client, request) = (http(), large_request());
    until("the backend ends", SOON, || {
        // The answer, if there is one, does not matter.
        let sent = client.post(&url).header("content-type", "application/json");
        let _ = sent.body(request.clone()).send();
        !is_alive(backend)
    });
    let ended = drill.event("process", SOON);
    let what = ended["what"].as_str().unwrap_or_default();
    assert!(
        what.contains("memory allocation of"),
        "it says why: {ended}"
    );
    let back = drill.event("process", SOON);
    let what = back["what"].as_str().unwrap_or_default();
    assert!(what.contains("the last second"), "the loss is said: {back}");
    let there = get_json(&format!("{}/api/traces/{trace}", drill.url("jaeger")));
    assert!(!there["data"][0].is_null(), "{there}");
    works(&drill, "the backend had no memory");
}

fn processes_without_file_descriptors_say_so_and_recover() {
    let drill = Drill::start(&["up", "--seed", "66"]);
    drill.await_scrapes();
    let instances: Vec<Value> = drill.processes();
    let public = |name: &str| -> SocketAddr {
        let one = instances.iter().find(|one| one["instance"] == name);
        let addr = one.and_then(|one| one["public"].as_str());
        addr.expect("an address").parse().expect("an address")
    };
    for (name, addr) in [
        ("gateway-1", public("gateway-1")),
        ("checkout-1", public("checkout-1")),
        ("inventory-1", public("inventory-1")),
        ("backend", address(drill.url("prometheus"))),
    ] {
        let id = match name {
            "backend" => drill.child(name),
            name => drill.pid_of(name),
        };
        let id = id.expect("it runs");
        let open = std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
        limit(id, Resource::Nofile, Some(open as u64));
        let clients: Vec<TcpStream> = (0..CLIENTS)
            .map(|_| {
                let mut client = TcpStream::connect(addr).expect("the system queues it");
                let _ = client.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
                client
            })
            .collect();
        says(
            &drill,
            name,
            "failed to accept connections: Too many open files",
        );
        limit(id, Resource::Nofile, None);
        drop(clients);
        says(&drill, name, "accepting connections again after");
        works(&drill, &format!("{name} had no file descriptors"));
        assert!(is_alive(id), "{name} is the same process");
    }
}

/// Waits until the log of an instance has a line with this.
fn says(drill: &Drill, instance: &str, what: &str) {
    let log = drill
        .folder()
        .join("logs")
        .join(format!("{instance}.jsonl"));
    until(&format!("{instance} says `{what}`"), SOON, || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains(what))
    });
}

/// Sets the limit of a process of the drill, or lifts it to what all have.
fn limit(id: u32, what: Resource, most: Option<u64>) {
    let id = Pid::from_raw(id.cast_signed());
    let all = rustix::process::getrlimit(what);
    let limit = Rlimit {
        current: most.or(all.current),
        maximum: all.maximum,
    };
    prlimit(id, what, limit).expect("one's own process");
}

/// A span with as much as a request may carry.
fn large_request() -> String {
    let value = json!({"stringValue": "x".repeat(15 << 20)});
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": format!("{:032x}", 1), "spanId": format!("{:016x}", 1), "name": "large",
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": [{"key": "large", "value": value}],
    }]}]}]})
    .to_string()
}
