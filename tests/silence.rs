//! Nothing that a responder can see names the cause: everything exported by a running drill is searched.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Drill, children_of, get};

/// Words that would tell a sandbox from production, in whatever drill, where the shop itself speaks.
const GIVEAWAYS: [&str; 8] = [
    "fault",
    "inject",
    "chaos",
    "sabotage",
    "leaky",
    "memory leak",
    "simulat",
    "scenario",
];

/// Innocent uses of these words in what other people's programs say.
const INNOCENT: [&str; 3] = ["default", "segfault", "page_fault"];

/// Searches everything; panics with where a word was found.
pub(crate) fn check(drill: &Drill, id: &str) {
    let mut sealed = sealed_words(id);
    // An id names the symptom and may be known; it must still not be in what is exported.
    sealed.push(id.to_owned());
    let mut searched = 0;
    for (place, text) in exported(drill) {
        // The sandbox's own files may say what they are; the shop must not know.
        let is_shop =
            place.contains("http://") || place.starts_with("/proc/") || place.contains("/logs/");
        let giveaways = GIVEAWAYS.iter().copied().filter(|_| is_shop);
        let words = giveaways.map(str::to_owned).chain(sealed.clone());
        searched += text.len();
        let text = INNOCENT.iter().fold(text.to_lowercase(), |text, innocent| {
            text.replace(innocent, "")
        });
        for word in words {
            if let Some(at) = text.find(word.as_str()) {
                let around: String = text
                    .get(at.saturating_sub(80)..)
                    .unwrap_or(&text)
                    .chars()
                    .take(200)
                    .collect();
                panic!("`{word}` is in {place}: …{around}…");
            }
        }
    }
    assert!(
        searched > 100_000,
        "only {searched} bytes were there to be searched"
    );
}

/// The vocabulary that the scenario file seals.
pub(crate) fn sealed_words(id: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{id}.toml"));
    let text = std::fs::read_to_string(path).expect("the scenario file");
    let scenario: toml::Table = text.parse().expect("TOML");
    let words = scenario["silence"]["words"].as_array().expect("words");
    words
        .iter()
        .map(|word| word.as_str().expect("a word").to_lowercase())
        .collect()
}

/// Everything that can be seen, with where.
fn exported(drill: &Drill) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let (jaeger, prometheus) = (drill.url("jaeger"), drill.url("prometheus"));
    for service in ["gateway", "checkout", "inventory"] {
        let ever =
            "query.start_time_min=2000-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z";
        let url = format!(
            "{jaeger}/api/v3/traces?query.service_name={service}&query.num_traces=400&{ever}"
        );
        all.push((url.clone(), get(&url).1));
    }
    for path in [
        "/api/v1/series?match[]={__name__!=\"\"}",
        "/api/v1/query_exemplars?query={__name__!=\"\"}",
        "/api/v1/metadata",
        "/api/v1/rules",
        "/api/v1/alerts",
        "/api/v1/targets",
    ] {
        let url = format!("{prometheus}{path}");
        all.push((url.clone(), get(&url).1));
    }
    let status = drill.json(&["status"]);
    for service in status["services"].as_array().expect("services") {
        let admin = service["admin"].as_str().expect("an address");
        for path in ["/metrics", "/healthz", "/readyz"] {
            let url = format!("http://{admin}{path}");
            all.push((url.clone(), get(&url).1));
        }
    }
    for id in children_of(drill.pid()) {
        for file in ["cmdline", "environ", "comm"] {
            let path = format!("/proc/{id}/{file}");
            let bytes = std::fs::read(&path).unwrap_or_default();
            all.push((path, without_inherited(&String::from_utf8_lossy(&bytes))));
        }
    }
    files(&drill.folder(), &mut all);
    for args in [&["deploys"][..], &["status"], &["logs", "--limit", "5000"]] {
        all.push((args.join(" "), drill.ok(args)));
    }
    all.push(("the ready event".to_owned(), open_part(&drill.ready)));
    all
}

/// What the children have in their environment because this test has it: paths of the build.
fn without_inherited(text: &str) -> String {
    text.split('\0')
        .filter(|entry| {
            !entry.starts_with("CARGO") && !entry.starts_with("PWD") && !entry.starts_with("RUST")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The files of the run that are open while it runs; binary ones as the text that is in them.
fn files(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder)
        .expect("the run's folder")
        .flatten()
    {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        all.push((format!("a file name in {}", folder.display()), name.clone()));
        if path.is_dir() {
            files(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            let output = Command::new("gzip")
                .arg("-dc")
                .arg(&path)
                .output()
                .expect("gzip");
            all.push((
                path.display().to_string(),
                String::from_utf8_lossy(&output.stdout).into_owned(),
            ));
        } else if !name.ends_with(".lz4") && !name.contains("sqlite") && !name.contains(".db") {
            let bytes = std::fs::read(&path).unwrap_or_default();
            all.push((
                path.display().to_string(),
                String::from_utf8_lossy(&bytes).into_owned(),
            ));
        }
    }
}

/// The ready event without the folder, whose temporary name is this test's.
fn open_part(ready: &Value) -> String {
    let mut ready = ready.clone();
    ready["folder"] = Value::Null;
    ready.to_string()
}
