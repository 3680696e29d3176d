//! The console's API as its description has it: held against what it answers, and by `schemathesis`, which makes requests
//! of the description.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use super::{folder, python, run};
use crate::console::Console;
use crate::drills::{self, Case};
use crate::support::{Drill, Opened, SOON, wait_for};

const PROGRAM: &str = include_str!("answers.py");

/// What schemathesis leaves alone: what would end the drill, and what takes the seconds that it is asked for.
const LEFT_OUT: [&str; 3] = ["/api/submit", "/api/debrief", "/api/profile/cpu"];

/// Requests that read and need nothing of the run.
const READS: [&str; 24] = [
    "/api/incident",
    "/api/status",
    "/api/alerts",
    "/api/logs?limit=50",
    "/api/logs?by=message",
    "/api/logs?query=nothing-has-this",
    "/api/traces?limit=5",
    "/api/metrics?pattern=pool",
    "/api/compare/metrics",
    "/api/compare/spans?min_duration=1ms",
    "/api/compare/logs",
    "/api/query?expr=up",
    "/api/query?expr=up&since=1m",
    "/api/query?expr=1%2F0",
    "/api/query?expr=%22text%22",
    "/api/query?expr=nothing_has_this",
    "/api/query?expr=http_server_request_duration_seconds_bucket&exemplars=true",
    "/api/deploys",
    "/api/config/show?service=gateway",
    "/api/list",
    "/api/history",
    "/api/next",
    "/api/grading",
    "/api/verdict",
];

/// Requests that change something, with what they send.
fn changes() -> Vec<(&'static str, Value)> {
    let snapshot = |name| json!({"name": name, "service": "inventory"});
    let request =
        |times| json!({"method": "GET", "path": "/v1/products/sku-000001", "times": times});
    let profile = |name| json!({"name": name, "service": "gateway", "seconds": 2});
    let client = || json!({"client": "client-0001"});
    vec![
        ("heap/snapshot", snapshot("one")),
        ("heap/snapshot", snapshot("two")),
        ("profile/cpu", profile("one")),
        ("profile/cpu", profile("two")),
        ("request", request(1)),
        ("request", request(3)),
        ("flush", json!({"service": "gateway"})),
        ("block", client()),
        ("unblock", client()),
        ("outbox/skip", json!({})),
        ("outbox/replay", json!({})),
        ("prices/revert", json!({})),
        ("restart", json!({"service": "gateway"})),
        (
            "deploy",
            json!({"service": "gateway", "release": "2026.11.1"}),
        ),
        (
            "config/set",
            json!({"service": "checkout", "settings": ["outbox.concurrency=7"]}),
        ),
        (
            "config/unset",
            json!({"service": "checkout", "keys": ["outbox.concurrency"]}),
        ),
        ("scale", json!({"service": "inventory", "replicas": 3})),
        ("report/new", json!({})),
        ("report/set", json!({"fields": ["severity=sev2"]})),
        ("report/pin", json!({"pointer": "promql:up", "to": "cause"})),
        // There is no earlier release.
        ("rollback", json!({"service": "checkout"})),
    ]
}

/// What was answered, and to what.
struct Answers {
    console: Console,
    answers: Vec<Value>,
}

impl Answers {
    fn of(url: &str) -> Self {
        Self {
            console: Console::at(url),
            answers: Vec::new(),
        }
    }

    fn get(&mut self, path: &str) -> Value {
        self.ask(&Method::GET, path, &Value::Null)
    }

    fn post(&mut self, command: &str, body: &Value) -> Value {
        self.ask(&Method::POST, &format!("/api/{command}"), body)
    }

    fn ask(&mut self, method: &Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.console.with_token(method.clone(), path, body);
        let method = method.as_str().to_lowercase();
        let noted = json!({"method": method, "path": path, "status": status, "body": answer});
        self.answers.push(noted);
        answer
    }

    /// The description is sound, and every answer fits it. The operations that have not answered well come back.
    fn check(self, folder: &Path) -> Vec<String> {
        let description = self.console.json("/api/openapi.json");
        let of = |answer: &Value| {
            let path = answer["path"].as_str()?.split('?').next()?;
            Some(format!("{} {path}", answer["method"].as_str()?))
        };
        let well = self.answers.iter().filter(|one| one["status"] == 200);
        let well: BTreeSet<String> = well.filter_map(of).collect();
        let paths = description["paths"].as_object().expect("paths").iter();
        let operations = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(move |method| format!("{method} {path}"))
        });
        let missing = operations.filter(|one| !well.contains(one)).collect();
        let file = folder.join("answers.json");
        let given = json!({"description": description, "answers": self.answers});
        std::fs::write(&file, given.to_string()).expect("a file");
        let mut command = python();
        command.arg(&file);
        let findings = run(command, PROGRAM);
        assert!(findings.is_empty(), "{findings}");
        missing
    }
}

pub(super) fn a_running_shop_answers_as_the_description_says() {
    let drill = Drill::start(&["up", "--seed", "66"]);
    drill.await_scrapes();
    let trace = wait_for("a trace", SOON, || drill.newest_order());
    let mut asked = Answers::of(drill.url("console"));
    for (command, body) in changes() {
        asked.post(command, &body);
    }
    let draft = asked.get("/api/draft");
    let edit = json!({"text": draft["text"], "version": draft["version"]});
    asked.ask(&Method::PUT, "/api/draft", &edit);
    let deploys = asked.get("/api/deploys");
    let deploy = deploys[0]["id"].as_str().expect("an id");
    let about_the_run = [
        format!("/api/trace?id={trace}"),
        format!("/api/deploys/show?id={deploy}"),
        "/api/heap/show?name=one".to_owned(),
        "/api/heap/diff?before=one&after=two".to_owned(),
        "/api/heap/list".to_owned(),
        "/api/profile/list".to_owned(),
        "/api/profile/show?name=one".to_owned(),
        "/api/profile/diff?before=one&after=two".to_owned(),
        "/api/report/check".to_owned(),
        "/api/openapi.json".to_owned(),
    ];
    for path in READS
        .iter()
        .copied()
        .chain(about_the_run.iter().map(String::as_str))
    {
        asked.get(path);
    }
    let missing = asked.check(drill.state());
    let expected = [
        "post /api/debrief",
        "post /api/rollback",
        "post /api/submit",
    ];
    assert_eq!(missing, expected);
}

pub(super) fn a_graded_drill_answers_as_the_description_says() {
    let case = Case::of("error-spike");
    let mut drill = drills::start(case, &[]);
    drills::to_verdict(case, "wrong", &mut drill, |drill| {
        let mut asked = Answers::of(drill.url("console"));
        for path in READS.iter().copied().chain(["/api/draft"]) {
            asked.get(path);
        }
        asked.check(drill.state());
    });
    let run = drill.ready["run"].as_str().expect("a run id");
    let opened = Opened::start(drill.state(), run);
    let mut asked = Answers::of(opened.url("console"));
    for path in READS.iter().copied().chain(["/api/report/check"]) {
        asked.get(path);
    }
    asked.post("submit", &json!({"run": run}));
    let debrief = asked.post("debrief", &json!({}));
    assert!(debrief["changed_at"].is_string(), "{debrief}");
    assert!(debrief["path"][0]["link"]["kind"].is_string(), "{debrief}");
    let missing = asked.check(drill.state());
    for answered in ["post /api/submit", "post /api/debrief", "get /api/verdict"] {
        assert!(!missing.iter().any(|one| one == answered), "{answered}");
    }
}

pub(super) fn schemathesis_finds_nothing() {
    let drill = Drill::start(&["up", "--seed", "67"]);
    drill.await_scrapes();
    let console = Console::of(&drill);
    let observer = console.of_observer();
    schemathesis(&drill, &console, "6");
    schemathesis(&drill, &observer, "2");
    assert_eq!(console.json("/api/status")["phase"], "up");
}

fn schemathesis(drill: &Drill, console: &Console, examples: &str) {
    let mut command = Command::new(folder().join("python/bin/st"));
    command
        .args(["run", &format!("{}/api/openapi.json", console.origin)])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", console.token),
        ])
        .args(["--seed", "1", "--max-examples", examples, "--no-shrink"])
        .args(["--phases", "examples,coverage,fuzzing"])
        // What a name or an expression means is told by the command, with 400, and by no schema.
        .args([
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",
        ])
        .args(["--continue-on-failure", "--no-color", "--warnings", "off"])
        // Processes are replaced, on a machine with other work.
        .args(["--max-response-time", "60", "--request-timeout", "60"])
        .args(LEFT_OUT.map(|path| format!("--exclude-path={path}")))
        // It leaves files behind.
        .current_dir(drill.state());
    let said = run(command, "");
    assert!(said.contains("No issues found"), "{said}");
}
