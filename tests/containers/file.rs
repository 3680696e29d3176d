//! The compose file, read by compose v2's own parser: its published schema, and what no schema can say.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{claims, has_program, wanting};

pub(super) fn trials() -> Vec<Trial> {
    let of_compose = claims![
        every_container_is_local_bounded_watched_and_without_rights,
        what_is_mounted_is_there_and_images_are_pinned,
        compose_refuses_what_is_not_in_its_schema,
    ];
    wanting(has_program("go"), of_compose)
}

/// What the file comes to, or what compose says of it.
fn read(file: &Path) -> Result<Value, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/compose/check");
    let output = Command::new("go")
        .args(["run", "-mod=readonly", "."])
        .arg(file)
        .current_dir(folder)
        .env("GOWORK", "off")
        .output()
        .expect("go starts");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn compose() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/compose/compose.yaml");
    read(Path::new(file)).unwrap_or_else(|error| panic!("{error}"))
}

fn services(project: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let services = project["services"].as_object().expect("services");
    assert!(services.len() >= 10, "{:?}", services.keys());
    services.iter()
}

fn every_container_is_local_bounded_watched_and_without_rights() {
    let project = compose();
    for (name, service) in services(&project) {
        let user = service["user"].as_str().unwrap_or_default();
        assert!(
            !user.is_empty() && !user.starts_with("0") && !user.starts_with("root"),
            "{name} runs as `{user}`"
        );
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert_eq!(
            service["security_opt"],
            serde_json::json!(["no-new-privileges:true"]),
            "{name}"
        );
        let limit = service["mem_limit"]
            .as_str()
            .and_then(|text| text.parse::<u64>().ok());
        assert!(
            limit.is_some_and(|limit| limit <= 2 << 30),
            "{name} has no memory limit"
        );
        assert!(
            service["healthcheck"]["test"].is_array(),
            "{name} has no health check"
        );
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}: {port}");
        }
        // What is written goes to memory or to a named volume; what comes from the repository is read.
        for volume in service["volumes"].as_array().into_iter().flatten() {
            if volume["type"] == "bind" {
                assert_eq!(volume["read_only"], true, "{name}: {volume}");
            }
        }
    }
    let profiles = &project["services"]["drill"]["profiles"];
    assert_eq!(*profiles, serde_json::json!(["drill"]));
    // No process has the token in its arguments or environment.
    assert!(!project.to_string().contains("FIREDRILL_TOKEN\""));
}

fn what_is_mounted_is_there_and_images_are_pinned() {
    let project = compose();
    let versions = include_str!("../tools/versions");
    for (name, service) in services(&project) {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume["source"].as_str().expect("a source");
            assert!(
                volume["type"] != "bind" || Path::new(source).exists(),
                "{name}: `{source}` is not there"
            );
        }
        let image = service["image"].as_str().expect("an image");
        if image == "firedrill" {
            continue;
        }
        let (_, tag) = image.split_once(':').unwrap_or_default();
        let is_exact = tag.split('.').count() == 3 && !tag.contains("latest");
        assert!(is_exact, "{name}: `{image}` is not pinned");
        // The release that tests run drills on is the one that users get.
        let tested = versions
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        let release = tested.and_then(|line| line.split_whitespace().nth(3));
        assert!(
            release.is_none_or(
                |release| release.trim_start_matches('v') == tag.trim_start_matches('v')
            ),
            "{name}: `{image}`, and tested is {release:?}"
        );
    }
}

fn compose_refuses_what_is_not_in_its_schema() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("compose.yaml");
    std::fs::write(&file, "services:\n  a: { image: x, memlimit: 3 }\n").expect("a file");
    let said = read(&file).expect_err("there is no such key");
    assert!(said.contains("memlimit"), "{said}");
}
