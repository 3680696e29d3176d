//! However a drill ends, nothing of it is left: no process, no port, no database, and what it recorded can be opened.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{Drill, SOON, children_of, firedrill, get_json, is_alive, wait_for};

/// What the issue of the whole allows after a kill.
const GONE_WITHIN: Duration = Duration::from_secs(5);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "crash::a_killed_runner_leaves_no_process_port_or_database",
            || {
                kill_the_runner();
                Ok(())
            },
        ),
        Trial::test(
            "crash::an_interrupt_ends_everything_and_the_record_opens",
            || {
                interrupt_and_open();
                Ok(())
            },
        ),
        Trial::test(
            "crash::a_killed_backend_comes_back_with_what_it_recorded",
            || {
                kill_the_backend();
                Ok(())
            },
        ),
        Trial::test(
            "crash::a_killed_service_comes_back_and_that_is_visible",
            || {
                kill_a_service();
                Ok(())
            },
        ),
    ]
}

fn kill_the_runner() {
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
    wait_for("every child ends", GONE_WITHIN, || {
        (!children.iter().any(|id| is_alive(*id))).then_some(())
    });
    for port in ports {
        wait_for("every port is closed", GONE_WITHIN, || {
            TcpStream::connect(port).is_err().then_some(())
        });
    }
    let scratch = drill.folder().join("scratch");
    wait_for("the databases are removed", GONE_WITHIN, || {
        (!scratch.exists()).then_some(())
    });
    opens(drill.state(), &drill.folder());
}

fn interrupt_and_open() {
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
    wait_for("a scrape", SOON, || {
        let up = get_json(&format!(
            "{}/api/v1/query?query=sum(up)",
            drill.url("prometheus")
        ));
        (up["data"]["result"][0]["value"][1] == "4").then_some(())
    });
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
    let run = folder
        .file_name()
        .expect("a folder has a name")
        .to_str()
        .expect("an id is text");
    let mut child = firedrill(state)
        .args(["open", run, "--ports", "auto", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary under test starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
        .expect("a ready line");
    let ready: Value =
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let jaeger = ready["urls"]["jaeger"].as_str().expect("an address");
    let services = get_json(&format!("{jaeger}/api/v3/services"));
    assert!(
        services["services"]
            .as_array()
            .is_some_and(|services| services.len() >= 3),
        "{services}"
    );
    let prometheus = ready["urls"]["prometheus"].as_str().expect("an address");
    let names = get_json(&format!("{prometheus}/api/v1/label/__name__/values"));
    assert!(
        names["data"]
            .as_array()
            .is_some_and(|names| names.len() > 20),
        "{names}"
    );
    child.kill().expect("it can be killed");
    child.wait().expect("it was killed");
}

fn kill_the_backend() {
    let mut drill = Drill::start(&["up", "--seed", "4"]);
    wait_for_traces(&drill);
    let trace = wait_for("an order's trace", SOON, || {
        let found = drill.try_json(&[
            "traces",
            "--service",
            "gateway",
            "--operation",
            "POST /v1/orders",
            "--limit",
            "1",
        ])?;
        Some(found.as_array()?.first()?["id"].as_str()?.to_owned())
    });
    let first = wait_for("a first sample", SOON, || oldest_sample(&drill));
    let backend = *children_of(drill.pid())
        .iter()
        .find(|id| {
            std::fs::read_to_string(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| line.contains("backend"))
        })
        .expect("the backend is a child");
    // The journals are written every second: what is asked for below must be older than that.
    let journal = drill.folder().join("metrics.lz4");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    for _ in 0..2 {
        let before = size(&journal);
        wait_for("the journal is written", SOON, || {
            (size(&journal) > before).then_some(())
        });
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(backend.cast_signed()).expect("an id"),
        rustix::process::Signal::KILL,
    )
    .expect("a child can be killed");
    let ended = drill.event("process", SOON);
    assert_eq!(ended["instance"], "backend", "{ended}");
    let back = drill.event("process", SOON);
    assert_eq!(
        (&back["instance"], &back["what"]),
        (&"backend".into(), &"restarted".into()),
        "{back}"
    );
    assert!(
        drill.ok(&["trace", &trace]).contains("inventory"),
        "the trace from before is there"
    );
    assert_eq!(oldest_sample(&drill), Some(first), "and so are the samples");
    wait_for("it scrapes again", SOON, || {
        let up = get_json(&format!(
            "{}/api/v1/query?query=sum(up)",
            drill.url("prometheus")
        ));
        (up["data"]["result"][0]["value"][1] == "4").then_some(())
    });
}

/// The time of the first sample of the gateway's `up`, in seconds since 1970.
fn oldest_sample(drill: &Drill) -> Option<String> {
    let expr = "min_over_time(timestamp(up%7Bservice%3D%22gateway%22%7D)%5B10m%3A1s%5D)";
    let answer = get_json(&format!(
        "{}/api/v1/query?query={expr}",
        drill.url("prometheus")
    ));
    Some(answer["data"]["result"][0]["value"][1].as_str()?.to_owned())
}

fn kill_a_service() {
    let mut drill = Drill::start(&["up", "--seed", "3"]);
    let status = drill.json(&["status"]);
    let before = process_of(&status, "checkout-1");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(before.cast_signed()).expect("an id"),
        rustix::process::Signal::KILL,
    )
    .expect("a child can be killed");
    let event = drill.event("process", SOON);
    assert_eq!(event["instance"], "checkout-1");
    assert!(
        event["what"]
            .as_str()
            .is_some_and(|what| what.contains("signal: 9")),
        "{event}"
    );
    drill.event("process", SOON);
    let status = drill.json(&["status"]);
    assert_ne!(process_of(&status, "checkout-1"), before);
}

fn process_of(status: &Value, instance: &str) -> u32 {
    let services = status["services"].as_array().expect("services");
    let found = services
        .iter()
        .find(|service| service["instance"] == instance)
        .expect("the instance");
    u32::try_from(found["pid"].as_u64().expect("a process id")).expect("a process id")
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}
