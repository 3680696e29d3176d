//! The shape of the repository: which room may know which, and how large a file may grow.

mod depth;
mod documents;
mod room;
mod shape;
mod unused;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::claims;

/// Who names whom. Any other edge is a finding, and so is one of these that is not there.
const ALLOWED: [(&str, &[&str]); 22] = [
    (
        "firedrill",
        &[
            "backend",
            "chassis",
            "checkout",
            "drill",
            "gateway",
            "grader",
            "ingress",
            "inventory",
            "loadgen",
            "payment",
            "record",
            "scenario",
            "shop-api",
            "stack",
            "text",
            "web",
        ],
    ),
    (
        "drill",
        &[
            "grader", "ingress", "loadgen", "record", "scenario", "shop-api", "stack", "text",
        ],
    ),
    (
        "stack",
        &[
            "backend",
            "chassis",
            "gateway",
            "ingress",
            "inventory",
            "record",
            "settings",
            "shop-api",
            "text",
        ],
    ),
    (
        "scenario",
        &[
            "chassis",
            "checkout",
            "gateway",
            "grader",
            "inventory",
            "loadgen",
            "payment",
            "promql",
            "record",
            "settings",
            "shop-api",
            "text",
        ],
    ),
    (
        "settings",
        &[
            "chassis",
            "checkout",
            "gateway",
            "inventory",
            "record",
            "shop-api",
        ],
    ),
    ("grader", &["promql", "record", "text"]),
    ("loadgen", &["shop-api"]),
    ("backend", &["ingress", "prom", "record", "traces", "web"]),
    ("prom", &["promql", "web"]),
    ("traces", &[]),
    ("web", &[]),
    ("ingress", &[]),
    ("promql", &[]),
    ("record", &["text"]),
    ("text", &[]),
    ("gateway", &["chassis", "shop-api"]),
    ("checkout", &["chassis", "shop-api"]),
    ("inventory", &["chassis", "shop-api"]),
    ("payment", &["ingress", "shop-api"]),
    ("chassis", &["ingress", "shop-api", "telemetry"]),
    ("telemetry", &[]),
    ("shop-api", &[]),
];

/// What `grader` must not even reach through others: it cannot know whom it asks.
const UNREACHABLE: [&str; 4] = ["backend", "prom", "traces", "opentelemetry_sdk"];

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        packages_depend_only_in_the_allowed_direction,
        every_dependency_is_named_by_a_source,
        documents_name_files_and_tests_that_exist,
        no_source_file_is_longer_than_500_lines,
        no_function_is_longer_than_70_lines,
        no_modules_know_each_other_in_a_circle,
        only_commands_know_the_command_line,
        every_reader_of_protobuf_limits_its_depth,
    ]
}

fn every_dependency_is_named_by_a_source() {
    unused::a_crate_is_named_by_a_path_or_a_use_and_not_by_a_longer_word();
    none("remove", &unused::dependencies(&metadata()));
}

fn documents_name_files_and_tests_that_exist() {
    none("correct", &documents::missing_files());
    none("correct", &documents::missing_tests());
}

fn no_source_file_is_longer_than_500_lines() {
    none("split by subject", &shape::long_files());
}

fn no_function_is_longer_than_70_lines() {
    shape::functions_are_measured_from_their_first_line_to_their_brace();
    none("split by step", &shape::long_functions());
}

fn no_modules_know_each_other_in_a_circle() {
    room::a_circle_is_found_through_lists_and_parents();
    none("find the direction", &room::in_circles());
}

fn only_commands_know_the_command_line() {
    let found = room::that_name_the_command_line();
    none("move what they need below it", &found);
}

fn every_reader_of_protobuf_limits_its_depth() {
    none("look at the depth first", &depth::without_a_limit());
}

fn none(what_to_do: &str, found: &[String]) {
    assert!(found.is_empty(), "{what_to_do}: {}", found.join(", "));
}

fn packages_depend_only_in_the_allowed_direction() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into();
    let members = metadata["packages"].as_array().expect("packages");
    assert_eq!(
        members.len(),
        ALLOWED.len(),
        "a package was added or removed: say in ALLOWED whom it may name"
    );
    for package in members {
        let name = package["name"].as_str().expect("a name");
        let named = shipped(package, &allowed);
        let may: BTreeSet<&str> = allowed
            .get(name)
            .unwrap_or_else(|| panic!("`{name}` is not in ALLOWED"))
            .iter()
            .copied()
            .collect();
        assert_eq!(
            named, may,
            "`{name}` must depend on exactly what ALLOWED says"
        );
        let sources = sources_of(package);
        for to in named {
            assert!(
                sources.contains(&format!("{}::", to.replace('-', "_"))),
                "`{name}` depends on `{to}` and never names it"
            );
        }
    }
    let reached = reachable("grader");
    assert!(reached.contains(&"grader".to_owned()), "{reached:?}");
    for name in UNREACHABLE {
        let is_reached = reached.iter().any(|reached| reached == name);
        assert!(!is_reached, "`grader` reaches `{name}`");
    }
}

/// The packages of the workspace that `package` depends on. What only its own tests use does not ship.
fn shipped<'a>(package: &'a Value, members: &BTreeMap<&str, &[&str]>) -> BTreeSet<&'a str> {
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    dependencies
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| dependency["name"].as_str().expect("a name"))
        .filter(|name| members.contains_key(name))
        .collect()
}

/// The text of all sources of a package, its tests and benchmarks apart.
fn sources_of(package: &Value) -> String {
    let manifest = package["manifest_path"].as_str().expect("a path");
    let folder = Path::new(manifest).with_file_name("src");
    let mut text = String::new();
    visit(&folder, &mut |path| {
        text += &std::fs::read_to_string(path).expect("a source file");
    });
    text
}

/// The members and what they name. Without the graph behind them, so that no package has to be on this machine.
fn metadata() -> Value {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    serde_json::from_str(&text).expect("cargo metadata prints JSON")
}

/// The names of all packages that `from` ships with. `cargo tree` follows this platform's graph alone: packages of other
/// platforms are on no machine that only builds here.
fn reachable(from: &str) -> Vec<String> {
    let edges = ["tree", "--edges", "normal", "--prefix", "none"];
    cargo(&[&edges[..], &["--package", from]].concat())
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Every Rust file of the workspace by its name from the root, with its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "crates", "services", "tests", "benches"] {
        visit(&root.join(folder), &mut |path| {
            let name = path.strip_prefix(root).expect("below the root");
            let text = std::fs::read_to_string(path).expect("a source file");
            sources.push((name.display().to_string(), text));
        });
    }
    sources
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path);
        }
    }
}
