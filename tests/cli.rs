//! The command line without a drill: what it prints, where, and how it ends.

use std::process::Output;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::firedrill;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn()| {
        Trial::test(format!("cli::{name}"), move || {
            test();
            Ok(())
        })
    };
    vec![
        trial("list_prints_id_symptom_and_level", list),
        trial(
            "an_unknown_drill_suggests_the_nearest_and_ends_with_2",
            unknown_drill,
        ),
        trial(
            "check_lists_every_problem_with_its_place_and_ends_with_3",
            check_problems,
        ),
        trial("the_catalogue_has_no_problems", check_catalogue),
        trial("commands_that_need_a_drill_say_how_to_start_one", no_drill),
        trial(
            "completions_and_manual_come_from_the_definitions",
            documentation,
        ),
        trial("every_exit_code_is_in_the_documentation", exit_codes),
    ]
}

fn run(args: &[&str]) -> Output {
    let state = tempfile::tempdir().expect("a temporary folder");
    firedrill(state.path())
        .args(args)
        .output()
        .expect("the binary under test starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn list() {
    let output = run(&["list", "--json"]);
    let drills: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let drills = drills.as_array().expect("an array");
    assert!(drills.len() >= 4, "{drills:?}");
    for drill in drills {
        let keys: Vec<&str> = drill
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["id", "level", "symptom"]);
    }
}

fn unknown_drill() {
    let output = run(&["run", "slow-chekout", "--ports", "auto"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("there is no drill `slow-chekout`"), "{said}");
    assert!(said.contains("did you mean `slow-checkout`?"), "{said}");
}

fn check_problems() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("two-problems.toml");
    std::fs::write(
        &path,
        "id = \"two-problems\"\nlevel = 9\ncolour = \"red\"\n",
    )
    .expect("a file");
    let output = run(&["check", path.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stdout) + &text(&output.stderr);
    for place in ["two-problems.toml:2:", "two-problems.toml:3:"] {
        assert!(said.contains(place), "`{place}` is missing in:\n{said}");
    }
    assert!(said.contains("level") && said.contains("colour"), "{said}");
}

fn check_catalogue() {
    let output = run(&["check"]);
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn no_drill() {
    for args in [
        &["status"][..],
        &["rollback", "inventory"],
        &["submit", "Cargo.toml"],
        &["query", "up"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("hint: ") && said.contains("firedrill run"),
            "{args:?}: {said}"
        );
    }
}

fn documentation() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell]).stdout);
        assert!(
            script.contains("rollback") && script.contains("submit"),
            "{shell}"
        );
    }
    let manual = text(&run(&["man"]).stdout);
    assert!(
        manual.starts_with(".ie") || manual.contains(".TH"),
        "{}",
        manual.lines().next().unwrap_or_default()
    );
}

fn exit_codes() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md"))
        .expect("the page of commands");
    for code in [0, 1, 2, 3, 4, 10, 11] {
        assert!(
            page.contains(&format!("| {code} |")),
            "exit code {code} has no row in docs/commands.md"
        );
    }
}
