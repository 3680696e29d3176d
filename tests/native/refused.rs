//! Backends that a drill cannot run on are named within ten seconds, with what to do about it, and nothing is left of the run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::json;

use super::fake::{Answers, refusing, serve, silent, unready};
use crate::support::firedrill;

/// What the issue allows, from the start of the program.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

const OTLP: Answers = &[("/v1/traces", "")];
const JAEGER: Answers = &[("/api/v3/services", "{}")];
/// It answers what it does not know with its page.
const OLD_JAEGER: Answers = &[
    ("/api/v3/services", "<!doctype html>"),
    ("/api/services", "{\"data\":[\"gateway\"]}"),
];
const OLD_PROMETHEUS: Answers = &[(
    BUILD,
    "{\"status\":\"success\",\"data\":{\"version\":\"2.30.3\"}}",
)];
const UNTOLD_PROMETHEUS: Answers = &[
    (BUILD, NEW),
    (
        CONFIG,
        "{\"status\":\"success\",\"data\":{\"yaml\":\"scrape_configs: []\"}}",
    ),
];
const RULELESS_PROMETHEUS: Answers = &[
    (BUILD, NEW),
    (
        CONFIG,
        "{\"status\":\"success\",\"data\":{\"yaml\":\"files: [/x/firedrill-targets.json]\"}}",
    ),
    (
        "/api/v1/rules",
        "{\"status\":\"success\",\"data\":{\"groups\":[]}}",
    ),
];
const BUILD: &str = "/api/v1/status/buildinfo";
const CONFIG: &str = "/api/v1/status/config";
const NEW: &str = "{\"status\":\"success\",\"data\":{\"version\":\"3.5.0\"}}";
const NOTHING: Answers = &[];

/// Addresses of a case, and what must be said.
struct Case {
    name: &'static str,
    otlp: fn() -> String,
    jaeger: fn() -> String,
    prometheus: fn() -> String,
    said: &'static [&'static str],
}

/// All right but for what a case changes; the Prometheus is always wrong in some way, so that nothing ever starts.
const USUAL: Case = Case {
    name: "",
    otlp: || serve(OTLP),
    jaeger: || serve(JAEGER),
    prometheus: || serve(UNTOLD_PROMETHEUS),
    said: &[],
};

const CASES: [Case; 13] = [
    Case {
        name: "a_receiver_that_refuses_connections",
        otlp: refusing,
        said: &["error: the OTLP receiver at", "refused", "4317"],
        ..USUAL
    },
    Case {
        name: "a_receiver_that_is_none",
        otlp: || serve(NOTHING),
        said: &["error: the OTLP receiver at", "status 404", "4318"],
        ..USUAL
    },
    Case {
        name: "an_address_that_is_none",
        jaeger: || "jaeger:16686".to_owned(),
        said: &["error: `jaeger:16686` is not an address", "--jaeger"],
        ..USUAL
    },
    Case {
        name: "a_jaeger_that_refuses_connections",
        jaeger: refusing,
        said: &["error: Jaeger at", "refused", "16686"],
        ..USUAL
    },
    Case {
        name: "a_jaeger_that_never_answers",
        jaeger: silent,
        said: &["error: Jaeger at", "no answer within 3 s"],
        ..USUAL
    },
    Case {
        name: "a_jaeger_without_the_v3_api",
        jaeger: || serve(OLD_JAEGER),
        said: &[
            "error: Jaeger at",
            "too old: it has no `/api/v3`",
            "2.0 or newer",
        ],
        ..USUAL
    },
    Case {
        name: "something_else_instead_of_jaeger",
        jaeger: || serve(NOTHING),
        said: &["is not a Jaeger query API", "status 404"],
        ..USUAL
    },
    Case {
        name: "a_prometheus_that_refuses_connections",
        prometheus: refusing,
        said: &["error: Prometheus at", "refused", "9090"],
        ..USUAL
    },
    Case {
        name: "a_prometheus_that_is_not_ready",
        prometheus: unready,
        said: &["error: Prometheus at", "is not ready", "/-/ready"],
        ..USUAL
    },
    Case {
        name: "an_old_prometheus",
        prometheus: || serve(OLD_PROMETHEUS),
        said: &[
            "error: Prometheus at",
            "too old: it is 2.30.3",
            "2.42 or newer",
        ],
        ..USUAL
    },
    Case {
        name: "a_prometheus_that_scrapes_nothing",
        said: &["does not scrape drills", "external/scrape.yml", "reload"],
        ..USUAL
    },
    Case {
        name: "a_prometheus_without_the_alert_rules",
        prometheus: || serve(RULELESS_PROMETHEUS),
        said: &["cannot page", "external/firedrill-rules.yml", "rule_files"],
        ..USUAL
    },
    // All three are well, and nothing gets from the one to the other.
    Case {
        name: "a_receiver_whose_spans_do_not_get_to_jaeger",
        prometheus: right_prometheus,
        said: &[
            "error: a span sent to the OTLP receiver at http://127.0.0.1:",
            "did not reach Jaeger at http://127.0.0.1:",
            "must belong together",
        ],
        ..USUAL
    },
];

/// One that has the targets file and every rule.
fn right_prometheus() -> String {
    let rules = include_str!("../../compose/prometheus/rules/shop.yml");
    let names = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let rules: Vec<_> = names
        .map(|name| json!({"type": "alerting", "name": name}))
        .collect();
    let answer = json!({"status": "success", "data": {"groups": [{"rules": rules}]}}).to_string();
    // A server answers until the tests end.
    let rules: &'static str = answer.leak();
    let answers = [
        RULELESS_PROMETHEUS[0],
        RULELESS_PROMETHEUS[1],
        ("/api/v1/rules", rules),
    ];
    serve(Vec::from(answers).leak())
}

pub(super) fn trials() -> Vec<Trial> {
    let cases = CASES.iter().map(|case| {
        Trial::test(format!("native::{}_is_named", case.name), move || {
            check(case);
            Ok(())
        })
    });
    let programs: [(&str, fn()); 2] = [
        ("programs_that_cannot_be_taken_are_named", programs),
        ("addresses_and_programs_belong_to_their_backends", usage),
    ];
    let programs = programs.into_iter().map(|(name, test)| {
        Trial::test(format!("native::{name}"), move || {
            test();
            Ok(())
        })
    });
    cases.chain(programs).collect()
}

fn check(case: &Case) {
    let state = tempfile::tempdir().expect("a temporary state folder");
    let addresses = [(case.otlp)(), (case.jaeger)(), (case.prometheus)()];
    let args = [
        "run",
        "slow-checkout",
        "--backend",
        "external",
        "--otlp",
        &addresses[0],
        "--jaeger",
        &addresses[1],
        "--prometheus",
        &addresses[2],
    ];
    refused(state.path(), &args, 4, case.said);
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
fn programs() {
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

fn usage() {
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
    let Output { status, stderr, .. } = firedrill(state)
        .args(args)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the binary under test starts");
    let text = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{args:?}: {text}");
    for part in said {
        assert!(
            text.contains(part),
            "`{part}` is not said of {args:?}: {text}"
        );
    }
    assert!(
        began.elapsed() < NAMED_WITHIN,
        "{args:?} took {:?}",
        began.elapsed()
    );
}
