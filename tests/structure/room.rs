//! Which module of a package may know which.

use std::collections::{BTreeMap, BTreeSet};

use super::sources;

/// Only these may name the command line.
const MAY_NAME_THE_COMMAND_LINE: [&str; 3] = ["cli", "commands", "main"];

/// Modules by the modules that they name.
type Edges<'t> = BTreeMap<&'t str, BTreeSet<&'t str>>;

/// The modules of the program that name the command line and must not.
pub(super) fn that_name_the_command_line() -> Vec<String> {
    let sources = sources();
    let edges = edges(&sources, "src/");
    let named = edges.into_iter().filter(|(module, named)| {
        named.contains("cli") && !MAY_NAME_THE_COMMAND_LINE.contains(module)
    });
    named.map(|(module, _)| module.to_owned()).collect()
}

/// The modules that name each other in a circle, by the folder of their package.
pub(super) fn in_circles() -> Vec<String> {
    let sources = sources();
    let folders: BTreeSet<&str> = sources
        .iter()
        .filter_map(|(name, _)| Some(&name[..name.find("src/")? + "src/".len()]))
        .collect();
    let mut circles = Vec::new();
    for folder in folders {
        let edges = edges(&sources, folder);
        let in_circle = edges.keys().filter(|module| reaches(&edges, module));
        circles.extend(in_circle.map(|module| format!("{folder}{module}")));
    }
    circles
}

/// What the top-level modules below a folder name of each other. Unit tests are left out: they know what they need.
fn edges<'t>(sources: &'t [(String, String)], folder: &str) -> Edges<'t> {
    let mut edges = Edges::new();
    for (name, text) in sources {
        let Some(path) = name.strip_prefix(folder) else {
            continue;
        };
        let module = path.split(['/', '.']).next().unwrap_or_default();
        let code = text.split("#[cfg(test)]\nmod tests {").next();
        let code = code.unwrap_or_default();
        let mut named: BTreeSet<&str> = names(code, "crate::").collect();
        // A file of the top level has the root as its parent.
        if !path.contains('/') && module != "lib" {
            named.extend(names(code, "super::"));
        }
        named.remove(module);
        if !path.ends_with("tests.rs") && module != "lib" {
            edges.entry(module).or_default().append(&mut named);
        }
    }
    edges
}

/// The first word of every path that begins with `root`, the words of a list in braces included.
fn names<'t>(text: &'t str, root: &str) -> impl Iterator<Item = &'t str> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(root).flat_map(move |(at, root)| {
        let after = &text[at + root.len()..];
        let list = after
            .strip_prefix('{')
            .and_then(|list| list.split('}').next());
        let words = list.unwrap_or(after.split(|c| !is_word(c)).next().unwrap_or_default());
        words.split(',').map(move |word| {
            word.trim()
                .split(|c| !is_word(c))
                .next()
                .unwrap_or_default()
        })
    })
}

/// Whether a module comes back to itself.
fn reaches(edges: &Edges<'_>, start: &str) -> bool {
    let of = |module: &str| edges.get(module).into_iter().flatten().copied();
    let mut open: Vec<&str> = of(start).collect();
    let mut seen = BTreeSet::new();
    while let Some(module) = open.pop() {
        if module == start {
            return true;
        }
        if seen.insert(module) {
            open.extend(of(module));
        }
    }
    false
}

/// Cases for [`edges`] and [`reaches`]: a check that finds none would never fail.
pub(super) fn a_circle_is_found_through_lists_and_parents() {
    let file = |name: &str, text: &str| (format!("src/{name}"), text.to_owned());
    let sources = [
        file(
            "a.rs",
            "use super::{b, c::D};\n#[cfg(test)]\nmod tests { use crate::e; }",
        ),
        file("b/x.rs", "use super::y;\nuse crate::c::D;"),
        file("c.rs", "let e = crate::e::new();"),
        file("e.rs", "use crate::b;"),
        file("lib.rs", "use crate::a;"),
    ];
    let edges = edges(&sources, "src/");
    let circle: Vec<&&str> = edges
        .keys()
        .filter(|module| reaches(&edges, module))
        .collect();
    assert_eq!(circle, [&"b", &"c", &"e"]);
}
