//! The shop's processes as children of managers, as in containers, where the runner reaches them over HTTP alone.
//!
//! Here the managers are processes beside the runner; `compose/drill` puts them into real containers, with the files
//! that [`file`] looks at.

mod file;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::drills::{Case, run};
use crate::support::{
    Drill, SOON, children_of, claims, free_addr, get, http, is_alive, kill, refused, until,
    wait_for,
};

const INSTANCES: [&str; 4] = ["gateway-1", "checkout-1", "inventory-1", "inventory-2"];

pub(crate) fn trials() -> Vec<Trial> {
    let of_managers: Vec<Trial> = claims![
        a_drill_through_managers_is_passed_by_a_right_write_up,
        a_manager_wants_its_token_and_its_own_name,
        a_killed_runner_leaves_nothing_with_the_managers,
        a_drill_takes_the_shop_over_from_up,
        what_is_wrong_with_a_manager_is_named,
        alertmanagers_webhook_pages_once_and_only_for_this_run,
    ];
    of_managers.into_iter().chain(file::trials()).collect()
}

/// One manager for each instance, on free ports.
struct Managers {
    all: Vec<Manager>,
    folder: tempfile::TempDir,
}

struct Manager {
    instance: &'static str,
    child: Child,
    ready: Value,
}

impl Managers {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let all = INSTANCES
            .map(|instance| Manager::start(instance, folder.path()))
            .into();
        Self { all, folder }
    }

    /// What `--managers` takes.
    fn list(&self) -> String {
        let entries: Vec<String> = self
            .all
            .iter()
            .map(|one| format!("{}=http://{}", one.instance, one.addr("control")))
            .collect();
        entries.join(",")
    }

    fn token(&self) -> String {
        self.folder.path().join("token").display().to_string()
    }

    /// The processes that they have started and that run.
    fn children(&self) -> Vec<u32> {
        let children = self.all.iter().flat_map(|one| children_of(one.child.id()));
        children.filter(|id| is_alive(*id)).collect()
    }
}

impl Manager {
    fn start(instance: &'static str, folder: &Path) -> Self {
        let service = instance.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        command.args(["manage", service]);
        for flag in ["--bind", "--public", "--admin"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let mut child = command
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--token-file")
            .arg(folder.join("token"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output is piped"))
            .read_line(&mut line)
            .expect("a ready line");
        let ready = serde_json::from_str(&line).expect("a JSON line");
        Self {
            instance,
            child,
            ready,
        }
    }

    fn addr(&self, name: &str) -> &str {
        self.ready[name].as_str().expect("an address")
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may have exited already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

fn a_drill_through_managers_is_passed_by_a_right_write_up() {
    let managers = Managers::start();
    let case = Case::of("error-spike");
    run(
        case,
        &[
            "--managers",
            &managers.list(),
            "--token-file",
            &managers.token(),
        ],
    );
    assert_eq!(managers.children(), [0; 0], "the drill is over");
}

fn a_manager_wants_its_token_and_its_own_name() {
    let managers = Managers::start();
    let manager = &managers.all[0];
    let control = manager.addr("control");
    let token = std::fs::read_to_string(managers.token()).expect("the token");
    let client = http();
    let ask = |path: &str, host: &str, token: &str, kind: &str| {
        let answer = client
            .post(format!("http://{control}{path}"))
            .header("host", host)
            .bearer_auth(token)
            .header("content-type", kind)
            .body(r#"{"run":"a","is_drill":true}"#)
            .send()
            .expect("an answer");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        answer.status().as_u16()
    };
    let json = "application/json";
    for path in [
        "/v1/lease",
        "/v1/release",
        "/v1/catalogue",
        "/v1/start",
        "/v1/stop",
        "/v1/news",
    ] {
        assert_eq!(ask(path, control, "", json), 401, "{path}");
        assert_eq!(ask(path, control, &token[1..], json), 401, "{path}");
        assert_eq!(ask(path, "shop.example", &token, json), 403, "{path}");
        assert_eq!(ask(path, control, &token, "text/plain"), 415, "{path}");
    }
    assert_eq!(ask("/v1/lease", control, &token, json), 200);
    assert_eq!(get(&format!("http://{control}/healthz")).0, 200);
    let admin = format!("http://{}/metrics", manager.addr("admin"));
    let answer = client
        .get(&admin)
        .header("host", "shop.example")
        .send()
        .expect("an answer");
    assert_eq!(answer.status().as_u16(), 403);
    let arguments = format!("/proc/{}/cmdline", manager.child.id());
    let arguments = std::fs::read_to_string(arguments).expect("its arguments");
    assert!(
        !arguments.contains(token.trim()),
        "the token is not an argument"
    );
}

fn a_killed_runner_leaves_nothing_with_the_managers() {
    let managers = Managers::start();
    let (list, token) = (managers.list(), managers.token());
    let mut drill = Drill::start(&["up", "--managers", &list, "--token-file", &token]);
    assert_eq!(managers.children().len(), 4);
    for one in &managers.all {
        let url = format!("http://{}/metrics", one.addr("admin"));
        let (status, text) = get(&url);
        assert_eq!(status, 200);
        assert!(text.contains("build_info"), "{text}");
    }

    // What is done to processes reaches all of them there, as here.
    let done = drill.json(&["flush", "inventory"]);
    assert!(done["count"].as_u64() > Some(0), "{done}");
    for action in ["block", "unblock"] {
        assert_eq!(drill.json(&[action, "someone"])["count"], 1, "{action}");
    }
    // How many replicas there are is not the runner's to say there.
    drill.refuses(&["scale", "inventory", "3"], &["compose.yaml"]);
    // One that is killed there is told and started again, as here.
    kill(drill.pid_of("checkout-1").expect("checkout"));
    let ended = drill.event("process", SOON);
    assert_eq!(ended["instance"], "checkout-1");
    let again = drill.event("process", SOON);
    assert_eq!(again["what"], "restarted");

    drill.kill();
    until("nothing runs any more", Duration::from_secs(20), || {
        managers.children().is_empty()
    });
    let data = managers.folder.path().join("data");
    wait_for("only the cache is left", SOON, || {
        let names: Vec<_> = std::fs::read_dir(&data)
            .ok()?
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        (names == ["cache"]).then_some(())
    });
    // Nothing is deployed: that is not an outage.
    let (status, text) = get(&format!("http://{}/metrics", managers.all[0].addr("admin")));
    assert_eq!(status, 200);
    assert!(!text.contains("build_info"), "{text}");
}

fn a_drill_takes_the_shop_over_from_up() {
    let managers = Managers::start();
    let (list, token) = (managers.list(), managers.token());
    let args = ["--managers", &list, "--token-file", &token];
    let mut shop = Drill::start(&[&["up"], &args[..]].concat());
    let state = tempfile::tempdir().expect("a temporary folder");
    let drill = Drill::start(&[&["run", "noisy-warnings", "--pace", "fast"], &args[..]].concat());
    assert_eq!(shop.wait_for_end().code(), Some(0), "it gave way");
    // A drill does not give way: the next one is told which run has the shop.
    let run = drill.ready["run"].as_str().expect("its id");
    let busy = format!("is busy: it serves run {run}");
    let up = [&["up", "--ports", "auto"], &args[..]].concat();
    refused(state.path(), &up, 4, &[&busy]);
}

fn what_is_wrong_with_a_manager_is_named() {
    let managers = Managers::start();
    let state = tempfile::tempdir().expect("a temporary folder");
    let other = state.path().join("other-token").display().to_string();
    let (list, token) = (managers.list(), managers.token());
    let gateway = managers.all[0].addr("control");
    let closed = free_addr().to_string();
    let prometheus = managers.all[0].addr("admin");
    let cases = [
        (list.clone(), &other, 4, "rejected the token"),
        (list.replace(gateway, &closed), &token, 4, "does not answer"),
        (
            list.replace(gateway, prometheus),
            &token,
            4,
            "it is not a manager",
        ),
        (
            list.replace(gateway, managers.all[1].addr("control")),
            &token,
            4,
            "it manages `checkout`, not `gateway`",
        ),
        (
            list.replace("http:", "ftp:"),
            &token,
            2,
            "is not the address of a manager",
        ),
        (list.replace("gateway-1", "gatevay"), &token, 2, "gatevay"),
    ];
    for (list, token, code, expected) in cases {
        let up = ["up", "--ports", "auto", "--managers", &list];
        let args = [&up[..], &["--token-file", token]].concat();
        refused(state.path(), &args, code, &[expected, "hint:"]);
    }
    until("nothing was started", SOON, || {
        managers.children().is_empty()
    });
}

fn alertmanagers_webhook_pages_once_and_only_for_this_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let token = folder.path().join("token").display().to_string();
    let addr = free_addr().to_string();
    let args = ["up", "--pager", &addr, "--pager-token-file", &token];
    let mut drill = Drill::start(&args);
    let token = std::fs::read_to_string(&token).expect("the token was made");
    let client = http();
    let send = |alert: &str, since: &str, host: &str, token: &str| {
        let body = serde_json::json!({"version": "4", "status": "firing", "alerts": [{
            "status": "firing", "labels": {"alertname": alert, "severity": "page"},
            "annotations": {"summary": "customers wait"}, "startsAt": since, "endsAt": "0001-01-01T00:00:00Z",
        }]});
        let answer = client
            .post(format!("http://{addr}/v1/alerts"))
            .header("host", host)
            .bearer_auth(token)
            .json(&body)
            .send()
            .expect("an answer");
        answer.status().as_u16()
    };
    let future = "2126-11-23T14:00:00Z";
    assert_eq!(send("Foreign", future, "shop.example", &token), 403);
    assert_eq!(send("Stranger", future, &addr, "guess"), 401);
    assert_eq!(send("Earlier", "2026-01-01T00:00:00Z", &addr, &token), 204);
    assert_eq!(send("First", future, &addr, &token), 204);
    assert_eq!(send("First", future, &addr, &token), 204);
    assert_eq!(send("Second", future, &addr, &token), 204);
    let first = drill.event("page", SOON);
    assert_eq!(
        (&first["alert"], &first["summary"]),
        (&"First".into(), &"customers wait".into())
    );
    assert_eq!(drill.event("page", SOON)["alert"], "Second");
}
