//! The shop and its backends as a responder meets them, with no incident.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{
    Drill, SOON, children_of, claims, get, get_json, http, refused, until, wait_for,
};

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        one_request_is_one_trace_through_three_services,
        a_second_drill_in_one_state_folder_is_refused_with_what_to_do,
        a_taken_port_that_was_asked_for_is_named_with_its_holder,
        what_alert_rules_name_is_what_services_emit,
        foreign_hosts_and_missing_tokens_are_refused,
        clients_that_do_not_escape_are_answered,
        every_socket_listens_on_loopback_only,
        malformed_input_gets_an_error_of_the_api_it_was_sent_to,
    ]
}

fn one_request_is_one_trace_through_three_services() {
    let drill = Drill::start(&["up", "--seed", "21"]);
    let found = wait_for("an order's trace through three services", SOON, || {
        let traces = drill.order_traces("20")?;
        traces.iter().find_map(|trace| {
            let services = trace["services"].as_array()?.len();
            (services >= 3).then(|| trace["id"].as_str().map(str::to_owned))?
        })
    });
    let waterfall = drill.ok(&["trace", &found]);
    for service in ["gateway", "checkout", "inventory"] {
        assert!(waterfall.contains(service), "{waterfall}");
    }
    let rate = "sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[15s]))";
    let rate = wait_for("a request rate", SOON, || {
        drill.value_of(rate).filter(|rate| *rate > 10.0)
    });
    assert!(
        rate < 100.0,
        "50 requests a second were asked for, not {rate}"
    );
    assert_eq!(
        get(&format!("{}/healthz", drill.url("gateway"))),
        (200, "ok\n".to_owned())
    );
    let said = drill.ok(&["request", "GET", "/v1/products/sku-000001"]);
    assert!(said.contains("200") && said.contains("inventory"), "{said}");
}

fn a_second_drill_in_one_state_folder_is_refused_with_what_to_do() {
    let drill = Drill::start(&["up"]);
    let kill = format!("kill {}", drill.pid());
    let said = ["is already running", kill.as_str()];
    refused(drill.state(), &["up", "--ports", "auto"], 4, &said);
}

fn a_taken_port_that_was_asked_for_is_named_with_its_holder() {
    let held = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = held.local_addr().expect("its address").port().to_string();
    let state = tempfile::tempdir().expect("a temporary folder");
    let args = ["up", "--ports", "auto", "--prometheus-port", &port];
    let taken = format!("port {port} for the Prometheus API is taken");
    let by = format!("(process {})", std::process::id());
    refused(state.path(), &args, 4, &[&taken, &by]);
}

fn what_alert_rules_name_is_what_services_emit() {
    let drill = Drill::start(&["up", "--seed", "22"]);
    let url = format!("{}/api/v1/rules", drill.url("prometheus"));
    let rules = wait_for("every rule is evaluated", SOON, || {
        let answer = get_json(&url);
        let groups = answer["data"]["groups"].as_array()?.clone();
        let rules: Vec<Value> = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect();
        (!rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown")).then_some(rules)
    });
    let mut names = Vec::new();
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        names.extend(metric_names(rule["query"].as_str().expect("a query")));
    }
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        let url = format!("{}/api/v1/series?match[]={name}", drill.url("prometheus"));
        until(&format!("a series of `{name}`"), SOON, || {
            get_json(&url)["data"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        });
    }
}

/// The metric names of an expression: words with an underscore that end like one of our metrics.
fn metric_names(expr: &str) -> Vec<String> {
    let words =
        expr.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let is_metric = |word: &&str| {
        ["_bucket", "_count", "_bytes", "_seconds", "_total"]
            .iter()
            .any(|end| word.ends_with(end))
            || *word == "up"
    };
    words.filter(is_metric).map(str::to_owned).collect()
}

fn foreign_hosts_and_missing_tokens_are_refused() {
    let drill = Drill::start(&["up", "--seed", "23"]);
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("an HTTP client");
    let processes = drill.processes();
    let admin = processes[0]["admin"].as_str().expect("an address");
    let internal = processes.iter().filter(|one| one["service"] != "gateway");
    let internal = internal.map(|one| {
        let public = one["public"].as_str().expect("an address");
        format!("http://{public}/healthz")
    });
    let urls = [
        format!("{}/api/services", drill.url("jaeger")),
        format!("{}/api/v1/query?query=up", drill.url("prometheus")),
        format!("{}/v1/traces", drill.url("otlp_http")),
        format!("http://{admin}/metrics"),
    ];
    for url in urls.into_iter().chain(internal) {
        let answer = client
            .get(&url)
            .header("host", "attacker.example")
            .send()
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 403, "{url} with a foreign Host");
        assert!(
            !answer.headers().contains_key("access-control-allow-origin"),
            "{url}"
        );
    }
    for (method, path) in [
        ("GET", "/debug/pprof/heap"),
        ("POST", "/control/log-level"),
        ("POST", "/control/drain"),
    ] {
        let method = method.parse().expect("a method");
        let answer = client
            .request(method, format!("http://{admin}{path}"))
            .send()
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 401, "{path} without a token");
    }
}

fn clients_that_do_not_escape_are_answered() {
    let drill = Drill::start(&["up", "--seed", "24"]);
    let metrics = drill.url("prometheus");
    let traces = drill.url("jaeger");
    for (url, path) in [
        (metrics, r#"/api/v1/query?query=up{service="gateway"}"#),
        (metrics, "/api/v1/query?query=up<2"),
        (
            metrics,
            "/api/v1/query_range?query=up>0&start=1&end=2&step=1",
        ),
        (
            traces,
            r#"/api/traces?service=gateway&tags={"error":"true"}"#,
        ),
    ] {
        let answer = ask_raw(url, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
}

/// The answer to a request whose address is sent as it stands, as no library here would.
fn ask_raw(url: &str, path: &str) -> String {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn every_socket_listens_on_loopback_only() {
    let drill = Drill::start(&["up", "--seed", "25"]);
    let listening = listening(&drill);
    for addr in &listening {
        assert!(addr.ip().is_loopback(), "a drill listens on {addr}");
    }
    assert!(
        listening.len() >= 13,
        "public and admin ports, the backend's four, the provider's and the control API: {listening:?}"
    );
}

/// Where a drill's processes listen.
pub(crate) fn listening(drill: &Drill) -> Vec<SocketAddr> {
    let mut processes = children_of(drill.pid());
    processes.push(drill.pid());
    let inodes: Vec<String> = processes.iter().flat_map(|id| sockets_of(*id)).collect();
    let mut addrs = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        for line in table.lines().skip(1) {
            // proc_pid_net(5): local address, state (0A is LISTEN), inode.
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && inodes.iter().any(|inode| inode == fields[9]) {
                addrs.push(address(fields[1]));
            }
        }
    }
    addrs
}

/// An address as the kernel writes it: words of the address in the machine's order, and the port.
fn address(text: &str) -> SocketAddr {
    let (ip, port) = text.split_once(':').expect("a port");
    let port = u16::from_str_radix(port, 16).expect("a port");
    let words = ip.as_bytes().chunks(8).flat_map(|word| {
        let word = std::str::from_utf8(word).expect("digits");
        u32::from_str_radix(word, 16).expect("digits").to_ne_bytes()
    });
    let bytes: Vec<u8> = words.collect();
    match <[u8; 4]>::try_from(&*bytes) {
        Ok(four) => (four, port).into(),
        Err(_) => (<[u8; 16]>::try_from(&*bytes).expect("an address"), port).into(),
    }
}

/// The inodes of a process's sockets.
fn sockets_of(id: u32) -> Vec<String> {
    let descriptors = std::fs::read_dir(format!("/proc/{id}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let links = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect()
}

fn malformed_input_gets_an_error_of_the_api_it_was_sent_to() {
    let drill = Drill::start(&["up", "--seed", "24"]);
    let (status, text) = get(&format!(
        "{}/api/v1/query?query=sum(rate(",
        drill.url("prometheus")
    ));
    let answer: Value = serde_json::from_str(&text).expect("Prometheus's own format");
    assert_eq!(
        (status, &answer["status"], &answer["errorType"]),
        (400, &"error".into(), &"bad_data".into()),
        "{text}"
    );
    let client = http();
    for (kind, body) in [
        ("application/json", &b"{\"resourceSpans\": 7}"[..]),
        ("application/x-protobuf", b"\xff\xff\xff"),
    ] {
        let url = format!("{}/v1/traces", drill.url("otlp_http"));
        let answer = client
            .post(&url)
            .header("content-type", kind)
            .body(body)
            .send()
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 400, "{kind}");
    }
    let (status, text) = get(&format!(
        "{}/api/v3/traces/not-a-trace",
        drill.url("jaeger")
    ));
    assert_eq!(status, 400, "{text}");
    let (status, text) = get(&format!("{}/v1/products/sku-999999", drill.url("gateway")));
    let problem: Value = serde_json::from_str(&text).expect("problem+json");
    assert_eq!(
        (status, problem["status"].as_u64()),
        (404, Some(404)),
        "{text}"
    );
}
