//! Real backends that die, are killed or run already.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::drills::{self, Case};
use crate::support::{
    Drill, SOON, children_of, firedrill, get, get_json, is_alive, kill, tool, wait_for,
};

/// What the issue of the whole allows after a kill.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// The longest that a drill at the fast pace takes to its page, beside others.
const PAGE_WITHIN: Duration = Duration::from_secs(240);
const PROGRAMS: [&str; 2] = ["jaeger", "prometheus"];

/// The drill's processes by what they are: the keepers, and the programs that they keep.
struct Kept {
    keepers: Vec<u32>,
    programs: Vec<(u32, String)>,
}

impl Kept {
    fn of(drill: &Drill) -> Self {
        let keepers: Vec<u32> = children_of(drill.pid())
            .into_iter()
            .filter(|id| arguments(*id).contains("\0native\0"))
            .collect();
        let kept = keepers.iter().flat_map(|keeper| children_of(*keeper));
        let programs = kept.map(|id| (id, arguments(id))).collect();
        Self { keepers, programs }
    }

    fn program(&self, name: &str) -> u32 {
        let is_it = |arguments: &str| {
            let first = arguments.split('\0').next().unwrap_or_default();
            Path::new(first)
                .file_name()
                .is_some_and(|file| file == name)
        };
        let found = self.programs.iter().find(|(_, line)| is_it(line));
        found
            .unwrap_or_else(|| panic!("no {name} among {:?}", self.programs))
            .0
    }
}

fn arguments(id: u32) -> String {
    std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default()
}

pub(super) fn kill_the_runner() {
    let mut drill = Drill::start(&["up", "--seed", "11", "--backend", "native"]);
    let kept = Kept::of(&drill);
    let all: Vec<u32> = kept
        .programs
        .iter()
        .map(|(id, _)| *id)
        .chain(children_of(drill.pid()))
        .collect();
    for name in PROGRAMS {
        kept.program(name);
    }
    await_scrapes(&drill);
    let ports = ["gateway", "jaeger", "prometheus", "otlp_grpc", "otlp_http"]
        .map(|name| address(drill.url(name)));
    assert!(drill.folder().join("scratch/native/prometheus").is_dir());
    drill.kill();
    wait_for("every process ends", GONE_WITHIN, || {
        (!all.iter().any(|id| is_alive(*id))).then_some(())
    });
    for port in ports {
        assert!(TcpStream::connect(port).is_err(), "{port} still answers");
    }
    let scratch = drill.folder().join("scratch");
    wait_for("the databases are removed", GONE_WITHIN, || {
        (!scratch.exists()).then_some(())
    });
    // What such a run cannot show any more is said, and so is what it can.
    let output = drill.cli(&["open"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("its native Jaeger and Prometheus kept them"),
        "{said}"
    );
    assert!(said.contains("firedrill logs --run"), "{said}");
}

pub(super) fn kill_the_programs() {
    let mut drill = Drill::start(&["up", "--seed", "12", "--backend", "native"]);
    let programs = drill.ready["backends"]["programs"]
        .as_array()
        .expect("programs")
        .clone();
    for name in PROGRAMS {
        let of_it = programs.iter().find(|program| program["name"] == name);
        let version = of_it.expect(name)["version"].as_str().expect("a version");
        assert!(
            version.starts_with(|first: char| first.is_ascii_digit()),
            "{version}"
        );
    }
    await_scrapes(&drill);
    for name in PROGRAMS {
        kill(Kept::of(&drill).program(name));
        comes_back(&mut drill, name, "signal: 9");
    }
    // A keeper that is killed takes its program along, or the port would not be free.
    let kept = Kept::of(&drill);
    let prometheus = kept.program("prometheus");
    let keeper = kept
        .keepers
        .iter()
        .find(|keeper| children_of(**keeper).contains(&prometheus));
    kill(*keeper.expect("prometheus has a keeper"));
    comes_back(&mut drill, "prometheus", "signal: 9");
    assert!(!is_alive(prometheus), "the program outlived its keeper");
    await_scrapes(&drill);
    let (code, folder, _state) = drill.interrupt();
    assert_eq!(code, 0);
    assert!(!folder.join("scratch").exists());
}

fn comes_back(drill: &mut Drill, name: &str, how: &str) {
    let ended = drill.event("process", SOON);
    assert_eq!(ended["instance"], name, "{ended}");
    assert!(
        ended["what"]
            .as_str()
            .is_some_and(|what| what.contains(how)),
        "{ended}"
    );
    let back = drill.event("process", SOON);
    assert_eq!(back["what"], "restarted", "{back}");
    let path = if name == "jaeger" {
        "api/v3/services"
    } else {
        "-/ready"
    };
    let url = format!("{}/{path}", drill.url(name));
    assert_eq!(get(&url).0, 200, "{url} answers where it did before");
}

pub(super) fn lose_jaeger() {
    let case = Case::of("error-spike");
    let run = [
        "run",
        case.id,
        "--pace",
        "fast",
        "--seed",
        "5",
        "--backend",
        "native",
    ];
    let mut drill = Drill::start(&run);
    let graded = drills::to_verdict(case, "right", &mut drill, |drill| {
        kill(Kept::of(drill).program("jaeger"));
        comes_back(drill, "jaeger", "signal: 9");
    });
    let verdict = graded.verdict;
    assert_eq!(verdict["incomplete"], true, "{verdict:#}");
    let pointers = verdict["pointers"].as_array().expect("pointers");
    let lost: Vec<&Value> = pointers
        .iter()
        .filter(|pointer| pointer["outcome"]["is"] == "unchecked")
        .collect();
    assert!(
        lost.iter().any(|pointer| pointer["kind"] == "trace"),
        "{pointers:#?}"
    );
    let traces = pointers.iter().filter(|pointer| pointer["kind"] == "trace");
    assert!(
        traces.into_iter().all(|pointer| lost.contains(&pointer)),
        "{pointers:#?}"
    );
}

/// A process of a test's own. Dropping it ends it.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have exited already; the test has failed then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, arguments: &[String], log: &Path) -> Program {
    let log = std::fs::File::create(log).expect("a log");
    let child = Command::new(tool(program).expect("it was looked for before"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Program(child.expect("it starts"))
}

/// A free port; another program may take it before it is used, which would fail the test by name.
fn free() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}

/// A Jaeger and a Prometheus that a test started, and what a drill is told of them.
struct Elsewhere {
    _jaeger: Program,
    prometheus: Program,
    _folder: tempfile::TempDir,
    jaeger_url: String,
    flags: Vec<String>,
}

impl Elsewhere {
    /// Starts both. The Prometheus gets nothing but what the drill has written down for it.
    fn start(state: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [query, grpc, http, metrics] = [free(), free(), free(), free()];
        let file = folder.path().join("jaeger.yaml");
        std::fs::write(&file, jaeger_settings(&query, &grpc, &http).to_string())
            .expect("a configuration");
        let arguments = ["--config".to_owned(), file.display().to_string()];
        let jaeger = start("jaeger", &arguments, &folder.path().join("jaeger.log"));
        for port in [&query, &http] {
            wait_for("jaeger", SOON, || TcpStream::connect(port).ok());
        }
        let url = |address: &str| format!("http://{address}");
        let flags = [
            "--backend",
            "external",
            "--otlp",
            &url(&http),
            "--jaeger",
            &url(&query),
            "--prometheus",
            &url(&metrics),
        ];
        let flags = flags.map(str::to_owned).to_vec();
        // The first try tells what the Prometheus must read; that is all that this one is given.
        let first = firedrill(state).arg("up").args(&flags).output();
        let status = first.expect("the binary under test starts").status;
        assert_eq!(status.code(), Some(4), "there is no Prometheus yet");
        let arguments = [
            format!(
                "--config.file={}",
                state.join("external/scrape.yml").display()
            ),
            format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ),
            format!("--web.listen-address={metrics}"),
        ];
        let log = folder.path().join("prometheus.log");
        let prometheus = start("prometheus", &arguments, &log);
        wait_for("prometheus", SOON, || {
            TcpStream::connect(&metrics).ok()?;
            let (status, _) = get(&format!("http://{metrics}/-/ready"));
            (status == 200).then_some(())
        });
        Self {
            _jaeger: jaeger,
            prometheus,
            _folder: folder,
            jaeger_url: url(&query),
            flags,
        }
    }

    /// Starts that drill on them.
    fn drill(&self, state: tempfile::TempDir, id: &str) -> Drill {
        let run = ["run", id, "--pace", "fast", "--seed", "5"];
        let flags = self.flags.iter().map(String::as_str);
        let arguments: Vec<&str> = run.into_iter().chain(flags).collect();
        Drill::start_in(state, &arguments)
    }
}

fn jaeger_settings(query: &str, grpc: &str, http: &str) -> Value {
    json!({
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
            "telemetry": {"metrics": {"level": "none"}},
        },
        "extensions": {
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 50_000}}}},
            "jaeger_query": {
                "storage": {"traces": "memory"}, "enable_tracing": false,
                "http": {"endpoint": query}, "grpc": {"endpoint": "127.0.0.1:0"},
            },
        },
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": grpc}, "http": {"endpoint": http}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    })
}

pub(super) fn external() {
    let state = tempfile::tempdir().expect("a temporary state folder");
    let elsewhere = Elsewhere::start(state.path());
    let case = Case::of("noisy-warnings");
    let mut drill = elsewhere.drill(state, case.id);
    drills::to_verdict(case, "right", &mut drill, |_| {});
    let output = drill.cli(&["open"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&elsewhere.jaeger_url), "{said}");
    // The shop is gone, and the Prometheus that stays is told so.
    let targets = std::fs::read_to_string(drill.state().join("external/firedrill-targets.json"));
    assert_eq!(targets.expect("the targets").trim(), "[]");
}

pub(super) fn lose_prometheus() {
    let state = tempfile::tempdir().expect("a temporary state folder");
    let mut elsewhere = Elsewhere::start(state.path());
    let case = Case::of("error-spike");
    let mut drill = elsewhere.drill(state, case.id);
    let graded = drills::to_verdict(case, "right", &mut drill, |drill| {
        elsewhere.prometheus.0.kill().expect("it can be killed");
        let silent = drill.event("process", SOON);
        assert_eq!(silent["instance"], "prometheus", "{silent}");
        let what = silent["what"].as_str().unwrap_or_default();
        assert!(what.starts_with("stopped answering ("), "{what}");
    });
    let verdict = graded.verdict;
    assert_eq!(verdict["incomplete"], true, "{verdict:#}");
    let unproven = verdict["unproven"].as_str().unwrap_or_default();
    assert!(unproven.contains("Prometheus"), "{verdict:#}");
    let pointers = verdict["pointers"].as_array().expect("pointers");
    let mut metrics = pointers
        .iter()
        .filter(|pointer| pointer["kind"] == "promql");
    assert!(
        metrics.all(|pointer| pointer["outcome"]["is"] == "unchecked"),
        "{pointers:#?}"
    );
}

pub(super) fn page_by_alertmanager() {
    let case = Case::of("error-spike");
    let arguments = ["run", case.id, "--pace", "fast", "--seed", "5"];
    let mut drill = Drill::start(&[&arguments[..], &["--backend", "native"]].concat());
    let alertmanager = drill.ready["backends"]["alertmanager"].clone();
    let alertmanager = alertmanager.as_str().expect("it was started");
    let page = drill.event("page", PAGE_WITHIN);
    // It counts what the pager has taken, which wants the token; what is refused counts as failed.
    let metrics = format!("{alertmanager}/metrics");
    let count = |text: &str, name: &str| {
        let name = format!("{name}{{integration=\"webhook\"");
        let lines = text.lines().filter(|line| line.starts_with(&name));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>()
    };
    let text = wait_for("a notification", SOON, || {
        let text = get(&metrics).1;
        let is_sent = count(&text, "alertmanager_notification_requests_total") >= 1.0;
        is_sent.then_some(text)
    });
    let failed = "alertmanager_notification_requests_failed_total";
    assert_eq!(count(&text, failed), 0.0, "{text}");
    let alerts = get_json(&format!("{alertmanager}/api/v2/alerts?receiver=pager"));
    let alerts = alerts.as_array().expect("a list").iter();
    let mut names = alerts.map(|alert| &alert["labels"]["alertname"]);
    assert!(names.any(|name| *name == page["alert"]), "{page}");
}

fn await_scrapes(drill: &Drill) {
    wait_for("a scrape of all four", SOON, || {
        let up = get_json(&format!(
            "{}/api/v1/query?query=sum(up)",
            drill.url("prometheus")
        ));
        (up["data"]["result"][0]["value"][1] == "4").then_some(())
    });
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}
