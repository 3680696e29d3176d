//! The documents name files and tests that exist.

use std::path::Path;

use super::visit;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGES: [&str; 8] = [
    "ARCHITECTURE.md",
    "README.md",
    "compose/README.md",
    "dashboards/README.md",
    "docs/adding-an-incident.md",
    "docs/backends.md",
    "docs/style.md",
    "scenarios/README.md",
];
const FOLDERS: [&str; 7] = [
    "compose/",
    "crates/",
    "dashboards/",
    "docs/",
    "scenarios/",
    "services/",
    "src/",
];

/// Every path in backticks that begins in a folder of the repository, except patterns such as `<id>`.
pub(super) fn missing_files() -> Vec<String> {
    let mut missing = Vec::new();
    for page in PAGES {
        for word in code_words(&read(page)) {
            let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder));
            let is_pattern = word.contains(['<', '*', ' ']);
            if is_path && !is_pattern && !Path::new(ROOT).join(&word).exists() {
                missing.push(format!("{page}: `{word}`"));
            }
        }
    }
    missing
}

/// Every test that an invariant names and no source has.
pub(super) fn missing_tests() -> Vec<String> {
    let page = read("ARCHITECTURE.md");
    let from = page.find("\n## Invariants").expect("a section");
    let section = page[from + 1..].split("\n## ").next().unwrap_or_default();
    let mut sources = String::new();
    for folder in ["crates", "services", "src", "tests"] {
        visit(&Path::new(ROOT).join(folder), &mut |path| {
            sources += &std::fs::read_to_string(path).expect("a source file");
        });
    }
    let names: Vec<String> = code_words(section)
        .into_iter()
        .filter(|word| word.matches('_').count() >= 2 && !word.contains(['…', '/']))
        .collect();
    assert!(names.len() > 40, "{}", names.len());
    names
        .into_iter()
        .filter(|name| !sources.contains(name.rsplit("::").next().unwrap_or(name)))
        .collect()
}

fn read(page: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(page)).expect("a page")
}

/// The words in backticks outside of blocks.
fn code_words(page: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut is_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    words
}
