//! Backends that a drill cannot run on are named within ten seconds, with what to do about it, and nothing is left of the run.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{StatusCode, Uri};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::parity::{Served, serve};
use crate::support::{self, claims, free_addr, trial};

/// What the issue allows, from the start of the program.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

/// Addresses of a case: OTLP, Jaeger, Prometheus. Below them, what must be said. The Prometheus is always wrong in some
/// way, or the receiver does not belong to the Jaeger, so that nothing ever starts.
const CASES: &str = "\
a_receiver_that_refuses_connections: refusing jaeger untold-prometheus
    error: the OTLP receiver at | refused | 4317
a_receiver_that_is_none: nothing jaeger untold-prometheus
    error: the OTLP receiver at | status 404 | 4318
an_address_that_is_none: otlp jaeger:16686 untold-prometheus
    error: `jaeger:16686` is not an address | --jaeger
a_jaeger_that_refuses_connections: otlp refusing untold-prometheus
    error: Jaeger at | refused | 16686
a_jaeger_that_never_answers: otlp silent untold-prometheus
    error: Jaeger at | no answer within 3 s
a_jaeger_without_the_v3_api: otlp old-jaeger untold-prometheus
    error: Jaeger at | too old: it has no `/api/v3` | 2.0 or newer
something_else_instead_of_jaeger: otlp nothing untold-prometheus
    is not a Jaeger query API | status 404
a_prometheus_that_refuses_connections: otlp jaeger refusing
    error: Prometheus at | refused | 9090
a_prometheus_that_is_not_ready: otlp jaeger unready
    error: Prometheus at | is not ready | /-/ready
an_old_prometheus: otlp jaeger old-prometheus
    error: Prometheus at | too old: it is 2.30.3 | 2.42 or newer
a_prometheus_that_scrapes_nothing: otlp jaeger untold-prometheus
    does not scrape drills | external/scrape.yml | reload
a_prometheus_without_the_alert_rules: otlp jaeger ruleless-prometheus
    cannot page | external/firedrill-rules.yml | rule_files
a_receiver_whose_spans_do_not_get_to_jaeger: otlp jaeger right-prometheus
    error: a span sent to the OTLP receiver at http://127.0.0.1: | did not reach Jaeger at http://127.0.0.1: | must belong together
";

/// What stands for a backend. It is gone when it is dropped.
enum Fake {
    Address(String),
    Silent(TcpListener),
    Served(Served),
}

impl Fake {
    fn start(name: &str) -> Self {
        let served = |status: StatusCode, answers: Vec<(&'static str, String)>| {
            let answer = move |uri: Uri| {
                let found = answers.iter().find(|(path, _)| *path == uri.path());
                let (status, body) = found.map_or((status, String::new()), |(_, body)| {
                    (StatusCode::OK, body.clone())
                });
                async move { (status, body) }
            };
            Self::Served(serve(Router::new().fallback(answer)))
        };
        match name {
            "jaeger:16686" => Self::Address(name.to_owned()),
            "refusing" => Self::Address(format!("http://{}", free_addr())),
            // Connections are accepted, and nothing ever reads them.
            "silent" => Self::Silent(TcpListener::bind("127.0.0.1:0").expect("a free port")),
            // As a Prometheus does while it reads what it has stored.
            "unready" => served(StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
            name => served(StatusCode::NOT_FOUND, answers(name)),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Address(url) => url.clone(),
            Self::Silent(listener) => {
                format!("http://{}", listener.local_addr().expect("its address"))
            }
            Self::Served(served) => served.url.clone(),
        }
    }
}

/// What a backend answers, by path; all others get 404.
fn answers(name: &str) -> Vec<(&'static str, String)> {
    let answer = |path, data: Value| {
        let answer = json!({"status": "success", "data": data});
        (path, answer.to_string())
    };
    let version = |version: &str| answer("/api/v1/status/buildinfo", json!({"version": version}));
    let config = |yaml: &str| answer("/api/v1/status/config", json!({"yaml": yaml}));
    let told = || config("files: [/x/firedrill-targets.json]");
    let rules = |rules: Value| answer("/api/v1/rules", json!({"groups": [{"rules": rules}]}));
    match name {
        "nothing" => Vec::new(),
        "otlp" => vec![("/v1/traces", String::new())],
        "jaeger" => vec![("/api/v3/services", "{}".to_owned())],
        // It answers what it does not know with its page.
        "old-jaeger" => vec![
            ("/api/v3/services", "<!doctype html>".to_owned()),
            answer("/api/services", json!(["gateway"])),
        ],
        "old-prometheus" => vec![version("2.30.3")],
        "untold-prometheus" => vec![version("3.5.0"), config("scrape_configs: []")],
        "ruleless-prometheus" => vec![version("3.5.0"), told(), rules(json!([]))],
        "right-prometheus" => vec![version("3.5.0"), told(), rules(all_rules())],
        name => panic!("no fake `{name}`"),
    }
}

/// Every rule of the shop, as a Prometheus lists them.
fn all_rules() -> Value {
    let rules = include_str!("../../compose/prometheus/rules/shop.yml").lines();
    let names = rules.filter_map(|line| line.trim().strip_prefix("- alert: "));
    let rules = names.map(|name| json!({"type": "alerting", "name": name}));
    rules.collect()
}

pub(super) fn trials() -> Vec<Trial> {
    let of_programs = claims![
        programs_that_cannot_be_taken_are_named,
        addresses_and_programs_belong_to_their_backends,
    ];
    let lines: Vec<&str> = CASES.lines().collect();
    let cases = lines.chunks(2).map(|case| {
        let (name, fakes) = case[0].split_once(": ").expect("a name and addresses");
        let said = case[1].trim();
        trial(module_path!(), &format!("{name}_is_named"), move || {
            check(fakes, said)
        })
    });
    cases.chain(of_programs).collect()
}

fn check(fakes: &str, said: &str) {
    let state = tempfile::tempdir().expect("a temporary state folder");
    let fakes: Vec<Fake> = fakes.split(' ').map(Fake::start).collect();
    let mut args = vec!["run".to_owned(), "slow-checkout".to_owned()];
    args.extend(["--backend", "external"].map(str::to_owned));
    for (flag, fake) in ["--otlp", "--jaeger", "--prometheus"].iter().zip(&fakes) {
        args.extend([(*flag).to_owned(), fake.url()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said: Vec<&str> = said.split(" | ").collect();
    refused(state.path(), &args, 4, &said);
    let runs = std::fs::read_dir(state.path().join("runs")).expect("the folder of the runs");
    assert_eq!(
        runs.count(),
        0,
        "nothing is left of a run that did not start"
    );
    let snippet = std::fs::read_to_string(state.path().join("external/scrape.yml"))
        .expect("what to add to a Prometheus is there in any case");
    assert!(snippet.contains("firedrill-targets.json"), "{snippet}");
}

/// Programs that are not there, are something else, or are too old.
fn programs_that_cannot_be_taken_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        path.to_str().expect("a path").to_owned()
    };
    let jaeger = script("jaeger-2", "echo '{\"gitVersion\":\"v2.13.0\"}'");
    let old_jaeger = script("jaeger-1", "echo '{\"gitVersion\":\"v1.62.0\"}'");
    let prometheus = script(
        "prometheus-3",
        "echo 'prometheus, version 3.5.0 (branch: HEAD)'",
    );
    let old_prometheus = script(
        "prometheus-2",
        "echo 'prometheus, version 2.30.3 (branch: HEAD)'",
    );
    let other = script("other", "echo hello");
    let hanging = script("hanging", "exec sleep 60");
    for (jaeger, prometheus, said) in [
        (
            "/nowhere/jaeger",
            &*prometheus,
            &["`/nowhere/jaeger` is not an executable", "--jaeger-bin"][..],
        ),
        (
            &*other,
            &*prometheus,
            &["is not jaeger", "does not print its version"],
        ),
        (
            &*old_jaeger,
            &*prometheus,
            &["jaeger 1.62.0", "too old", "jaeger 2.0 or newer"],
        ),
        (
            &*jaeger,
            &*old_prometheus,
            &["prometheus 2.30.3", "too old", "prometheus 2.42 or newer"],
        ),
        (&*jaeger, &*hanging, &["is not prometheus", "does not exit"]),
    ] {
        let state = tempfile::tempdir().expect("a temporary state folder");
        let args = [
            "up",
            "--ports",
            "auto",
            "--backend",
            "native",
            "--jaeger-bin",
            jaeger,
            "--prometheus-bin",
            prometheus,
        ];
        refused(state.path(), &args, 4, said);
    }
}

fn addresses_and_programs_belong_to_their_backends() {
    let state = tempfile::tempdir().expect("a temporary state folder");
    for (args, said) in [
        (
            &["up", "--jaeger", "http://127.0.0.1:1"][..],
            "`--backend external`",
        ),
        (
            &["up", "--backend", "native", "--otlp", "http://127.0.0.1:1"],
            "`--backend external`",
        ),
        (&["up", "--jaeger-bin", "/bin/true"], "`--backend native`"),
        (&["up", "--backend", "external"], "--otlp"),
    ] {
        refused(state.path(), args, 2, &[said]);
    }
}

fn refused(state: &Path, args: &[&str], code: i32, said: &[&str]) {
    let began = Instant::now();
    support::refused(state, args, code, said);
    assert!(
        began.elapsed() < NAMED_WITHIN,
        "{args:?} took {:?}",
        began.elapsed()
    );
}
