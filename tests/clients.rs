//! Published clients, unmodified, against the embedded backends and the console of a running drill.
//! `tests/clients/install` installs those in Python and Node, `tests/tools/build` builds `telemetrygen`.

mod api;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use api::{
    a_graded_drill_answers_as_the_description_says, a_running_shop_answers_as_the_description_says,
    schemathesis_finds_nothing,
};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{Drill, SOON, claims, get_json, has_program, tool, wait_for, wanting};

const PYTHON_EXPORTERS: &str = include_str!("clients/send.py");
const NODE_EXPORTERS: &str = include_str!("clients/send.mjs");

/// What exporters offer: the language, the protocol (`http` is protobuf over HTTP) and the compression.
const EXPORTERS: &[(&str, &str, &[&str])] = &[
    ("python", "http", &["none", "gzip", "deflate"]),
    ("python", "json", &["none", "gzip", "deflate"]),
    ("python", "grpc", &["none", "gzip", "deflate"]),
    ("node", "http", &["none", "gzip"]),
    ("node", "json", &["none", "gzip"]),
    ("node", "grpc", &["none", "gzip"]),
];

/// The tags that must arrive from both languages: span, key, value.
const TAGS: &[(&str, &str, &str)] = &[
    ("outer", "list.empty", "[]"),
    ("outer", "text.wide", "\u{1f525} fire"),
    ("inner", "list.mixed", "[1,2,3]"),
];

/// Those of one language.
const TAGS_OF: &[(&str, &str, &str, &str)] = &[
    ("python", "inner", "bytes", "AP8="),
    ("python", "inner", "nested", r#"{"a":[{"b":"c"}]}"#),
    ("python", "inner", "number", "9007199254740993"),
    // Half a character cannot be kept.
    ("node", "inner", "text.cut", "123456789\u{fffd}"),
    ("node", "inner", "number", "9007199254740992"),
    ("node", "long", "text.long", "xxxxxxxxxx"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let clients = claims![
        every_exporter_of_python_and_node_is_understood,
        prometheus_api_client_gets_what_it_asks_for,
        prometheus_mcp_server_answers_with_every_tool,
        a_running_shop_answers_as_the_description_says,
        a_graded_drill_answers_as_the_description_says,
        schemathesis_finds_nothing,
    ];
    let mut trials = wanting(installed().is_some() && has_program("node"), clients);
    let generated = claims![what_telemetrygen_sends_is_counted];
    trials.extend(wanting(tool("telemetrygen").is_some(), generated));
    let profiles = claims![pprof_names_the_functions_of_a_heap_snapshot];
    trials.extend(wanting(has_program("go"), profiles));
    trials
}

fn every_exporter_of_python_and_node_is_understood() {
    let drill = Drill::start(&["up", "--seed", "61"]);
    for (language, protocol, compressions) in EXPORTERS {
        for compression in *compressions {
            check_exporter(&drill, language, protocol, compression);
        }
    }
}

fn check_exporter(drill: &Drill, language: &str, protocol: &str, compression: &str) {
    let service = format!("{language}-{protocol}-{compression}");
    let endpoint = drill.url(match protocol {
        "grpc" => "otlp_grpc",
        _ => "otlp_http",
    });
    let (mut command, program) = match language {
        "python" => (python(), PYTHON_EXPORTERS),
        _ => (node(), NODE_EXPORTERS),
    };
    command.args([protocol, compression, endpoint, &service]);
    run(command, program);
    let spans = spans(drill, &service, 3);
    let of_language = TAGS_OF.iter().filter(|(of, ..)| *of == language);
    let own = of_language.map(|(_, span, key, value)| (*span, *key, *value));
    for (span, key, value) in TAGS.iter().copied().chain(own) {
        let tag = tag(&spans, span, key);
        assert_eq!(tag.as_deref(), Some(value), "{service}: {key} in {spans:?}");
    }
    if language == "python" {
        let length = tag(&spans, "long", "text.long").map(|text| text.len());
        assert_eq!(length, Some(300_000), "{service}");
    }
}

fn what_telemetrygen_sends_is_counted() {
    let drill = Drill::start(&["up", "--seed", "62"]);
    for (protocol, more) in [("grpc", &[][..]), ("http", &["--otlp-http"][..])] {
        let service = format!("telemetrygen-{protocol}");
        let url = drill.url(&format!("otlp_{protocol}"));
        let endpoint = url.trim_start_matches("http://");
        let mut command = Command::new(tool("telemetrygen").expect("it was looked for before"));
        command
            .args(["traces", "--otlp-insecure", "--rate", "0"])
            .args(["--traces", "50", "--child-spans", "3"])
            .args(["--otlp-endpoint", endpoint, "--service", &service])
            .args(more);
        run(command, "");
        // Fifty roots with three children each.
        spans(&drill, &service, 200);
    }
}

fn prometheus_api_client_gets_what_it_asks_for() {
    let drill = Drill::start(&["up", "--seed", "63"]);
    // The client cuts its times to whole seconds: a range ends before a sample that is younger than that.
    wait_for("some seconds of samples", SOON, || {
        let fewest = drill.value_of("min(count_over_time(up[1m]))")?;
        (fewest >= 4.0 && drill.value_of("count(up)")? >= 4.0).then_some(())
    });
    let mut command = python();
    command.arg(drill.url("prometheus"));
    let found = run(command, include_str!("clients/query.py"));
    let found: Value = serde_json::from_str(&found).expect("one line of JSON");
    for (place, expected) in [
        ("/connection", "true"),
        ("/current/0/value/1", "\"1\""),
        ("/query/0/value/1", "\"4\""),
        ("/aggregation/max", "4.0"),
        ("/pools/0", "\"shop\""),
        ("/targets/activeTargets/0/health", "\"up\""),
        ("/target_metadata/0/type", "\"gauge\""),
        ("/metadata/0/type", "\"gauge\""),
        ("/label_values", r#"["checkout","gateway","inventory"]"#),
    ] {
        let value = found.pointer(place).map(Value::to_string);
        assert_eq!(value.as_deref(), Some(expected), "{place} of {found}");
    }
    for list in [
        "metrics",
        "series",
        "label_names",
        "range",
        "query_range/0/values",
    ] {
        let entries = found.pointer(&format!("/{list}")).and_then(Value::as_array);
        assert!(
            entries.is_some_and(|entries| !entries.is_empty()),
            "{list} of {found}"
        );
    }
}

fn prometheus_mcp_server_answers_with_every_tool() {
    let drill = Drill::start(&["up", "--seed", "64"]);
    drill.await_scrapes();
    let mut command = python();
    command
        .env("PROMETHEUS_URL", drill.url("prometheus"))
        // It asks for newer versions of its framework otherwise.
        .env("FASTMCP_CHECK_FOR_UPDATES", "off")
        .arg(folder().join("python/bin/prometheus-mcp-server"));
    let said = run(command, include_str!("clients/mcp.py"));
    let mut answers = said.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).expect("a line of JSON");
        (answer["tool"].clone(), answer["answer"].clone())
    });
    let (_, offered) = answers.next().expect("the list of tools");
    let answers: Vec<_> = answers.collect();
    for tool in offered.as_array().expect("a list of tools") {
        let called = answers.iter().any(|(name, _)| name == tool);
        assert!(called, "{tool} is offered and not called");
    }
    for ((tool, answer), part) in answers.iter().zip([
        "\"prometheus_connectivity\":\"healthy\"",
        "\"4\"]",
        "\"4\"]",
        "\"http_server_request_duration_seconds_bucket\"",
        "\"gauge\"",
        "\"help\":\"Orders by result.\"",
        "\"instance\":\"gateway-1\"",
    ]) {
        assert_eq!(answer["isError"], false, "{tool}: {answer}");
        let data = answer["structuredContent"].to_string();
        assert!(data.contains(part), "{part} of {tool}: {answer}");
    }
}

fn pprof_names_the_functions_of_a_heap_snapshot() {
    let drill = Drill::start(&["up", "--seed", "65"]);
    let pprof = |report: &str, name: &str| {
        let mut command = Command::new("go");
        command
            .args(["tool", "pprof", "-symbolize=none", report])
            .arg(drill.folder().join(format!("heap/{name}.pb.gz")))
            .env("PPROF_TMPDIR", drill.state());
        run(command, "")
    };
    let names = |text: &str| text.contains("tokio::runtime::");
    // The allocator samples, so that a young heap may have nothing in it.
    let mut numbers = 0..;
    let name = wait_for("a snapshot with something in it", SOON, || {
        let name = format!("number-{}", numbers.next()?);
        drill.ok(&["heap", "snapshot", &name, "inventory"]);
        names(&pprof("-top", &name)).then_some(name)
    });
    for report in ["-top", "-traces", "-raw"] {
        let text = pprof(report, &name);
        assert!(names(&text), "no function is named by {report}: {text}");
        assert!(
            !text.contains("[firedrill]"),
            "{report} shows an executable for a function: {text}"
        );
    }
}

/// The spans of a service, once all have arrived; more than were sent fail.
fn spans(drill: &Drill, service: &str, expected: usize) -> Vec<Value> {
    let jaeger = drill.url("jaeger");
    let url = format!("{jaeger}/api/traces?service={service}&limit=1000");
    let spans = wait_for(service, SOON, || {
        let answer = get_json(&url);
        let traces = answer["data"].as_array()?.iter();
        let spans = traces.filter_map(|trace| trace["spans"].as_array());
        let spans: Vec<Value> = spans.flatten().cloned().collect();
        (spans.len() >= expected).then_some(spans)
    });
    assert_eq!(spans.len(), expected, "{service}");
    spans
}

fn tag(spans: &[Value], span: &str, key: &str) -> Option<String> {
    let span = spans.iter().find(|one| one["operationName"] == span)?;
    let mut tags = span["tags"].as_array()?.iter();
    let value = &tags.find(|tag| tag["key"] == key)?["value"];
    Some(value.as_str().map_or(value.to_string(), str::to_owned))
}

/// Where `tests/clients/install` put the clients.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("FIREDRILL_CLIENTS").unwrap_or_default())
}

pub(crate) fn installed() -> Option<PathBuf> {
    let found = Some(folder()).filter(|folder| folder.join("done").is_file());
    assert!(
        found.is_some() || std::env::var_os("FIREDRILL_REQUIRE_PROGRAMS").is_none(),
        "clients must be in FIREDRILL_CLIENTS; `tests/clients/install` installs them"
    );
    found
}

/// Both take their program from standard input, so that it finds the modules of the folder it runs in.
fn python() -> Command {
    let mut command = Command::new(folder().join("python/bin/python"));
    command.arg("-");
    command
}

fn node() -> Command {
    let mut command = Command::new("node");
    command.current_dir(folder().join("node"));
    command.args(["--input-type=module", "-"]);
    command
}

/// Runs a client that must succeed, with this on its standard input; gives what it printed.
fn run(mut command: Command, input: &str) -> String {
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy().to_lowercase();
        if name.starts_with("otel_") || name.ends_with("_proxy") {
            command.env_remove(key);
        }
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A client that ends before it read all says why below.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{errors}");
    said
}
