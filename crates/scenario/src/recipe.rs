//! What decides how a run of a scenario looks, as one hash: a recording of it holds for as long as this stays the same.

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

/// Tables that say what happens; all others say how it is told and graded.
const TABLES: [&str; 6] = ["load", "pool", "shop", "history", "timeline", "page"];
/// Keys of their rows that are texts for people.
const TEXTS: [&str; 5] = ["author", "changelog", "diff", "summary", "text"];
/// A row may hold a table of settings, whose keys all count.
const SETTINGS: &str = "settings";

/// The hash of a scenario file's text, in hexadecimal; comments, order and layout of its keys do not count.
pub(crate) fn of(text: &str) -> String {
    let mut hash = Sha256::new();
    // What is not TOML has no recipe; parsing tells its problems.
    let file: Table = text.parse().unwrap_or_default();
    for name in TABLES {
        if let Some(value) = file.get(name) {
            hash.update(name);
            take(&mut hash, value, true);
        }
    }
    hex::encode(&hash.finalize()[..8])
}

/// Takes a value into the hash; each has an end, so that none continues another.
fn take(hash: &mut Sha256, value: &Value, is_row: bool) {
    match value {
        Value::Table(table) => {
            let mut keys: Vec<&String> = table.keys().collect();
            keys.retain(|key| !(is_row && TEXTS.contains(&key.as_str())));
            keys.sort();
            hash.update([b'{']);
            for key in keys {
                hash.update(key);
                hash.update([0]);
                take(hash, &table[key], is_row && key != SETTINGS);
            }
            hash.update([b'}']);
        }
        Value::Array(rows) => {
            hash.update([b'[']);
            rows.iter().for_each(|row| take(hash, row, is_row));
            hash.update([b']']);
        }
        other => {
            hash.update(other.to_string());
            hash.update([0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
title = \"Slow\"
[load]
rate = 60
[[history.gateway]]
release = \"1\"
changelog = \"Pass the deadline on\"
settings = { summary = 1, pages = 2 }
[[timeline]]
at_s = 45
kind = \"deploy\"
[page]
alert = \"Slow\"
[rubric]
severity = [\"sev2\"]
[[debrief.misled]]
text = \"It came last.\"
below = 3
";

    #[test]
    fn what_a_run_looks_like_counts_and_how_it_is_told_does_not() {
        for (from, to, is_same) in [
            ("title = \"Slow\"", "title = \"Slower\"", true),
            ("sev2", "sev1", true),
            ("below = 3", "above = 4", true),
            ("Pass the deadline on", "Cache less", true),
            ("rate = 60", "rate = 60 # a comment\nmix = {}", false),
            ("rate = 60", "rate=60  # a comment", true),
            ("summary = 1, pages = 2", "pages = 2, summary = 1", true),
            ("rate = 60", "rate = 61", false),
            ("summary = 1", "summary = 2", false),
            ("at_s = 45", "at_s = 46", false),
            ("alert = \"Slow\"", "alert = \"Errors\"", false),
            ("release = \"1\"", "release = \"2\"", false),
        ] {
            assert!(FILE.contains(from), "{from}");
            let changed = FILE.replacen(from, to, 1);
            assert_eq!(of(&changed) == of(FILE), is_same, "{from} -> {to}");
        }
    }
}
