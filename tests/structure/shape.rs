//! How large a file and a function may grow.

use super::sources;

/// A longer file is two subjects.
const MOST_LINES_OF_A_FILE: usize = 500;
/// A longer function does not fit a screen.
const MOST_LINES_OF_A_FUNCTION: usize = 70;
/// What may stand before `fn`.
const QUALIFIERS: [&str; 6] = [
    "pub ",
    "pub(crate) ",
    "pub(super) ",
    "const ",
    "async ",
    "unsafe ",
];

/// Every file of the workspace that is too long, with its lines.
pub(super) fn long_files() -> Vec<String> {
    let files = sources().into_iter();
    let lengths = files.map(|(name, text)| (name, text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > MOST_LINES_OF_A_FILE);
    long.map(|(name, lines)| format!("{name} ({lines})"))
        .collect()
}

/// Every function of the workspace that is too long, with its lines.
pub(super) fn long_functions() -> Vec<String> {
    let mut long = Vec::new();
    for (file, text) in sources() {
        let functions = functions(&text).into_iter();
        let too_long = functions.filter(|(_, lines)| *lines > MOST_LINES_OF_A_FUNCTION);
        long.extend(too_long.map(|(name, lines)| format!("{file}: {name} ({lines})")));
    }
    long
}

/// The functions of a formatted source file with their lines: a body ends with a brace that stands where `fn` begins.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let begun = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, name(line.trim_start())?, line)));
    begun
        .map(|(at, name, line)| {
            let indent = &line[..line.len() - line.trim_start().len()];
            let ends = |line: &&str| {
                line.strip_prefix(indent).is_some_and(|rest| {
                    rest.starts_with('}') || (rest.ends_with(';') && !rest.starts_with(' '))
                })
            };
            let is_whole = line.ends_with(['}', ';']);
            let more = lines[at + 1..].iter().position(|line| ends(&line));
            let more = more.map_or(0, |last| last + 1);
            (name.to_owned(), if is_whole { 1 } else { 1 + more })
        })
        .collect()
}

/// The name of the function that begins in a line.
fn name(line: &str) -> Option<&str> {
    let mut rest = line;
    while let Some(after) = QUALIFIERS.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = after;
    }
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// Cases for [`functions`]: a check that finds none would never fail.
pub(super) fn functions_are_measured_from_their_first_line_to_their_brace() {
    let text = "\
fn one() {}
pub(crate) async fn four(
    of: u8,
) {
}
trait Any {
    fn none(&self) -> u8;
    fn three(&self) {
        if true {}
    }
}
";
    let found = functions(text);
    let found: Vec<(&str, usize)> = found.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(found, [("one", 1), ("four", 4), ("none", 1), ("three", 3)]);
}
