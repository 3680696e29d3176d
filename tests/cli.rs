//! The command line without a drill: what it prints, where, and how it ends.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{claims, firedrill, refused};

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        list_prints_id_family_symptom_and_level,
        an_unknown_drill_suggests_the_nearest_and_ends_with_2,
        check_lists_every_problem_with_its_place_and_ends_with_3,
        the_catalogue_has_no_problems,
        commands_that_need_a_drill_say_how_to_start_one,
        completions_and_manual_come_from_the_definitions,
        every_exit_code_is_in_the_documentation,
        state_folders_that_cannot_be_used_are_named_with_the_flag,
        files_that_are_none_are_refused_and_wait_for_nothing,
    ]
}

fn run(args: &[&str]) -> Output {
    let state = tempfile::tempdir().expect("a temporary folder");
    firedrill(state.path())
        .args(args)
        .output()
        .expect("the binary under test starts")
}

fn refuse(args: &[&str], said: &[&str]) {
    let state = tempfile::tempdir().expect("a temporary folder");
    refused(state.path(), args, 2, said);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn list_prints_id_family_symptom_and_level() {
    let output = run(&["list", "--json"]);
    let drills: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let drills = drills.as_array().expect("an array");
    assert_eq!(drills.len(), scenario::catalogue::FILES.len(), "{drills:?}");
    for drill in drills {
        let keys: Vec<&str> = drill
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["family", "id", "level", "symptom"]);
    }
}

fn an_unknown_drill_suggests_the_nearest_and_ends_with_2() {
    let unknown = "there is no drill `slow-chekout`";
    let near = "did you mean `slow-checkout`?";
    refuse(
        &["run", "slow-chekout", "--ports", "auto"],
        &[unknown, near],
    );
}

fn check_lists_every_problem_with_its_place_and_ends_with_3() {
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

fn the_catalogue_has_no_problems() {
    let output = run(&["check"]);
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn commands_that_need_a_drill_say_how_to_start_one() {
    for args in [
        &["status"][..],
        &["rollback", "inventory"],
        &["submit", "Cargo.toml"],
        &["query", "up"],
    ] {
        refuse(args, &["hint: ", "firedrill run"]);
    }
}

fn completions_and_manual_come_from_the_definitions() {
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

fn every_exit_code_is_in_the_documentation() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md"))
        .expect("the page of commands");
    for code in [0, 1, 2, 3, 4, 10, 11] {
        assert!(
            page.contains(&format!("| {code} |")),
            "exit code {code} has no row in docs/commands.md"
        );
    }
}

fn state_folders_that_cannot_be_used_are_named_with_the_flag() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = |name: &str, mode| {
        let path = place.path().join(name);
        std::fs::create_dir(&path).expect("a folder");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("a mode");
        path
    };
    let piped = folder("piped", 0o700);
    pipe(&piped.join("lock"));
    std::fs::write(place.path().join("file"), "").expect("a file");
    let cases: [(PathBuf, &str); 6] = [
        (folder("open", 0o777), "other users can write into it"),
        (piped, "it is a pipe, not a regular file"),
        (place.path().join("file"), "file"),
        ("/proc/none".into(), "/proc/none"),
        (OsStr::from_bytes(b"/tmp/\xff").into(), "is not UTF-8"),
        (place.path().join("x".repeat(460)), "and can have 400"),
    ];
    for (path, reason) in cases {
        let said = refused(
            &path,
            &["up", "--ports", "auto"],
            2,
            &[reason, "--state-dir"],
        );
        assert!(!said.contains("panicked"), "{said}");
    }
    let mut homeless = firedrill(place.path());
    for name in [
        "FIREDRILL_STATE_DIR",
        "HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
    ] {
        homeless.env_remove(name);
    }
    let output = homeless
        .arg("status")
        .output()
        .expect("the binary under test starts");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--state-dir"), "{said}");
}

fn files_that_are_none_are_refused_and_wait_for_nothing() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("pipe");
    pipe(&path);
    let name = path.to_str().expect("a name");
    for args in [
        &["check", name][..],
        &["check", "/dev/zero"],
        &["run", "--file", name],
        &["report", "check", name],
        &["status", "--state-dir", "/dev/null"],
    ] {
        refuse(args, &["hint: "]);
    }
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe");
}
