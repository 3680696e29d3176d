//! Grafana's published schema: the types of the npm package `@grafana/schema`, closed by `schema.ts`, against which
//! TypeScript's compiler holds every dashboard.
//!
//! Versions and hashes are in `package-lock.json` beside this file. npm installs into a folder that is thrown away;
//! its own cache makes the second time short, and possible without a network.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::model::boards;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dashboards");

/// What the schema must refuse: where a dashboard is changed, and to what; nothing takes the key away.
fn mistakes() -> Vec<(&'static str, Value)> {
    vec![
        ("/titel", json!("x")),
        ("/graphTooltip", json!(7)),
        ("/links/0/icon", Value::Null),
        ("/templating/list/0/type", json!("source")),
        ("/annotations/list/0/step", json!("5s")),
        ("/panels/0/type", json!("graph")),
        ("/panels/0/unit", json!("s")),
        ("/panels/0/gridPos/w", Value::Null),
        ("/panels/0/targets/0/expr", Value::Null),
        ("/panels/0/targets/0/exemplars", json!(true)),
        ("/panels/0/options/legend/placement", json!("left")),
        ("/panels/0/fieldConfig/defaults/units", json!("s")),
        (
            "/panels/0/fieldConfig/defaults/custom/fillopacity",
            json!(1),
        ),
        ("/panels/0/fieldConfig/defaults/min", json!("0")),
    ]
}

pub(super) fn grafanas_published_schema_accepts_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["package.json", "package-lock.json", "schema.ts"] {
        std::fs::copy(Path::new(HERE).join(name), at(name)).expect("a file");
    }
    let install = ["ci", "--ignore-scripts", "--prefer-offline"];
    let quiet = ["--no-audit", "--no-fund", "--fetch-timeout=60000"];
    run(
        Command::new("npm").args(install).args(quiet),
        folder.path(),
        "npm installs the schema",
    );
    let mut text = "import type { Board } from \"./schema\";\n".to_owned();
    let boards = boards();
    // The compiler reports a missing or unknown key where the value begins, so each value is one line.
    for (number, board) in boards.iter().enumerate() {
        let board: Value = serde_json::from_str(&board.text).expect("JSON");
        line(&mut text, &format!("board{number}"), &board);
    }
    let lines = boards.iter().find(|one| one.panels[0].kind == "timeseries");
    let lines = lines.expect("a dashboard that begins with lines");
    for (number, (place, value)) in mistakes().into_iter().enumerate() {
        let mut board: Value = serde_json::from_str(&lines.text).expect("JSON");
        change(&mut board, place, value);
        // It is an error if there is none.
        text.push_str("// @ts-expect-error\n");
        line(&mut text, &format!("mistake{number}"), &board);
    }
    std::fs::write(at("check.ts"), text).expect("a file");
    let strict = ["--noEmit", "--strict", "--skipLibCheck"];
    let modules = ["--module", "esnext", "--moduleResolution", "bundler"];
    run(
        Command::new("node")
            .arg("node_modules/typescript/bin/tsc")
            .args(strict)
            .args(modules)
            .arg("check.ts"),
        folder.path(),
        "the schema accepts every dashboard, and no mistake",
    );
}

fn line(text: &mut String, name: &str, board: &Value) {
    writeln!(text, "export const {name}: Board = {board};").expect("a text takes everything");
}

fn change(board: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').expect("a pointer");
    let parent = board
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{place}"));
    let parent = parent.as_object_mut().expect("an object");
    match value {
        Value::Null => drop(parent.remove(key).unwrap_or_else(|| panic!("{place}"))),
        value => drop(parent.insert(key.to_owned(), value)),
    }
}

fn run(command: &mut Command, folder: &Path, what: &str) {
    let output = command.current_dir(folder).output().expect("it runs");
    assert!(
        output.status.success(),
        "{what}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
