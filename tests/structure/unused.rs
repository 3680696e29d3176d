//! Dependencies that nothing names: each is a download and a build that every newcomer waits for.

use std::path::Path;

use serde_json::Value;

use super::visit;

/// Named by no source file, and needed all the same: what names it.
const NAMED_ELSEWHERE: [(&str, &str); 1] = [("protoc-bin-vendored", ".cargo/protoc")];

/// Every `package -> dependency` whose crate no source file of the package names.
pub(super) fn dependencies(metadata: &Value) -> Vec<String> {
    let mut unused = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let sources = sources(Path::new(manifest).parent().expect("a folder"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().expect("a name");
            let is_elsewhere = NAMED_ELSEWHERE.iter().any(|(known, _)| *known == name);
            if !is_elsewhere && !names(&sources, &name.replace('-', "_")) {
                unused.push(format!("{} -> {name}", package["name"]));
            }
        }
    }
    unused
}

/// All Rust source of a package, in one text.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for part in ["src", "benches", "tests", "examples"] {
        let folder = folder.join(part);
        if folder.is_dir() {
            visit(&folder, &mut |path| {
                text += &std::fs::read_to_string(path).expect("a source file");
            });
        }
    }
    text
}

/// Whether a text names a crate: as a whole word before `::`, in a `use`, or in an attribute's path.
fn names(text: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let after = &text[at + name.len()..];
        !text[..at].ends_with(is_word)
            && (after.starts_with("::")
                || after.starts_with([';', ' ', ',', '}']) && text[..at].ends_with("use "))
    })
}

/// Cases for [`names`]: a check that finds too much would never fail.
pub(super) fn a_crate_is_named_by_a_path_or_a_use_and_not_by_a_longer_word() {
    for (text, expected) in [
        ("time::now()", true),
        ("use time;", true),
        ("use time as clock;", true),
        ("#[time::main]", true),
        ("overtime::now()", false),
        ("time_span::now()", false),
        ("// the time of day", false),
    ] {
        assert_eq!(names(text, "time"), expected, "{text}");
    }
}
