//! Real backends that die, are killed or run already.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::drills::{self, Case};
use crate::parity::{Jaeger, Prometheus};
use crate::support::{
    Drill, SOON, children_of, claims, firedrill, free_addr, get, get_json, is_alive, kill, until,
    wait_for,
};

/// What the issue of the whole allows after a kill.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// The longest that a drill at the fast pace takes to its page, beside others.
const PAGE_WITHIN: Duration = Duration::from_secs(240);
const PROGRAMS: [&str; 2] = ["jaeger", "prometheus"];

pub(super) fn trials() -> Vec<Trial> {
    claims![
        a_killed_runner_leaves_no_program_port_or_database,
        killed_programs_and_keepers_come_back_on_their_ports,
        a_jaeger_that_dies_is_said_and_what_it_lost_is_not_marked_wrong,
        a_drill_runs_on_backends_that_are_already_running,
        a_prometheus_that_goes_for_good_leaves_a_grade_that_says_so,
    ]
}

pub(super) fn trials_with_alertmanager() -> Vec<Trial> {
    claims![a_page_comes_by_the_alertmanager_that_the_drill_started]
}

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

fn a_killed_runner_leaves_no_program_port_or_database() {
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
    drill.await_scrapes();
    let ports = ["gateway", "jaeger", "prometheus", "otlp_grpc", "otlp_http"]
        .map(|name| address(drill.url(name)));
    assert!(drill.folder().join("scratch/native/prometheus").is_dir());
    drill.kill();
    until("every process ends", GONE_WITHIN, || {
        !all.iter().any(|id| is_alive(*id))
    });
    for port in ports {
        assert!(TcpStream::connect(port).is_err(), "{port} still answers");
    }
    let scratch = drill.folder().join("scratch");
    until("the databases are removed", GONE_WITHIN, || {
        !scratch.exists()
    });
    // What such a run cannot show any more is said, and so is what it can.
    let kept = "its native Jaeger and Prometheus kept them";
    drill.refuses(&["open"], &[kept, "firedrill logs --run"]);
}

fn killed_programs_and_keepers_come_back_on_their_ports() {
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
    drill.await_scrapes();
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
    drill.await_scrapes();
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

fn a_jaeger_that_dies_is_said_and_what_it_lost_is_not_marked_wrong() {
    let case = Case::of("error-spike");
    let mut drill = drills::start(case, &["--backend", "native"]);
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

/// A Jaeger and a Prometheus that a test started, and what a drill is told of them.
struct Elsewhere {
    jaeger: Jaeger,
    prometheus: Prometheus,
    flags: Vec<String>,
}

impl Elsewhere {
    /// Starts both. The Prometheus gets nothing but what the drill has written down for it.
    fn start(state: &Path) -> Self {
        let jaeger = Jaeger::start();
        let flags = |prometheus: &str| -> Vec<String> {
            let backend = ["--backend", "external", "--otlp", &jaeger.otlp];
            let readers = ["--jaeger", &jaeger.query, "--prometheus", prometheus];
            backend
                .into_iter()
                .chain(readers)
                .map(str::to_owned)
                .collect()
        };
        // The first try tells what the Prometheus must read; that is all that this one is given.
        let nowhere = flags(&format!("http://{}", free_addr()));
        let first = firedrill(state).arg("up").args(nowhere).output();
        let status = first.expect("the binary under test starts").status;
        assert_eq!(status.code(), Some(4), "there is no Prometheus yet");
        let prometheus = Prometheus::start_on(&state.join("external/scrape.yml"), &[]);
        let flags = flags(&prometheus.url);
        Self {
            jaeger,
            prometheus,
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

fn a_drill_runs_on_backends_that_are_already_running() {
    let state = tempfile::tempdir().expect("a temporary state folder");
    let elsewhere = Elsewhere::start(state.path());
    let case = Case::of("noisy-warnings");
    let mut drill = elsewhere.drill(state, case.id);
    drills::to_verdict(case, "right", &mut drill, |_| {});
    drill.refuses(&["open"], &[&elsewhere.jaeger.query]);
    // The shop is gone, and the Prometheus that stays is told so.
    let targets = std::fs::read_to_string(drill.state().join("external/firedrill-targets.json"));
    assert_eq!(targets.expect("the targets").trim(), "[]");
}

fn a_prometheus_that_goes_for_good_leaves_a_grade_that_says_so() {
    let state = tempfile::tempdir().expect("a temporary state folder");
    let mut elsewhere = Elsewhere::start(state.path());
    let case = Case::of("error-spike");
    let mut drill = elsewhere.drill(state, case.id);
    let graded = drills::to_verdict(case, "right", &mut drill, |drill| {
        elsewhere.prometheus.kill();
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

fn a_page_comes_by_the_alertmanager_that_the_drill_started() {
    let case = Case::of("error-spike");
    let mut drill = drills::start(case, &["--backend", "native"]);
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

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}
