//! The admin port.

use reqwest::Method;
use serde_json::json;

use crate::mini::{Start, until};

#[test]
fn protected_endpoints_require_the_token_and_the_own_host() {
    let mini = Start::default().run();
    let url = |path: &str| format!("http://{}{path}", mini.addr("admin"));
    let check = |request: reqwest::blocking::RequestBuilder, expected: u16| {
        let answer = request.send().expect("an answer");
        assert_eq!(answer.status(), expected, "{answer:?}");
    };
    check(mini.http.get(url("/metrics")), 200);
    check(mini.http.get(url("/healthz")), 200);
    check(mini.http.get(url("/debug/pprof/heap")), 401);
    check(mini.http.post(url("/control/drain")), 401);
    check(
        mini.http.post(url("/control/drain")).bearer_auth("other"),
        401,
    );
    check(mini.admin(Method::GET, "/control/drain"), 405);
    check(
        mini.http
            .get(url("/metrics"))
            .header("host", "evil.example"),
        403,
    );
    check(
        mini.admin(Method::GET, "/debug/pprof/profile?seconds=999"),
        400,
    );
}

#[test]
fn the_log_level_changes_at_run_time() {
    let mini = Start::default().run();
    let debug = |level: &str| {
        let body = json!({ "level": level });
        let answer = mini
            .admin(Method::POST, "/control/log-level")
            .json(&body)
            .send();
        answer.expect("an answer").status().as_u16()
    };
    let lines = || mini.logs().iter().filter(|l| l["level"] == "debug").count();
    assert_eq!(debug("loud"), 400);
    mini.get("/nowhere");
    assert_eq!(lines(), 0);
    assert_eq!(debug("debug"), 204);
    mini.get("/wait/soon");
    let url = format!("http://{}", mini.addr("listen"));
    // Not HTTP: a debug line of the server.
    drop(
        std::net::TcpStream::connect(url.trim_start_matches("http://")).map(|mut stream| {
            use std::io::Write as _;
            stream.write_all(b"nonsense\r\n\r\n")
        }),
    );
    until("a debug line is written", || lines() > 0);
}

#[test]
fn a_drain_request_stops_the_service() {
    let mut mini = Start::default().run();
    let answer = mini.admin(Method::POST, "/control/drain").send();
    assert_eq!(answer.expect("an answer").status(), 202);
    assert!(mini.wait().success());
}

#[test]
fn every_service_has_the_common_metrics() {
    let mini = Start::default().run();
    mini.get("/hello");
    mini.get("/nowhere");
    let text = || {
        let answer = mini.admin(Method::GET, "/metrics").send();
        answer.and_then(|a| a.text()).expect("text")
    };
    for series in [
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/hello\"} 1",
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"404\",http_route=\"unmatched\"} 1",
        "http_server_active_requests 0",
        "runtime_workers 2",
        "runtime_alive_tasks ",
        "runtime_scheduler_lag_seconds_count ",
        "allocator_resident_bytes ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "build_info{service=\"mini\",version=\"2026.11.3\"} 1",
        "log_events_total{level=\"info\"} ",
    ] {
        // A response is sent before its request stops counting as active, and the lag is only known after
        // its first sample.
        until(&format!("`{series}` is there"), || text().contains(series));
    }
}

#[test]
fn the_accept_header_selects_the_metrics_format() {
    let mini = Start::default().run();
    mini.get("/hello");
    let get = |accept: &str| {
        let request = mini.admin(Method::GET, "/metrics");
        let answer = request.header("accept", accept).send().expect("an answer");
        let content_type = answer.headers()["content-type"].to_str().expect("a text");
        (content_type.to_owned(), answer.text().expect("a text"))
    };
    let (content_type, text) = get("text/plain, */*;q=0.1");
    assert_eq!(content_type, "text/plain; version=0.0.4");
    assert!(!text.contains("# EOF") && text.contains("# TYPE log_events_total counter"));
    let (content_type, text) = get("application/openmetrics-text; version=1.0.0, text/plain;q=0.5");
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.ends_with("\n# EOF\n") && text.contains("# TYPE log_events counter\n"));
    let count = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/hello\"} 1";
    assert!(text.contains(count), "{text}");
}

#[test]
fn the_admin_port_responds_while_every_worker_is_blocked() {
    let mini = Start::default().run();
    let burns: Vec<_> = (0..4)
        .map(|_| {
            let url = format!("http://{}/burn/1000", mini.addr("listen"));
            let http = mini.http.clone();
            std::thread::spawn(move || http.get(url).send().map(|_| ()))
        })
        .collect();
    // Two of them block the two workers, so that the others are not even counted as active.
    until("the workers are busy", || {
        mini.metric("http_server_active_requests") >= Some(2.0)
    });
    assert_eq!(
        mini.metric("http_server_active_requests"),
        Some(2.0),
        "responds while they are blocked"
    );
    for burn in burns {
        burn.join().expect("no panic").expect("an answer");
    }
    let is_lag_seen = || {
        let within = mini.metric("runtime_scheduler_lag_seconds_bucket{le=\"0.25\"}");
        mini.metric("runtime_scheduler_lag_seconds_count") > within
    };
    until("the lag is recorded", is_lag_seen);
}

#[test]
fn upstream_addresses_change_at_run_time() {
    let (one, two) = (Start::default().run(), Start::default().run());
    let next = |mini: &crate::mini::Mini| json!({ "next": [mini.addr("listen")] });
    let change = json!({ "upstreams": next(&one) });
    let caller = Start::default().change(change).run();
    let served = |mini: &crate::mini::Mini| {
        let series = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\",http_route=\"/chain/{sku}\"}";
        mini.metric(series).unwrap_or_default()
    };
    let tell = |body: serde_json::Value| {
        let request = caller.admin(Method::POST, "/control/upstreams");
        let answer = request.json(&body).send().expect("an answer");
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().expect("JSON");
        (status, body["count"].clone())
    };
    assert_eq!(caller.get("/chain/sku-1").status(), 200);
    assert_eq!(tell(next(&two)), (200, 1.into()));
    assert_eq!(tell(next(&two)), (200, 0.into()));
    assert_eq!(tell(json!({"other": ["127.0.0.1:1"]})).0, 400);
    assert_eq!(caller.get("/chain/sku-1").status(), 200);
    until("each got one call", || {
        (served(&one), served(&two)) == (1.0, 1.0)
    });
}
